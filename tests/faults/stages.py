"""The stages that faults are tried on: each a small piece of real work in a folder, which may be begun again."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from impossible_lms import annotate, cli, read_corpus
from tests.corpora.test_annotate import Splitter
from tests.faults.experiments import FILE
from tests.faults.hub import published_on_hub

RAY = "run-ray"
RECIPE = """steps = 6
sequences_per_step = 2
context = 32
learning_rate = 3e-3
warmup_steps = 2
beta1 = 0.9
beta2 = 0.999
epsilon = 1e-8
weight_decay = 0.1
gradient_clip = 1.0
dropout = 0.1
checkpoint_every = 2
held_out_every = 3
precision = "fp32"
"""
EXPERIMENT = f"""{FILE}[publish]
to = "cache"
cache = "hub"
namespace = "me"
"""


@dataclass(frozen=True)
class Stage:
    """A piece of work.

    Attributes:
        name: of it.
        needs: names of the stages whose folders it reads.
        words: of its command line, in the folder that all stages share.
        work: what is done instead, where there is no such command line without a large library.
        heavy: whether it starts programs, which takes seconds, and in which nothing can be made to fail.
        helpers: what the names of processes beside its own begin with that may be killed by themselves; None for none.
        codes: the exit codes with which it ends for want of a disk.
        first: command lines that make what it reads besides, before anything goes wrong.
    """

    name: str
    needs: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    work: Callable[[], None] | None = None
    heavy: bool = False
    helpers: str | None = None
    codes: tuple[int, ...] = (5,)
    first: tuple[tuple[str, ...], ...] = ()

    def of_file(self, file: str) -> "Stage":
        """The same of another experiment file."""
        return replace(self, words=tuple(file if word.endswith(".toml") else word for word in self.words))

    def __call__(self) -> None:
        """Do it, in the current folder."""
        if self.work is not None:
            self.work()
            return
        sys.argv = ["impossible", *self.words]
        cli.main()


def _annotated() -> None:
    annotate(read_corpus("text.txt"), Splitter(), Path("annotated.conllu"))


def as_command(work: Callable[[], None], verb: str) -> Callable[[], None]:
    """The work, with the command line to say how it ended."""

    def command() -> None:
        sys.argv, app = ["impossible", verb], cli.app
        cli.app = lambda **keywords: work()  # type: ignore[assignment]
        try:
            cli.main()
        finally:
            cli.app = app

    return command


_BUILD = ("build", "--corpus", "grammar:sentences=400,seed=0", "--tokenizer", "train:vocab=400", "--context", "32")
_TRAIN = ("train", "--recipe", "recipe.toml", "--size", "tiny")
STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("build", words=(*_BUILD, "--language", "partial-reverse", "--output", "data")),
        Stage("build-several", words=(*_BUILD, "--language", "reverse", "--language", "token-hop", "--output", "many")),
        Stage("annotate", work=as_command(_annotated, "annotate")),
        Stage("train", ("build",), (*_TRAIN, "--data", "data", "--output", "run")),
        Stage(
            "generate",
            ("train",),
            ("evaluate", "generation", "run", "--control", "control", "--sample", "4"),
            first=(
                (*_BUILD, "--language", "no-reverse", "--output", "control-data"),
                (*_TRAIN, "--data", "control-data", "--output", "control"),
            ),
        ),
        Stage("evaluate", ("train",), ("evaluate", "perplexity", "run", "--sample", "8")),
        Stage("words", ("train",), ("words", "run", "--corpus", "text.txt", "--output", "words")),
        Stage("publish-cache", ("evaluate",), ("publish", "run", "--to", "cache", "--namespace", "me")),
        Stage("publish-folder", ("evaluate",), ("publish", "run", "--to", "published", "--namespace", "me")),
        Stage(
            "publish-data", ("build",), ("publish", "data", "--to", "datasets", "--name", "corpus", "--license", "mit")
        ),
        Stage("report", ("evaluate",), ("report", "run", "--output", "page/report.html")),
        # What the hub's disk does is the hub's answer, which is no fault of a disk here.
        Stage("publish-hub", ("evaluate",), work=as_command(published_on_hub, "publish"), helpers="", codes=(2, 5)),
        # A task that fails has the experiment end with 1.
        Stage("run", words=("run", "small.toml", "--engine", "local:2"), heavy=True, helpers="", codes=(1, 5)),
        Stage(RAY, words=("run", "small.toml", "--engine", "ray"), heavy=True, helpers="ray::", codes=(1, 5)),
    )
}


def prepare(folder: Path) -> None:
    """What is there before any stage."""
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (folder / "small.toml").write_text(EXPERIMENT, encoding="utf-8")
    lines = (f"It is the line {each} . Yes, naïve, here.\n" for each in range(200))
    (folder / "text.txt").write_text("".join(lines), encoding="utf-8")
    (folder / "home").mkdir()


def environment(folder: Path) -> Mapping[str, str]:
    """Where a stage in this folder finds its own caches; read when it uses them."""
    return {"HF_HUB_CACHE": str(folder / "home" / "hub"), "OMP_NUM_THREADS": "1"}


def copied(source: Path, target: Path) -> None:
    """A folder of its own with the same content; weights, which are replaced and never written into, are linked."""
    shutil.copytree(source, target, symlinks=True, copy_function=_linked_or_copied)


def _linked_or_copied(source: str, target: str) -> None:
    if source.endswith(".safetensors"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)
