"""The paper's experiment from BabyLM as it is unpacked to a report: the page's commands, in both layouts, small."""

import json
import random
import re
from pathlib import Path

import pytest

from impossible_lms import read_corpus
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.languages.registry import PAPER
from tests import layouts
from tests.corpora.conftest import trained_pipeline
from tests.docs.pages import ROOT, blocks_of
from tests.docs.spelling import words_of

ENGLISH = "grammar:sentences=600,seed=4"
PAGE = "docs/reproduce.md"
# What makes the experiment one of minutes; all else is as `init paper` wrote it.
SMALL = (
    'models=["gpt2-no-pos"]',
    "size=tiny",
    "seeds=[53]",
    "tokenizer=train:vocab=1200",
    "recipe.steps=2",
    "recipe.warmup_steps=1",
    "recipe.checkpoint_every=2",
    "recipe.held_out_every=2",
    "recipe.sequences_per_step=4",
    "recipe.context=64",
    "recipe.precision=fp32",
    *(f"evaluate.{metric}.checkpoints=2" for metric in ("perplexity", "interventions", "probes", "learnability")),
    *(f"evaluate.{metric}.sample=20" for metric in ("perplexity", "surprisal", "interventions", "learnability")),
    "evaluate.probes.sample=60",
)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A spaCy pipeline that knows the words of ENGLISH."""
    rows = [row for _, block in read_corpus(ENGLISH).blocks() for row in block.to_pylist()]
    return trained_pipeline(rows, tmp_path_factory.mktemp("spacy") / "english", steps=6, with_parser=False)


@pytest.fixture(params=["2023", "2024"])
def babylm(request, tmp_path, monkeypatch):
    """BabyLM unpacked in the current folder, as the page calls it, in the layout of a year; of sentences of ENGLISH."""
    monkeypatch.setattr(layouts, "SENTENCES", tuple(read_corpus(ENGLISH).texts()))
    monkeypatch.setattr(layouts, "SIZES", {"train": 250, "dev": 40, "test": 250})
    monkeypatch.chdir(tmp_path)
    if request.param == "2023":
        return layouts.babylm_2023(tmp_path)
    return layouts.babylm_2024(tmp_path / "babylm_data", sizes=("100M", "10M"))


def commands_of_the_page():
    """What the page asks a reader to type, in order, up to the rehearsal."""
    text = (ROOT / PAGE).read_text(encoding="utf-8").partition("## A rehearsal")[0]
    blocks = [block for block in blocks_of(text, PAGE) if block.language == "sh"]
    return [words_of(command) for block in blocks for command in block.commands()]


class Reader:
    """Types the commands of the page, and no others; a tagger that is here takes the place of Stanza."""

    def __init__(self, impossible, tagger):
        self.impossible, self.tagger = impossible, tagger
        self.said = {}

    def follow(self, *verbs):
        """The commands from the beginning of the page on that have one of these verbs; `run --dry-run` is one."""
        for program, *words in commands_of_the_page():
            if program != "impossible":
                assert program in ("pip", "python")  # gets Stanza
                continue
            verb = " ".join([words[0], *(["--dry-run"] if "--dry-run" in words else [])])
            if verb in verbs:
                self._type(verb, words)

    def _type(self, verb, words):
        if verb == "annotate":
            output = words[words.index("--output") + 1]
            words = [*words[: words.index("--with")], "--with", f"spacy:{self.tagger}", "--output", "tagged"]
            self._ran(verb, words)
            words = ["annotate", "tagged", "--with", f"trees:{ENGLISH}", "--output", output]
        elif verb != "init":
            changes = list(SMALL)
            if any(word.startswith("evaluate=") for word in words):  # its entries are the reader's own
                changes = [each for each in SMALL if not each.startswith("evaluate.") or ".perplexity." in each]
            words = [*words, *(word for change in changes for word in ("--set", change))]
        self._ran(verb, words)

    def _ran(self, verb, words):
        code, out, err = self.impossible(*words)
        assert code == 0, (words, out, err)
        self.said[verb] = self.said.get(verb, "") + out + err


@pytest.fixture
def reader(impossible, tagger):
    return Reader(impossible, tagger)


def test_the_page_is_followed_to_the_plan(babylm, reader, impossible):
    reader.follow("init", "annotate", "run --dry-run")
    assert "blank lines skipped: " in reader.said["annotate"]
    made = read_corpus("babylm-annotated")
    assert made.splits == ("train", "dev", "test")
    assert {source.genre for source in made.sources} == set(layouts.GENRES)
    assert "15" in reader.said["run --dry-run"]
    words = ("build", "--corpus", "babylm-annotated", "--language", "paper", "--tokenizer", "train:vocab=1200")
    code, out, err = impossible(*words, "--context", 64, "--output", "data")
    assert code == 0 and len(out.splitlines()) == 15, err
    for name in PAPER:
        record = json.loads(Path("data", name, "manifest.json").read_text(encoding="utf-8"))["record"]
        assert record["counts"]["train"]["sentences"] > 500
        assert all(record["counts"]["train"]["markers"].values()), name


@pytest.mark.slow
def test_the_page_is_followed_to_the_report(babylm, reader):
    reader.follow("init", "annotate", "run --dry-run", "run", "report")
    plan = Plan.of(load_experiment("paper.toml", ["corpus=babylm-annotated", *SMALL]))
    assert len(plan.languages) == 15
    report = Path("report.html").read_text(encoding="utf-8")
    for name in PAPER:
        assert name in report or PAPER[name].name in report
    for what in ("perplexity", "surprisal", "interventions", "probes", "learnability"):
        assert what in report.lower()
    assert set(re.findall(r"[0-9]+ failed", reader.said["run"])) == {"0 failed"}


def test_a_reader_makes_other_choices(tmp_path, monkeypatch, impossible):
    """The two sizes are never read together; without annotation the languages that need none are to be had."""
    draw = random.Random(0)
    monkeypatch.setattr(layouts, "SENTENCES", tuple(draw.sample(list(read_corpus(ENGLISH).texts()), 100)))
    monkeypatch.chdir(tmp_path)
    layouts.babylm_2023(tmp_path)
    impossible("init", "paper")
    code, _, err = impossible("run", "paper.toml", "--set", "corpus=babylm_data", "--dry-run")
    assert code == 2 and "babylm_data:100M" in err.splitlines()[0]  # and the tokenizer is not to be had here
    assert all(line.startswith("error: ") for line in err.splitlines())
    smaller = [change for change in SMALL if not change.startswith("evaluate")]
    evaluate = 'evaluate=[{metric="perplexity", checkpoints=2}]'
    changes = ("corpus=babylm_data:100M", 'languages=["shuffle", "reverse"]', evaluate, *smaller)
    words = [word for change in changes for word in ("--set", change)]
    code, out, err = impossible("run", "paper.toml", *words, "--dry-run")
    assert code == 0 and all(line.startswith("measuring: ") for line in err.splitlines()), (out, err)
    words = [word for change in ("corpus=babylm_data:100M", *SMALL) for word in ("--set", change)]
    code, _, err = impossible("run", "paper.toml", *words, "--dry-run")
    assert code == 2 and "languages: hop: the corpus has no words" in err and "--with stanza" in err
