"""What tests of experiments share: a small experiment file, and an engine that works in this process."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from impossible_lms.experiment.board import Board
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.engines.engine import Ended
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.run import run_experiment
from impossible_lms.experiment.work import ended

SMALL = """
corpus = "grammar:sentences=2000,seed=0"
tokenizer = "train:vocab=400"
languages = ["no-reverse", "partial-reverse"]
models = ["gpt2-no-pos"]
size = "tiny"
seeds = [1]

[recipe]
base = "demo"
steps = 6
sequences_per_step = 4
context = 32
checkpoint_every = 3

[[evaluate]]
metric = "perplexity"
sample = 40

[[evaluate]]
metric = "learnability"
sample = 40
"""


FEWER = ("recipe.steps=3", "evaluate=[]")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small experiment file in a folder of its own."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture
def planned(small: Path) -> Callable[..., Plan]:
    """The plan of the small experiment, with changes made to it as by --set."""
    return lambda *changes, **options: Plan.of(load_experiment(small, changes), **options)


class Here:
    """An engine that does each task at once, in this process; `before` is called with each task's name."""

    def __init__(self, folder, before=lambda name: None):
        self.folder, self.before = folder, before
        self.asked, self.over, self.is_stopped = [], [], False

    def has_room(self):
        return not self.over

    def submit(self, task):
        self.asked.append(task.name)
        fault = self.before(task.name)
        self.over.append(ended(self.folder, task.name) if fault is None else Ended(task.name, fault))

    def wait(self, seconds):
        over, self.over = self.over, []
        return over

    def stop(self):
        self.is_stopped = True

    def close(self):
        pass


@pytest.fixture(scope="session")
def here() -> type[Here]:
    """The engine that works in this process."""
    return Here


@pytest.fixture
def board() -> Board:
    """A board whose lines are kept: `board._console.file.getvalue()`."""
    return Board(Console(file=io.StringIO(), width=200))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small experiment, run twice: the second time with fewer steps, so that its first runs are left.

    Tests must not change it.
    """
    home = tmp_path_factory.mktemp("finished")
    file = home / "small.toml"
    file.write_text(SMALL, encoding="utf-8")
    for changes in ((), FEWER):
        run_experiment(Plan.of(load_experiment(file, changes)), Here, Board(Console(file=io.StringIO())))
    return home


@pytest.fixture
def unmarked(tmp_path):
    """A corpus in which no verb is in the plural or the singular."""
    word = "{}\t{}\t{}\t{}\t_\t_\t0\troot\t_\t_\n"
    words = [(each, each, "X") for each in ["She", "sees", "a", "b", "c", "d", "e", "f"]]
    sentence = "# text = She sees a b c d e f\n" + "".join(word.format(n, *each) for n, each in enumerate(words, 1))
    path = tmp_path / "unmarked.conllu"
    path.write_text(f"{sentence}\n" * 600, encoding="utf-8")
    return path


@pytest.fixture
def shipped(tmp_path, monkeypatch, impossible) -> Callable[[str, tuple[str, ...]], list[str]]:
    """A function that runs an experiment that comes with the package, changed, in an empty folder; gives the changes'
    words for other commands on it."""

    def run(name: str, changes: tuple[str, ...]) -> list[str]:
        monkeypatch.chdir(tmp_path)
        assert impossible("init", name)[0] == 0
        words = [word for change in changes for word in ("--set", change)]
        code, _, err = impossible("run", f"{name}.toml", "--engine", "local:1", *words)
        assert code == 0, err
        return words

    return run
