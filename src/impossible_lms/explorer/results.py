"""Results of what was measured, chosen among: values, contrasts, and the sentences that carry a contrast."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.compare import is_manifold
from impossible_lms.evaluation.contrasts import contrasts
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.metric import HIGHER
from impossible_lms.evaluation.statistics import LOGARITHM
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.carried import is_of, sentence_said
from impossible_lms.explorer.models import Model, Models, fault_of, kind_of
from impossible_lms.report.findings import Findings
from impossible_lms.report.results import Result, results_of
from impossible_lms.report.tables import Table, contrast_table, last_values

CARRIERS = 8  # sentences of a contrast that are shown
SENTENCE = ("sentence",)  # the key of items that are sentences of a test set


@dataclass(frozen=True)
class Side:
    """A sentence under one of the two models of a contrast: its text there, its tokens, and their bits if there are."""

    model: str
    value: float
    text: str
    tokens: Sequence[tuple[str, bool, bool]]
    bits: Sequence[float]


@dataclass(frozen=True)
class Carrier:
    """An item of a contrast: its name, by how much its values differ, undone, and under both models."""

    name: str
    difference: float
    undone: str
    sides: Sequence[Side]


@dataclass(frozen=True)
class Contrast:
    """A row of the table of contrasts, by which it can be asked for again."""

    key: str
    language: str
    less: str
    architecture: str


@dataclass(frozen=True)
class Page:
    """What is shown of results: tables, each with what it saves as CSV; the contrasts of its rows; what carries one.

    What carries a contrast are the items that differ most. `mixed` names the sizes of one architecture that stand
    together in the tables, if any do; `is_ratio`, whether values of the `metric` are compared by their ratio, so that
    items have their logarithms.
    """

    values: Table
    values_csv: str
    contrasts: Table | None
    contrasts_csv: str
    rows: Sequence[Contrast]
    chosen: Contrast | None
    carriers: Sequence[Carrier]
    note: str
    mixed: str = ""
    metric: str = ""
    is_ratio: bool = False


class Results:
    """What was measured, read once."""

    def __init__(self, findings: Findings, models: Models) -> None:
        """Args: what was measured, and the models by which sentences are measured."""
        self._findings, self._models = findings, models
        self._tables = lru_cache(256)(lambda folder: self._by_folder[folder].tables)
        self.page = lru_cache(64)(self._page)

    @cached_property
    def all(self) -> list[Result]:
        """The results on the runs' own test sets."""
        return results_of(self._findings.evaluations)

    @cached_property
    def _by_folder(self) -> dict[Path, Evaluation]:
        return {each.folder: each for each in self._findings.evaluations}

    @property
    def metrics(self) -> list[str]:
        """What was measured."""
        return [result.name for result in self.all]

    def there(self, column: str) -> list[str]:
        """The languages or seeds of all that was measured."""
        values = {value for result in self.all for each in result.evaluations for value in each.curve[column].dropna()}
        return [str(value) for value in sorted(values)]

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of models that were measured: architectures, with their sizes where these are known."""
        return sorted({self._kind(each) for result in self.all for each in result.evaluations})

    @cached_property
    def _kinds(self) -> dict[Path, str]:
        return {run.folder.resolve(): kind_of(run) for run in self._findings.runs if fault_of(run) is None}

    def _kind(self, evaluation: Evaluation) -> str:
        """The kind of the model that was evaluated: its architecture alone, where its run is not there."""
        return self._kinds.get(evaluation.folder.parents[1].resolve(), str(evaluation.curve["architecture"].iloc[0]))

    @property
    def steps(self) -> list[int]:
        """All steps at which anything was measured."""
        return sorted({int(step) for result in self.all for each in result.evaluations for step in each.curve["step"]})

    def _page(self, chosen: Chosen) -> Page:
        if not self.all:
            raise UserError(
                "Nothing was measured of what was given: start with impossible explore EXPERIMENT, or with runs that "
                "`impossible evaluate` has measured."
            )
        result = next((each for each in self.all if each.name == chosen.metric), self.all[0])
        wanted = [each for each in result.evaluations if not chosen.scales or self._kind(each) in chosen.scales]
        kept = [each for each in (_kept(one, chosen) for one in wanted) if len(each.curve)]
        if not kept:
            raise UserError("Nothing was measured of what is chosen. Choose more languages, models, seeds or steps.")
        found = results_of(kept)
        if not found:
            raise UserError("Nothing could be measured of what is chosen: every checkpoint was skipped.")
        shown, table = replace(found[0], name=result.name), pd.DataFrame()
        if not any(map(is_manifold, kept)):
            measured = [(result.name, result.metric, [self._tables_of(each) for each in kept])]
            table = contrasts(measured)
        keys = table[["language", "less", "architecture"]].astype(str) if len(table) else table
        rows = [Contrast("~".join(key), *key) for key in keys.itertuples(index=False, name=None)]
        one = next((row for row in rows if row.key == chosen.contrast), None)
        carriers, note = self._carriers(result, kept, one) if one else ([], "")
        return Page(
            last_values(shown),
            shown.table.to_csv(index=False, lineterminator="\n"),
            contrast_table(table) if len(table) else None,
            table.to_csv(index=False, lineterminator="\n") if len(table) else "",
            rows,
            one,
            carriers,
            note,
            self._mixed(kept),
            result.metric.name,
            result.metric.scale == LOGARITHM,
        )

    def _mixed(self, kept: Sequence[Evaluation]) -> str:
        """Which sizes of one architecture are taken together; empty where none are."""
        kinds: dict[str, set[str]] = {}
        for each in kept:
            kinds.setdefault(str(each.curve["architecture"].iloc[0]), set()).add(self._kind(each))
        names = sorted(kind for several in kinds.values() if len(several) > 1 for kind in several)
        return f"Models of several sizes are taken together here: {', '.join(names)}. Choose one." if names else ""

    def _tables_of(self, evaluation: Evaluation) -> Tables:
        """Its tables, at the steps that its curve was cut to."""
        whole = self._tables(evaluation.folder)
        items = whole.items[whole.items["step"].isin(evaluation.curve["step"])]
        return whole._replace(curve=evaluation.curve, items=items)

    def _carriers(self, result: Result, kept: Sequence[Evaluation], one: Contrast) -> tuple[list[Carrier], str]:
        """The items that differ most in the direction of a contrast, and a note about them."""
        metric = result.metric
        if not metric.sampled.key:
            return [], "Each model has items of its own here; none is shared by both."
        mine = self._items(result, kept, one.language, one.architecture)
        if metric.is_contrast:
            joined = mine.rename("mine").to_frame().assign(theirs=0.0)
        else:
            theirs = self._items(result, kept, one.less, one.architecture)
            joined = pd.concat([mine.rename("mine"), theirs.rename("theirs")], axis=1, join="inner")
        if joined.empty:
            return [], "The two share no item at this step."
        difference = joined["mine"] - joined["theirs"]
        is_up = difference.mean() >= 0
        order = difference.sort_values(ascending=not is_up, kind="stable").head(CARRIERS)
        worse = is_up != (metric.direction == HIGHER)
        most = f"those on which {one.language} is furthest {'behind' if worse else 'ahead'} come first"
        what = f"{len(order)} of the {len(joined):,} {metric.item}s of both; {most}."
        found = []
        for name, by in order.items():
            values = [float(joined.loc[name, side]) for side in ("mine", "theirs")]
            found.append(
                self._carrier(name, float(by), values, one, kept)
                if metric.sampled.key == SENTENCE
                else Carrier(
                    ", ".join(map(str, name if isinstance(name, tuple) else (name,))),
                    float(by),
                    "",
                    [Side(one.language, values[0], "", (), ()), Side(one.less, values[1], "", (), ())],
                )
            )
        return found, what

    def _items(self, result: Result, kept: Sequence[Evaluation], language: str, architecture: str) -> pd.Series:
        """The value of each item at the last step of a model, on the metric's scale, averaged over its seeds."""
        metric, parts = result.metric, []
        for each in kept:
            if not is_of(each, language, architecture):
                continue
            items = self._tables_of(each).items
            last = metric.sampled.counted(items[items["step"] == each.curve["step"].max()])
            groups = metric.sampled.divided(last, metric.groups)
            wanted = tuple(metric.shown.get(name) for name in metric.groups)
            for names, group in groups:
                if not metric.shown or tuple(names) == wanted:
                    values = metric.sampled.values(group)
                    parts.append(values.groupby([group[name] for name in metric.sampled.key]).mean())
        if not parts:
            return pd.Series(dtype=float)
        return pd.concat(parts).groupby(level=list(range(len(metric.sampled.key)))).mean()

    def _carrier(
        self, number: object, by: float, values: Sequence[float], one: Contrast, kept: Sequence[Evaluation]
    ) -> Carrier:
        undone, sides = "", []
        for language, value in zip((one.language, one.less), values, strict=True):
            measured = next((each for each in kept if is_of(each, language, one.architecture)), None)
            model = self._model(measured) if measured else None
            said = sentence_said(self._models, model, measured, int(str(number))) if measured and model else None
            if said is None:
                sides.append(Side(language, value, "", (), ()))
                continue
            text, tokens, bits, behind = said
            undone = undone or behind
            sides.append(Side(model.label if model else language, value, text, tokens, bits))
        return Carrier(f"sentence {number}", by, undone, sides)

    def _model(self, measured: Evaluation) -> Model | None:
        """The model that was measured."""
        home = measured.folder.parents[1].resolve()
        return next((one for one in self._models.named.values() if one.run.folder.resolve() == home), None)


def _kept(evaluation: Evaluation, chosen: Chosen) -> Evaluation:
    """An evaluation cut to what is chosen; with an empty curve where nothing of it is."""
    curve = evaluation.curve
    for column, wanted in (("language", chosen.among), ("seed", chosen.seeds)):
        if wanted:
            curve = curve[curve[column].astype(str).isin(wanted)]
    if chosen.at_step:
        curve = curve[curve["step"] == chosen.at_step]
    return replace(evaluation, curve=curve)
