"""Models that the explorer was given: listed at its start, loaded once each when they are asked for."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import AnyCheckpoint, context_of, loaded
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.languages import LANGUAGES, get_language
from impossible_lms.languages.language import Language
from impossible_lms.models.published import PublishedCheckpoint, PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.tokenizer import Tokenizer

KEPT = 16  # models in memory at most


@dataclass(frozen=True, eq=False)
class Model:
    """A run or published model under its label, which no other has."""

    label: str
    run: Run | PublishedRun

    @cached_property
    def checkpoints(self) -> Sequence[AnyCheckpoint]:
        """In the order of their steps, one at least."""
        return self.run.checkpoints()

    @cached_property
    def steps(self) -> list[int]:
        """Of the checkpoints."""
        return [checkpoint.step for checkpoint in self.checkpoints]

    @cached_property
    def language(self) -> Language:
        """What it was trained on; UserError where that is not known here."""
        spec = (
            self.run.record["request"]["dataset"].get("described", {}).get("spec") if isinstance(self.run, Run) else ""
        )
        return get_language(spec or self.run.language)

    @property
    def kind(self) -> str:
        """What kind of model it is: its architecture, and its size where that is known."""
        size = self.run.record["request"].get("size") if isinstance(self.run, Run) else None
        return f"{self.run.architecture.name} {size}" if size else self.run.architecture.name

    @cached_property
    def room(self) -> int | None:
        """The most tokens it takes; None for any number."""
        return context_of(self.run)

    def step(self, asked: int) -> int:
        """The checkpoint that is nearest to the steps asked for; the last for 0."""
        return min(self.steps, key=lambda step: abs(step - asked)) if asked else self.steps[-1]


@dataclass(frozen=True, eq=False)
class Heard:
    """A checkpoint in memory."""

    scorer: Scorer
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Models:
    """All of them, by label, and those in memory, the last used last."""

    named: dict[str, Model]
    _kept: "OrderedDict[tuple[str, int], Heard]" = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def __len__(self) -> int:
        return len(self.named)

    @property
    def labels(self) -> list[str]:
        """In the order they were given."""
        return list(self.named)

    def get(self, label: str) -> Model:
        """The model of a label, the first for none; UserError for one that was not given at the start."""
        if not self.named:
            raise UserError("No model was given: start with impossible explore RUNS.")
        if not label:
            return next(iter(self.named.values()))
        if label not in self.named:
            raise UserError(f"{label}: not among the models that were given at the start.")
        return self.named[label]

    def heard(self, model: Model, step: int) -> Heard:
        """A checkpoint of a model, loaded once; one is loaded at a time. UserError where it cannot be read."""
        key = (model.label, step)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            checkpoint = model.checkpoints[model.steps.index(step)]
            found = Heard(Scorer(loaded(checkpoint)), checkpoint.tokenizer)
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found

    def control_of(self, model: Model) -> Model | None:
        """Of the models given that of the control's language which is most like it: kind first, then seed."""
        try:
            control = model.language.control
        except UserError:
            return None
        if control == model.run.language:
            return None
        alike = [each for each in self.named.values() if each.run.language == control and each.kind == model.kind]
        return min(alike, key=lambda each: each.run.seed != model.run.seed) if alike else None


def models_of(runs: Sequence[Run | PublishedRun]) -> Models:
    """Runs under labels of their own: the name, with the seed and then the folder where several have one name."""
    ready = []
    for run in runs:
        try:
            run.checkpoints()
        except UserError:
            continue
        ready.append(run)
    labels = [run.name for run in ready]
    seeds = [f" seed {run.seed}" * (run.seed is not None) for run in ready]
    for told in (seeds, [f" in {run.folder.name}" for run in ready]):
        labels = [label + more * (labels.count(label) > 1) for label, more in zip(labels, told, strict=True)]
    labels = [f"{label} ({number})" if labels.count(label) > 1 else label for number, label in enumerate(labels, 1)]
    order = {name: place for place, name in enumerate(LANGUAGES)}
    found = [Model(label, run) for label, run in zip(labels, ready, strict=True)]
    found.sort(key=lambda model: order.get(model.run.language, len(order)))
    return Models({model.label: model for model in found})


@dataclass(frozen=True)
class CachedRun(PublishedRun):
    """A published model in a cache of the Hub: a folder `models--OWNER--NAME`, read without the Hub."""

    home: Path = Path()

    def checkpoints(self) -> list[PublishedCheckpoint]:
        """Its revisions `checkpoint-N` in the order of N; UserError where there is none."""
        found = []
        for ref in sorted(self.home.glob("refs/checkpoint-*")):
            folder = self.home / "snapshots" / ref.read_text(encoding="utf-8").strip()
            if (folder / "config.json").is_file():
                found.append(CachedCheckpoint(self.source, ref.name, folder))
        if not found:
            raise UserError(f"{self.home}: no revision checkpoint-N in this cache.")
        return sorted(found, key=lambda checkpoint: checkpoint.step)


@dataclass(frozen=True)
class CachedCheckpoint(PublishedCheckpoint):
    """A revision in a cache; its snapshot is there already."""

    snapshot: Path = Path()

    @property
    def folder(self) -> Path:
        """The folder of the snapshot."""
        return self.snapshot


def cached_runs(cache: Path) -> list[CachedRun]:
    """The models in a cache of the Hub, or the one whose folder is given; none where it is no cache."""
    homes = [cache] if cache.name.startswith("models--") else sorted(cache.glob("models--*"))
    return [
        CachedRun(home.name.removeprefix("models--").replace("--", "/", 1), home, home)
        for home in homes
        if any(home.glob("refs/checkpoint-*"))
    ]
