"""Metric: what a measure of checkpoints declares, and what it is given; one file a metric beside this one."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import pandas as pd

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.data.dataset import CODE, HeldOut, TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.planned import PlannedRun
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.statistics import IDENTITY, LOGARITHM, SHARE
from impossible_lms.languages import get_language
from impossible_lms.languages.language import Language
from impossible_lms.models.checkpoints import Checkpoint
from impossible_lms.models.published import PublishedCheckpoint, PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress, Quiet
from impossible_lms.tokenizer import Tokenizer

PRECISIONS = ("fp32", "tf32", "bf16")
LOADING = Lock()  # held while a model is made: transformers and torch keep global state meanwhile
AnyCheckpoint = Checkpoint | PublishedCheckpoint
# The options that only some metrics have, and their flags.
OPTIONS = {
    "corpus": "--corpus",
    "control": "--control",
    "control_data": "--control-data",
    "as_published": "--as-published",
    "annotator": "--with",
}
LOWER, HIGHER = "lower", "higher"  # which values a better learner has


@dataclass(frozen=True)
class Request:
    """What the user may ask of a metric.

    Attributes:
        data: the folder of a test set of the same tokenizer; None for the run's own.
        checkpoints: `all`, `every=200` or steps with commas between.
        sample: how many items at most, the metric's default if None; what one is, the metric says. Fewer are a note.
        seed: of the sample, and of whatever else the metric draws; 0 if None, or the run's own as published.
        precision: of the model's weights and activations, `fp32` or `bf16`, or `tf32`: rounded products on a GPU.
        as_published: do as the published scripts did, mistakes included, where that changes numbers.
        corpus: what items are made from, for the metrics that need more than the test set.
        control: a run or a published model (folder, or id on the Hub) to compare with, for the metrics that compare.
        control_data: the folder of a dataset of the control's language, which a published model comes without.
        annotator: of sentences that have no annotation where a language needs some: `spacy[:pipeline or folder]` or
            `stanza[:language or folder]`.
        name: of the folder for the tables in `evaluation/`; from the metric and the request, if None.
        language: what the sentences of `corpus` are rewritten in for a test set, in place of `data`.
    """

    data: Path | None = None
    checkpoints: str = "all"
    sample: int | None = None
    seed: int | None = None
    precision: str = "fp32"
    as_published: bool = False
    corpus: str | None = None
    control: str | Path | None = None
    annotator: str | None = None
    name: str | None = None
    control_data: Path | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UserError(f"--precision {self.precision}: unknown. Known: {', '.join(PRECISIONS)}.")


@dataclass(frozen=True)
class Subject:
    """A run under a metric: the run, the test set and the request; `progress` is told of what takes long."""

    run: Run | PublishedRun | PlannedRun
    request: Request
    progress: Progress = field(default_factory=Quiet)

    @cached_property
    def dataset(self) -> TokenDataset:
        """The test set: the run's own dataset, or that of `--data`; UserError for another tokenizer."""
        return self.run.dataset(self.request.data)

    @cached_property
    def held_out(self) -> HeldOut:
        """Its test sentences."""
        return self.dataset.held_out("test")

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer with the language's markers."""
        return self.dataset.tokenizer

    @cached_property
    def language(self) -> Language:
        """The language of the test set."""
        return language_of(self.dataset)

    @property
    def context(self) -> int | None:
        """The most tokens the model takes in; None for a model without positions, which takes any number."""
        return context_of(self.run)

    @cached_property
    def checkpoints(self) -> Sequence[AnyCheckpoint]:
        """The checkpoints that are asked for."""
        return chosen(self.run, self.request.checkpoints)

    @property
    def seed(self) -> int:
        """The seed of whatever is drawn: that of the request, else 0; as published, that of the run.

        UserError where a published model does not say its own.
        """
        if self.request.seed is not None:
            return self.request.seed
        if not self.request.as_published:
            return 0
        if self.run.seed is None:
            raise UserError(
                f"--seed: needed, for the published scripts draw from the run's own seed, and {self.run.name} does not "
                "say it (0, 14, 41, 53 or 96)."
            )
        return self.run.seed

    def sample(self, default: int) -> int:
        """How many items are asked for, at most."""
        return self.request.sample if self.request.sample is not None else default


@dataclass(frozen=True)
class Prepared:
    """A metric made ready for one run: the same items are scored with every checkpoint.

    Attributes:
        score: given a model and its step, one row an item; the driver adds the step. A UserError skips the checkpoint.
        identity: what decides the items beside the request and the test set (other runs, corpora), for records.
        notes: what a reader should know of the items: how many were left out, and why.
        beside: given a step, what else decides the values there (another run's weights), for records.
    """

    score: Callable[[Scorer, int], pd.DataFrame]
    identity: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    beside: Callable[[int], Any] = lambda step: None


PLAIN = Request()


def in_groups(items: pd.DataFrame, groups: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The items of each group, with its names; all of them where there are no groups."""
    if not groups:
        yield (), items
        return
    for names, mine in items.groupby(list(groups), sort=True):
        yield tuple(names), mine


@dataclass(frozen=True)
class Sampled:
    """How the items of one checkpoint give the value, and what they are a sample of (docs/statistics.md).

    Attributes:
        values: one an item, on the metric's scale; the value is their mean (of a share, of 0 and 1).
        key: the columns by which an item is the same one for other models and languages of the corpus; none where each
            model has items of its own.
        weights: the column of their weights, where they have any.
        stratum: the column by which the sample was drawn, so many of each.
        counted: the rows that count.
        divided: the rows of each group, with its names in the order of the metric's groups.
        overlap: of values from repeated splits of the same data, how large the test part is to the other.
        made_of: the column that says what an item is made of, where it may be of the same or of something else in
            another language: contrasts part by part are given apart for both.
    """

    values: Callable[[pd.DataFrame], pd.Series]
    key: tuple[str, ...] = ()
    weights: str | None = None
    stratum: str | None = None
    counted: Callable[[pd.DataFrame], pd.DataFrame] = lambda items: items
    divided: Callable[[pd.DataFrame, tuple[str, ...]], Iterator[tuple[tuple[Any, ...], pd.DataFrame]]] = in_groups
    overlap: float = 0.0
    made_of: str | None = None


class Serves(Protocol):
    """Says why a language does not serve a metric, in one line that names it; None where it does."""

    def __call__(self, language: Language, request: Request = ..., /) -> str | None: ...


def every_language(language: Language, request: Request = PLAIN) -> str | None:
    """Of a metric that every language serves."""
    return None


@dataclass(frozen=True)
class Beside:
    """A column of a metric's curve that figures and tables show beside its value.

    Attributes:
        name: what they call it.
        of_model: whether each model has its own; else it is of the items alone.
        least: what has a full colour in a map at least, so that next to nothing looks so.
    """

    name: str
    of_model: bool = True
    least: float = 0.0


@dataclass(frozen=True)
class Metric:
    """A measure of checkpoints.

    Attributes:
        name: what it is asked for by, in kebab case.
        value: the column of its curve that holds the result; `low` and `high` beside it are a 95 % interval over
            items, where the metric has one.
        unit: of the result, as on an axis.
        direction: whether a better learner has `lower` or `higher` values.
        summary: what it measures, in a few words.
        item: what one row of its items is about.
        heading: what it asks, in everyday words, over its part of a report.
        reading: one sentence on how its values are read, for those who do not know it.
        prepare: makes ready for a run and a request. UserError where the language (for the reason `serves` gives) or
            the test set does not serve.
        sample: how many items are asked for, at most, where the request does not say.
        aggregate: from the items of one checkpoint, one row or several of its curve.
        serves: why a language does not serve this metric with a request (or a plain one), in one line that names it;
            None where it does. Asked when measurements are planned, before anything is trained.
        options: the options of the request that only some metrics have and that it reads, of OPTIONS.
        needs: those of its options that must be given.
        columns: the annotation that the corpus must have which its items are made from.
        groups: the columns of the curve that tell several rows of one step apart.
        shown: of its groups, the one that the figure shows: a value for each of some columns.
        adds_up: whether its other groups are parts of the shown one: where it is named, contrasts are of all of them.
        beside: the columns of its curve that figures and tables show beside the value: what it is to be compared with,
            or what shows something where the value does not.
        statement: from rows of a curve or of `over_seeds`, the sentence in place of a figure, where there is
            nothing to be seen in one; None where there is.
        figure: how its curve is drawn: `curves` over training, or `heat maps` of layers and positions.
        logarithmic: whether it is a ratio, whose axis and means are logarithmic.
        share: whether its values lie between 0 and 1.
        sampled: how its items give the value.
        is_contrast: whether its value is a difference to the control already.
        of_test_sentences: whether an item is a sentence of the test set, by its number in the column `sentence`.
        of_texts: whether its values are of whole texts, whatever the tokens are that these are cut into: models of
            other vocabularies can be compared by it.
        conclude: from a whole curve, notes on it, by name.
        check: see `refuse`; `prepare` where None.
        reads: the sentences at `corpus` that a test set may be made of (`Request.language`).
    """

    name: str
    value: str
    unit: str
    direction: str
    summary: str
    item: str
    prepare: Callable[[Subject], Prepared]
    aggregate: Callable[[pd.DataFrame], pd.DataFrame]
    sampled: Sampled
    sample: int
    serves: Serves = every_language
    options: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    heading: str = ""
    reading: str = ""
    groups: tuple[str, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    adds_up: bool = False
    beside: Mapping[str, Beside] = field(default_factory=dict)
    statement: Callable[[pd.DataFrame], str | None] = lambda rows: None
    figure: str = "curves"
    logarithmic: bool = False
    share: bool = False
    is_contrast: bool = False
    of_test_sentences: bool = False
    of_texts: bool = False
    conclude: Callable[[pd.DataFrame], dict[str, Any]] = lambda curve: {}
    check: Callable[[Subject, TokenDataset | None], None] | None = None
    reads: Callable[[str], Corpus] = read_corpus

    def refuse(self, subject: Subject, control: TokenDataset | None = None) -> None:
        """UserError where a run's data cannot serve at all: no sentence with a marker, no tree, nothing to compare.

        Asked once data are built, of a run that there need not be yet (`PlannedRun`); `control` is the control's data,
        for metrics that compare.
        """
        if self.check is None:
            self.prepare(subject)
        else:
            self.check(subject, control)

    @property
    def scale(self) -> str:
        """On which means are taken: logarithms of ratios, logarithmic odds of shares."""
        return SHARE if self.share else LOGARITHM if self.logarithmic else IDENTITY


def language_of(dataset: TokenDataset) -> Language:
    """The language a dataset was built in; UserError where its code is not here."""
    spec = dataset.record.get("described", {}).get("spec")
    try:
        return get_language(spec or dataset.language)
    except UserError as error:
        if spec or CODE not in dataset.record["request"]:
            raise
        raise UserError(
            f"{dataset.folder}: its language {dataset.language} was made from a function or class of a notebook or "
            "script, which is not here. Run its cell, and get_language of it, again."
        ) from error


def context_of(run: Run | PublishedRun | PlannedRun) -> int | None:
    """The most tokens a run's models take in; None for those without positions, which take any number.

    One less for models that expect a token before every text.
    """
    if not run.architecture.has_positions or run.context is None:
        return None
    has_start = isinstance(run, PublishedRun) and run.checkpoints()[-1].tokenizer.start is not None
    return run.context - has_start


def loaded(checkpoint: AnyCheckpoint) -> Any:
    """The model of a checkpoint; one is loaded at a time, for transformers loads wrongly in two threads at once."""
    with LOADING:
        return checkpoint.load()


def scorer_of(checkpoint: AnyCheckpoint, home: str = "cpu", precision: str = "fp32") -> Scorer:
    """A scorer of a checkpoint, on the device `home` and in a precision of PRECISIONS."""
    start = checkpoint.tokenizer.start if isinstance(checkpoint, PublishedCheckpoint) else None
    return Scorer(placed(loaded(checkpoint), home, precision), start)


def placed(model: Any, home: str, precision: str) -> Any:
    """The model on the device `home`, in a precision of PRECISIONS."""
    import torch

    return model.to(home, torch.bfloat16 if precision == "bf16" else torch.float32)


def chosen(run: Run | PublishedRun | PlannedRun, which: str) -> Sequence[AnyCheckpoint]:
    """The checkpoints that `all`, `last`, `every=N` or `N,N,...` names; UserError for a step that is not kept."""
    there: dict[int, AnyCheckpoint] = {checkpoint.step: checkpoint for checkpoint in run.checkpoints()}
    return [there[step] for step in steps_asked(which, tuple(there), str(run.folder))]


def steps_asked(which: str, there: Sequence[int], owner: str) -> list[int]:
    """The steps that `all`, `last`, `every=N` or `N,N,...` names, of those that the run `owner` has.

    UserError for anything else, for none, and for a step that is not there.
    """
    if which in ("all", "last"):
        return list(there) if which == "all" else list(there)[-1:]
    has = f"{owner} has {', '.join(map(str, there))}."
    every = re.fullmatch("every=([1-9][0-9]*)", which)
    if every:
        found = [step for step in there if step % int(every[1]) == 0]
        if not found:
            raise UserError(f"--checkpoints {which}: none there. {has}")
        return found
    if not re.fullmatch("[0-9]+(,[0-9]+)*", which):
        raise UserError(f"--checkpoints {which}: expected all, last, every=200, or steps as 100,200.")
    asked = sorted({int(step) for step in which.split(",")})
    for step in asked:
        if step not in there:
            raise UserError(f"--checkpoints {which}: no checkpoint {step}. {has}")
    return asked
