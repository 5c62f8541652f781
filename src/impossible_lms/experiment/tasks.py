"""Tasks: the pieces of an experiment's work; each knows what it needs, whether it is done, and how to do it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.data.build import build_in_orders
from impossible_lms.data.limits import Limits
from impossible_lms.documents import upper_first
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.evaluation.tables import read_evaluation
from impossible_lms.experiment.checks import Checked
from impossible_lms.experiment.store import (
    TOKENIZER,
    is_dataset,
    is_evaluated,
    is_measured,
    is_tokenizer,
    is_trained,
)
from impossible_lms.files import folder_beside, write_text
from impossible_lms.languages import get_languages
from impossible_lms.locks import lock_beside, writing
from impossible_lms.models.run import LOCK, Run
from impossible_lms.progress import Progress
from impossible_lms.report.metric_figures import write_metric_figure
from impossible_lms.tokenizer import Tokenizer, load_tokenizer
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.train import Options, train

Say = Callable[[str], None]


class Task(Protocol):
    """A piece of work, done by one process; what is done of it is never done again."""

    @property
    def name(self) -> str:
        """What tells it from the other tasks of its experiment; serves as the name of a file."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the tasks that must be done before."""

    @property
    def after(self) -> tuple[str, ...]:
        """The names of the tasks that must have ended before, well or not."""

    @property
    def run(self) -> str | None:
        """The run it is about, or None."""

    @property
    def uses_device(self) -> bool:
        """Whether it wants a GPU, where there is one."""

    @property
    def locks(self) -> tuple[Path, ...]:
        """The files it holds a lock on while it is being done."""

    @property
    def makes(self) -> tuple[Path, ...]:
        """The folders and files of the store that are there once it is done."""

    def is_done(self) -> bool:
        """Whether what it makes is there."""

    def refused(self) -> str | None:
        """Why it would be for nothing, as a check of the data has found; None where it would not."""

    def perform(self, progress: Progress, say: Say) -> None:
        """Do it, or what is left of it."""


class Plain:
    """What most tasks have in common: they wait for nothing but what they need, and are never refused."""

    after: tuple[str, ...] = ()

    def refused(self) -> str | None:
        return None


@dataclass(frozen=True)
class Source:
    """The corpus and tokenizer of an experiment: the specs that ask for them, and the hash of what these led to."""

    corpus: str
    fingerprint: str
    tokenizer: str
    folder: Path  # of the tokenizer

    def read(self) -> Corpus:
        """The corpus; UserError where it has changed since the experiment was planned."""
        corpus = read_corpus(self.corpus)
        if corpus.fingerprint() != self.fingerprint:
            raise UserError(f"corpus {self.corpus}: changed since the experiment began. Start it again.")
        return corpus

    def vocabulary(self) -> Tokenizer:
        """The tokenizer."""
        return replace(load_tokenizer(str(self.folder)), name=self.tokenizer)


@dataclass(frozen=True)
class MakeTokenizer(Plain):
    """Train the tokenizer, or fetch it, and keep it in the store."""

    source: Source
    name: str = "tokenizer"
    needs: tuple[str, ...] = ()
    run: None = None
    uses_device: bool = False

    @property
    def locks(self) -> tuple[Path, ...]:
        return (lock_beside(self.source.folder),)

    @property
    def makes(self) -> tuple[Path, ...]:
        return (self.source.folder,)

    def is_done(self) -> bool:
        return is_tokenizer(self.source.folder)

    def perform(self, progress: Progress, say: Say) -> None:
        with writing(self.source.folder):
            tokenizer = load_tokenizer(self.source.tokenizer, self.source.read())
            with folder_beside(self.source.folder, TOKENIZER, {"request": self.source.tokenizer}) as part:
                tokenizer.save(part)


@dataclass(frozen=True)
class BuildData(Plain):
    """Write the corpus in some languages and orders, in one pass over it."""

    name: str
    source: Source
    languages: tuple[str, ...]
    seeds: tuple[int, ...]  # of orders of the training sentences
    folders: tuple[Path, ...]  # of the datasets: the first language's by seed, then the second's
    context: int
    as_published: bool
    limits: Limits
    needs: tuple[str, ...] = (MakeTokenizer.name,)
    run: None = None
    uses_device: bool = False

    @property
    def locks(self) -> tuple[Path, ...]:
        return tuple(lock_beside(folder) for folder in self.folders)

    @property
    def makes(self) -> tuple[Path, ...]:
        return self.folders

    def is_done(self) -> bool:
        return all(is_dataset(folder) for folder in self.folders)

    def perform(self, progress: Progress, say: Say) -> None:
        corpus, tokenizer = self.source.read(), self.source.vocabulary()
        folders = iter(self.folders)
        homes: dict[tuple[Path, ...], list[str]] = {}
        for language in self.languages:
            mine = tuple(next(folders).parent for _ in self.seeds)
            homes.setdefault(mine, []).append(language)
        for mine, languages in homes.items():
            build_in_orders(
                corpus,
                get_languages(languages),
                tokenizer,
                dict(zip(self.seeds, mine, strict=True)),
                context=self.context,
                as_published=self.as_published,
                limits=self.limits,
                progress=progress,
            )


@dataclass(frozen=True)
class Train:
    """Train one model."""

    run: str
    data: Path
    folder: Path
    model: str
    size: str | None
    seed: int
    recipe: Recipe
    options: Options
    needs: tuple[str, ...]
    after: tuple[str, ...] = ()  # the checks of the data of all that is to be measured with it
    checked: tuple[Checked, ...] = ()  # what these found
    devices: int = 1
    uses_device: bool = True

    @property
    def name(self) -> str:
        return f"train.{self.run}"

    def refused(self) -> str | None:
        faults = [each.fault() for each in self.checked]
        return f"nothing can be measured on it. {upper_first(str(faults[0]))}" if faults and all(faults) else None

    @property
    def locks(self) -> tuple[Path, ...]:
        return (self.folder / LOCK,)

    @property
    def makes(self) -> tuple[Path, ...]:
        return (self.folder,)

    def is_done(self) -> bool:
        return is_trained(self.folder)

    def perform(self, progress: Progress, say: Say) -> None:
        if why := self.refused():
            raise UserError(why)
        if self.devices > 1 and "RANK" not in os.environ:
            return self._by_torchrun()
        train(
            self.data,
            self.folder,
            recipe=self.recipe,
            model=self.model,
            size=self.size,
            seed=self.seed,
            options=self.options,
            progress=progress,
            say=say,
        )
        return None

    def _by_torchrun(self) -> None:
        """The same with a process a device; they save and stop when this one is asked to."""
        recipe = self.folder.with_name(f".{self.folder.name}.recipe.toml")
        write_text(recipe, "".join(f"{key} = {value!r}\n" for key, value in self.recipe.model_dump().items()))
        words = [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={self.devices}"),
            *("-m", "impossible_lms", "train", f"--data={self.data}", f"--output={self.folder}"),
            *(f"--recipe={recipe}", f"--model={self.model}", f"--seed={self.seed}", f"--dtype={self.options.dtype}"),
            *([f"--size={self.size}"] if self.size else []),
            *([f"--keep={self.options.keep}"] if self.options.keep else []),
        ]
        child = subprocess.Popen(words)  # noqa: S603 - our own words
        asked: list[int] = []

        def pass_on(number: int, frame: object) -> None:
            asked.append(number)
            child.terminate()

        before = signal.signal(signal.SIGTERM, pass_on)
        try:
            code = child.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
            recipe.unlink(missing_ok=True)
        if code and (asked or code < 0 or code == 130):  # torchrun itself says 1 once it was stopped
            raise Interrupted(f"{self.folder}: stopped. The same command continues.")
        if code:
            raise UserError(f"{self.folder}: torchrun ended with code {code}; its log says why.")


@dataclass(frozen=True)
class Measure:
    """Measure one run under one metric."""

    name: str
    run: str
    folder: Path
    metric: str
    request: Request
    needs: tuple[str, ...]
    checked: Checked
    after: tuple[str, ...] = ()
    uses_device: bool = True

    @property
    def locks(self) -> tuple[Path, ...]:
        return (lock_beside(self.tables),)

    @property
    def makes(self) -> tuple[Path, ...]:
        return (self.tables,)

    @property
    def tables(self) -> Path:
        """The folder of what it finds."""
        return self.folder / "evaluation" / str(self.request.name)

    def is_done(self) -> bool:
        return is_evaluated(self.tables)

    def refused(self) -> str | None:
        return self.checked.fault()

    def perform(self, progress: Progress, say: Say) -> None:
        """Write its tables and its figure; of tables that are there, the figure alone.

        UserError, once they are written, where checkpoints were skipped.
        """
        if why := self.refused():
            raise UserError(why)
        metric, run = get_metric(self.metric), Run.open(self.folder)
        if is_measured(self.tables):
            found = read_evaluation(self.tables, run)
        else:
            found = evaluate(metric, run, self.request, progress=progress)
        with writing(self.tables):
            write_metric_figure(metric, [found.tables], found.folder)
        if found.skipped:
            raise UserError("; ".join(f"{revision} skipped: {why}" for revision, why in found.skipped.items()))
