"""Much of everything takes no more memory than a little of it: words, annotation, checkpoints, revisions, clients.

Each measures the peak of a process of its own, and asserts memory alone: how long something takes is another matter.
"""

import pyarrow as pa
import pytest

from benchmarks.babylm_size import make_annotated, make_raw
from impossible_lms import read_corpus
from tests.faults.hub_load import Load, downloaded, listed_by_many, serving, uploaded
from tests.memory import COUNTED, MB, peak_of_impossible, peak_so_far, said_by

pytestmark = pytest.mark.skipif(not COUNTED, reason="needs /proc")
PROMISED = 1500 * MB  # of `build`, for 100 million words
MANY = 100  # million words


@pytest.fixture(scope="module")
def pool():
    """Sentences to repeat and vary."""
    blocks = [block for _, block in read_corpus("grammar:sentences=10000,seed=0").blocks()]
    return pa.Table.from_batches(blocks).combine_chunks()


def made(pool, kind, words, folder):
    """A corpus in BabyLM's layout of about so many words, `raw` or `annotated`."""
    if kind == "raw":
        make_raw(folder, pool.column("text").to_pylist(), words)
    else:
        make_annotated(folder, pool, words)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "least", "most"), [("raw", 5, 20), ("annotated", 4, 12)])
def test_a_hundred_million_words_are_built_in_little_memory(pool, kind, least, most, tmp_path):
    """Nine minutes each at most, on a busy machine: 448 and 579 MB of plain text, 539 and 604 MB of CoNLL-U."""
    peaks = {}
    for millions in (least, most):
        corpus = made(pool, kind, millions * 1_000_000, tmp_path / str(millions))
        built = ["--tokenizer", "train:vocab=8000", "--context", "256", "--output", tmp_path / f"built-{millions}"]
        languages = ["--language", "nondeterministic-shuffle", "--language", "partial-reverse"]
        peaks[millions] = peak_of_impossible("build", "--corpus", corpus, *languages, *built)
    a_million_more = max(0, peaks[most] - peaks[least]) / (most - least)
    said = {millions: f"{peak / MB:.0f} MB" for millions, peak in peaks.items()}
    assert peaks[most] + (MANY - most) * a_million_more < PROMISED, said


@pytest.mark.slow
def test_conllu_of_200_mb_is_read_and_built_in_little_memory(pool, tmp_path):
    """Three minutes, with other work."""
    corpus = made(pool, "annotated", 3_100_000, tmp_path / "corpus")
    assert sum(path.stat().st_size for path in corpus.iterdir()) > 200 * MB
    read = """
import sys
from impossible_lms import read_corpus
before = most()
for _, block in read_corpus(sys.argv[1]).blocks():
    pass
print(most() - before)
"""
    (grown,) = said_by(read, corpus)
    built = ["--tokenizer", "train:vocab=8000", "--context", "256", "--output", tmp_path / "built"]
    peak = peak_of_impossible("build", "--corpus", corpus, "--language", "paper", *built)
    assert grown < 200 * MB and peak < 800 * MB


def test_seven_times_the_words_are_built_in_hardly_more_memory(pool, tokenizer, tmp_path):
    """Forty bytes for each word more: what is kept of words is less, and Python's objects for them would be more.

    Ten megabytes come and go from run to run; what a hundred million words take is measured by a slow test.
    """
    tokenizer.save(tmp_path / "tokenizer")
    peaks, few, many = {}, 200_000, 1_400_000
    for words in (few, many):
        corpus = made(pool, "raw", words, tmp_path / str(words))
        built = ["--tokenizer", tmp_path / "tokenizer", "--context", "128", "--output", tmp_path / f"built-{words}"]
        peaks[words] = peak_of_impossible("build", "--corpus", corpus, "--language", "partial-reverse", *built)
    assert peaks[many] < peaks[few] + 40 * (many - few), {words: f"{peak / MB:.0f} MB" for words, peak in peaks.items()}


EVALUATED = """
import sys
from impossible_lms import METRICS
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.models.run import Run
for number in range(int(sys.argv[2])):
    evaluate(METRICS["perplexity"], Run.open(sys.argv[1]), Request(sample=64, seed=number, name=f"sample-{number}"))
    print(now())
"""


def test_checkpoints_are_measured_one_after_the_other_without_growth(copied_run):
    """Three of 3.4 MB in each of seven evaluations."""
    measured = said_by(EVALUATED, copied_run.folder, "7")
    assert measured[-1] < measured[2] + 16 * MB, [round(each / MB) for each in measured]


EXPERIMENT = """
import sys
from pathlib import Path
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.tasks import Measure
from impossible_lms.experiment.work import ended, write_plan
plan = Plan.of(load_experiment(Path(sys.argv[1]), [f"store={sys.argv[2]}"]))
write_plan(plan)
for name, task in plan.tasks.items():
    done = ended(plan.folder, name)
    assert done.fault is None, done.fault
    if isinstance(task, Measure):
        print(now())
"""
FILE = """
corpus = "grammar:sentences=3000,seed=0"
tokenizer = "train:vocab=400"
languages = ["paper"]
models = ["gpt2-no-pos"]
size = "tiny"
seeds = [0]

[recipe]
base = "demo"
steps = 30
sequences_per_step = 2
context = 32
warmup_steps = 1
checkpoint_every = 1
precision = "fp32"

[[evaluate]]
metric = "perplexity"
sample = 64
"""


@pytest.mark.slow
def test_thirty_checkpoints_in_each_of_fifteen_languages_are_measured_without_growth(tmp_path):
    """Seven minutes, with other work.

    In one process, task by task, as a worker of an experiment does; each run is trained in it before.
    """
    (tmp_path / "paper.toml").write_text(FILE, encoding="utf-8")
    measured = said_by(EXPERIMENT, tmp_path / "paper.toml", tmp_path / "store")
    assert len(measured) == 15
    assert max(measured[3:]) < measured[2] + 48 * MB, measured
    run = next((tmp_path / "store" / "runs").glob("partial-reverse*"))
    peaks = {}
    for name in ("every=10", "all"):
        peaks[name] = peak_of_impossible("evaluate", "perplexity", run, "--sample", "60", "--checkpoints", name)
    assert peaks["all"] < peaks["every=10"] + 32 * MB, peaks


@pytest.mark.slow
def test_thirty_revisions_of_500_mb_and_fifty_clients(tmp_path):
    """Nine minutes, with other work, and 16 GB of disk: 58 MB of memory in the server, 147 MB in the client."""
    _loaded(Load(revisions=30, bytes_each=500_000_000, clients=50), tmp_path)


def test_a_few_revisions_and_clients(tmp_path):
    """The same in small: the server has 38 MB when it begins, and 53 MB in the end."""
    _loaded(Load(revisions=3, bytes_each=40_000_000, clients=12), tmp_path)


def _loaded(load, folder):
    """Upload all, download all of it, and have clients at once do the same of a server that is begun anew."""
    with serving(folder / "hub") as server:
        before = peak_so_far(server.pid)
        client = uploaded(server.address, load, folder)
        sent = peak_so_far(server.pid)
        downloaded(server.address, load, folder)
        fetched = peak_so_far(server.pid)
    with serving(folder / "hub") as server:
        listed_by_many(server.address, load, folder)
        many = peak_so_far(server.pid)
    said = {"begun": before, "sent": sent, "fetched": fetched, "many": many, "client": client}
    assert max(sent, fetched, many) < before + 64 * MB and client < 256 * MB, said
