"""Models that the explorer was given: listed at its start, loaded once each when they are asked for."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import AnyCheckpoint, context_of, language_of, scorer_of
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.languages import LANGUAGES, get_language
from impossible_lms.languages.language import Language
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.tokenizer import Tokenizer

CONTROL = "no-shuffle"  # English, unmarked
NO_OTHER = "-"  # in place of a label
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
        """What it was trained on; of a model whose name holds no language that is known here, English as it is."""
        if isinstance(self.run, Run):
            try:
                return language_of(self.run.dataset())
            except UserError:  # the data are not there any more
                return get_language(self.run.language)
        try:
            return get_language(self.run.language)
        except UserError:
            return get_language(CONTROL)

    @property
    def kind(self) -> str:
        """What kind of model it is."""
        return kind_of(self.run)

    @cached_property
    def room(self) -> int | None:
        """The most tokens it takes; None for any number."""
        return context_of(self.run)

    def step(self, asked: int) -> int:
        """The checkpoint that is nearest to the steps asked for; the last for 0."""
        return min(self.steps, key=lambda step: abs(step - asked)) if asked else self.steps[-1]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A checkpoint in memory."""

    scorer: Scorer
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Models:
    """All of them, by label, and those in memory, the last used last."""

    named: dict[str, Model] = field(default_factory=dict)
    _kept: "OrderedDict[tuple[str, int], Loaded]" = field(default_factory=OrderedDict)
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

    def loaded(self, model: Model, step: int) -> Loaded:
        """A checkpoint of a model, loaded once; one is loaded at a time. UserError where it cannot be read."""
        key = (model.label, step)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            checkpoint = model.checkpoints[model.steps.index(step)]
            found = Loaded(scorer_of(checkpoint), checkpoint.tokenizer)
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found

    def beside(self, label: str, other: str) -> Model | None:
        """What a model is compared with: its control for an empty name, None for NO_OTHER or where there is none."""
        if other == NO_OTHER or (label and label not in self.named) or not self.named:
            return None
        return self.get(other) if other else self.control_of(self.get(label))

    def control_of(self, model: Model) -> Model | None:
        """Of the models given that of the control's language which is most like it: kind first, then seed."""
        control = model.language.control
        if control == model.run.language:
            return None
        alike = [each for each in self.named.values() if each.run.language == control and each.kind == model.kind]
        return min(alike, key=lambda each: each.run.seed != model.run.seed) if alike else None


def kind_of(run: Run | PublishedRun) -> str:
    """What kind of model a run is: its architecture, and its size where that is known."""
    size = run.record["request"].get("size") if isinstance(run, Run) else None
    return f"{run.architecture.name} {size}" if size else run.architecture.name


def models_of(runs: Sequence[Run | PublishedRun]) -> Models:
    """Runs under labels of their own: the name, with the seed and then the folder where several have one name.

    Those without a checkpoint that can be had here are left out.
    """
    ready = [run for run in runs if fault_of(run) is None]
    labels = [run.name for run in ready]
    seeds = [f" seed {run.seed}" * (run.seed is not None) for run in ready]
    for more_of in (seeds, [f" in {run.folder.name}" for run in ready]):
        labels = [label + more * (labels.count(label) > 1) for label, more in zip(labels, more_of, strict=True)]
    labels = [f"{label} ({number})" if labels.count(label) > 1 else label for number, label in enumerate(labels, 1)]
    order = {name: place for place, name in enumerate(LANGUAGES)}
    found = [Model(label, run) for label, run in zip(labels, ready, strict=True)]
    is_control = {each.language.control for each in found}  # they come last, and stand beside the others
    found.sort(key=lambda each: (each.run.language in is_control, order.get(each.run.language, len(order))))
    return Models({model.label: model for model in found})


def fault_of(run: Run | PublishedRun) -> str | None:
    """Why a run has no checkpoint here; None where it has."""
    try:
        run.checkpoints()
    except UserError as error:
        return str(error)
    return None
