"""Several corpora in one experiment: each by itself, told apart everywhere, and compared where that is sound."""

import json

import pytest

from impossible_lms import read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.compare import compare
from impossible_lms.evaluation.separation import separation
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.publication import PublishRun
from impossible_lms.experiment.reporting import findings_of_experiment, report_experiment
from impossible_lms.experiment.run import run_experiment
from impossible_lms.experiment.tasks import Measure, Train
from impossible_lms.report.separated import by_human

FILE = """
tokenizer = "train:vocab=300"
languages = ["no-reverse", "full-reverse"]
models = ["gpt2-no-pos"]
size = "tiny"
seeds = [1]
parallel = true

[[corpora]]
name = "en"
corpus = "en.txt:test=en-test.txt"

[[corpora]]
name = "ne"
corpus = "ne.txt:test=ne-test.txt"

[recipe]
base = "demo"
steps = 4
sequences_per_step = 4
context = 32
checkpoint_every = 4
held_out_every = 0

[[evaluate]]
metric = "perplexity"
sample = 20

[[evaluate]]
metric = "sentence-bits"
sample = 20
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """An experiment file on English and on its words back to front, of which other sentences are trained on."""
    folder = tmp_path_factory.mktemp("corpora")
    texts = list(read_corpus("grammar:sentences=700,seed=0").texts())
    for name, turned, first in (("en", 1, 100), ("ne", -1, 160)):
        mine = [" ".join(text.split()[::turned]) for text in texts]
        (folder / f"{name}.txt").write_text("\n".join(mine[first:]) + "\n", encoding="utf-8")
        (folder / f"{name}-test.txt").write_text("\n".join(mine[:60]) + "\n", encoding="utf-8")
    (folder / "human.toml").write_text(FILE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def planned(home):
    return lambda *changes: Plan.of(load_experiment(home / "human.toml", changes))


def test_tasks_runs_and_data_carry_the_human_language(planned):
    plan = planned("publish.namespace=me")
    assert list(plan.tasks)[:4] == ["tokenizer.en", "data.en.1-of-1", "check.en.no-reverse", "check.en.full-reverse"]
    runs = [task for task in plan.tasks.values() if isinstance(task, Train)]
    assert [task.run[:-9] for task in runs] == [
        f"{human}-{language}-gpt2-no-pos-s1" for human in ("en", "ne") for language in ("no-reverse", "full-reverse")
    ]
    assert {task.data.parent.name.split("-")[0] for task in runs} == {"en", "ne"}
    assert {need for task in runs for need in task.needs} == {"data.en.1-of-1", "data.ne.1-of-1"}
    assert {task.human for task in plan.tasks.values() if isinstance(task, PublishRun)} == {"en", "ne"}
    places = {name: place for place, name in enumerate(plan.tasks)}
    assert all(places[need] < places[name] for name, task in plan.tasks.items() for need in task.needs)


def test_a_test_part_of_other_files_comes_first(home):
    corpus = read_corpus(f"{home / 'ne.txt'}:test={home / 'ne-test.txt'}")
    assert corpus.splits == ("test", "train") and corpus.name == "ne.txt:test=ne-test.txt"
    first = {split: sum(len(block) for _, block in corpus.part(split).blocks()) for split in corpus.splits}
    assert first == {"test": 60, "train": 540}
    with pytest.raises(UserError, match=r"test=nowhere: no such file or folder"):
        read_corpus(f"{home / 'ne.txt'}:test=nowhere")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("corpus=grammar", r"corpus: there are \[\[corpora\]\], too\. Leave one of them out\."),
        ("corpora.ne.name=EN", "two have the same name"),
        ("corpora.en.corpora=x", r"corpora\.0\.corpora: unknown key\. Did you mean corpus\?"),
        ('parallel=["en", "fi"]', r"human\.toml: parallel: fi is none of the corpora \(en, ne\)\."),
        ("corpora.fi.corpus=x", r"no entry of \[\[corpora\]\] has name fi"),
        ("corpora.ne.corpus=grammar:sentences=700", r"not as many sentences in each corpus \(en 60, ne 700\)"),
        ("corpora.ne.corpus=nowhere.txt", "nowhere.txt: no such file or folder"),
        ('languages=["token-hop", "no-hop"]', r"human: en: languages: token-hop, no-hop: the corpus has no words"),
    ],
)
def test_faults_are_said(planned, change, said):
    with pytest.raises(UserError, match=said):
        planned(change)


def test_parallel_is_of_corpora(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text('corpus = "grammar"\nparallel = true\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"one\.toml: parallel: is of the test parts of several \[\[corpora\]\]"):
        load_experiment(path)


@pytest.fixture(scope="module")
def done(planned):
    """The experiment, done in this process."""
    import io

    from rich.console import Console

    from impossible_lms.experiment.board import Board
    from tests.experiment.conftest import Here

    plan = planned()
    outcome = run_experiment(plan, Here, Board(Console(file=io.StringIO(), width=200)))
    assert not outcome.failures
    return plan


def test_a_language_is_compared_with_its_control_in_the_same_corpus_alone(done):
    found = findings_of_experiment(done, "")
    assert found.contrasts["architecture"].value_counts().to_dict() == {"gpt2-no-pos · en": 2, "gpt2-no-pos · ne": 2}
    alone = [each for task in done.parts[1].tasks.values() if isinstance(task, Measure) for each in [task.tables]]
    assert len(alone) == 4 and len(compare(found.evaluations, metric="perplexity")) == 2


def test_separation_within_and_across(done, impossible, home):
    found = findings_of_experiment(done, "")
    assert found.parallel == ("en", "ne") and set(found.humans.values()) == {"en", "ne"}
    table = separation(by_human(found), parallel=found.parallel)
    kinds = {(row.metric, row.pairs): (row.compared, row.items) for row in table.itertuples()}
    within = {("perplexity", "within"): (2, 20), ("sentence-bits", "within"): (2, 20)}
    assert kinds == within | {("sentence-bits", "across"): (2, 20)}  # the sample is of the same sentences
    assert set(table["architecture"]) == {"gpt2-no-pos"}
    code, out, err = impossible("separation", str(home / "human.toml"), "--json")
    assert code == 0, err
    assert len(json.loads(out)) == len(table)
    code, _, err = impossible("separation", f"en={home / 'human.toml'}")
    assert code == 2 and "names its corpora itself (en, ne)" in err


@pytest.mark.slow
def test_the_report_tells_them_apart(done):
    page = report_experiment(done, "impossible report").read_text(encoding="utf-8")
    assert 'id="separation"' in page and "gpt2-no-pos" in page and "ne beside en" in page
    assert "the test sets are of another corpus and another tokenizer (no-reverse, full-reverse)" in page
    assert (done.folder / "report-figures/separation.csv").is_file()
