"""Contrasts: a language less its control, positions against none, one language or checkpoint against another."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Apart, Cell, Place, Tables, apart, cells_of, of_value, over_seeds_of
from impossible_lms.evaluation.foreign_pairs import models_of, of_both
from impossible_lms.evaluation.made_of import sides_by_tokens
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.over_training import area, curves_of, first_passed, sooner
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.evaluation.seeds import OVER_BOTH, OVER_ITEMS
from impossible_lms.evaluation.statistics import IDENTITY, LOGARITHM, SHARE, Interval, holm
from impossible_lms.languages import LANGUAGES, get_language

KINDS = {IDENTITY: "difference", LOGARITHM: "ratio", SHARE: "ratio of odds"}  # of contrasts, by the metric's scale
STEPS = "ratio of steps"
VALUE, AREA = "value", "mean over training"
Measured = Sequence[tuple[str, Metric, Sequence[Tables]]]  # what it is called, which metric, the tables of all runs

COLUMNS = {
    "metric": str,
    "what": str,
    "language": str,
    "architecture": str,
    "data": str,
    "groups": str,
    "step": "Int64",
    "less": str,
    "less_step": "Int64",
    "value": float,
    "less_value": float,
    "contrast": str,
    "estimate": float,
    "low": float,
    "high": float,
    "p": float,
    "p_holm": float,
    "contrasts": int,
    "seeds": int,
    "less_seeds": int,
    "paired": str,
    "items": int,
    "agree": "Int64",
    "interval": str,
}


def contrasts(
    measured: Measured,
    between: Sequence[tuple[str, str]] = (),
    *,
    over_training: bool = False,
    threshold: float | None = None,
    by_part: bool = False,
) -> pd.DataFrame:
    """Contrasts of what was measured, one row each, corrected for their number (Holm).

    The values compared are those at the last step that both sides have, of the groups that a metric's figure shows.
    A contrast is a difference, of ratios a ratio, of shares a ratio of odds.

    Args:
        measured: metrics, each with what it is called and the tables of any runs (`Evaluation.tables`).
        between: names of two languages, two models made by others, two architectures, or two steps, the second of
            which is taken from the first; without any, every language less its control, and of models made by others
            each less every other on the same test set. `learnability`, which is such a difference itself, is set
            against 0.
        over_training: the areas under the curves, too, over the steps that both sides have.
        threshold: of the metric's value, and the ratio of the first steps past it, too; of one metric.
        by_part: of a metric whose groups add up (`sentence-bits`), every group; and each again for the sentences that
            both languages say in the same tokens, and for those that they say in different ones.

    Returns COLUMNS: `what` is compared (the value, its mean over training, the first step past a threshold), of which
    model, `less` which; the values of both sides; the contrast as `estimate`, `low`, `high` (95 %), its `p`, and
    `p_holm` for as many `contrasts`; `seeds` of each side; by what it is `paired`; `items` that both sides have;
    how many seeds `agree` in its direction; and what its `interval` is over.

    Raises:
        UserError: something named is not there, or is neither of the three, or a threshold for several metrics.
    """
    if threshold is not None and len(measured) != 1:
        raise UserError("--threshold: is one metric's. Name it with --metric.")
    rows: list[dict[str, Any]] = []
    for name, metric, tables in measured:
        in_parts = by_part and metric.adds_up
        curves = curves_of(cells_of(metric, tables, shown=not in_parts))
        models = models_of(tables)
        for one, other in _pairs(metric, curves, tables, between):
            theirs = curves[other] if isinstance(other, Place) else None
            sides: dict[str, tuple[Mapping[int, Cell], Mapping[int, Cell] | None]] = {"": (curves[one], theirs)}
            if isinstance(other, Place) and models.are_of_other_tokens(one, other):
                if not metric.of_texts:
                    continue
                sides = {"": of_both(metric, tables, one, other, curves)}
            elif in_parts and isinstance(other, Place):
                sides |= sides_by_tokens(metric, tables, one, other)
            for tokens, (mine, its) in sides.items():
                each_alone = models.is_foreign(one) or (isinstance(other, Place) and models.is_foreign(other))
                found = _contrasts(metric, one, other, mine, its, over_training, threshold, each_alone)
                rows += [
                    row | {"metric": name, "groups": ", ".join(filter(None, (row["groups"], tokens)))} for row in found
                ]
        rows += [row | {"metric": name} for row in _of_steps(metric, curves, between)]
    if between:
        _refuse_unknown(rows, measured, between)
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("p_holm", "contrasts")])
    table = table.assign(p_holm=holm(table["p"].to_numpy(dtype=np.float64)), contrasts=int(table["p"].notna().sum()))
    return table[list(COLUMNS)].astype(COLUMNS)


def _pairs(
    metric: Metric, curves: Mapping[Place, Any], tables: Sequence[Tables], between: Sequence[tuple[str, str]]
) -> Iterator[tuple[Place, Place | str]]:
    """The curves to compare; the name of a control that a metric's value is set against already."""
    models = models_of(tables)
    if not between:
        said = {str(table.curve["language"].iloc[0]): table.control for table in tables if len(table.curve)}
        for one in curves:
            control = said.get(one.language) or known_control(one.language)
            if one.data != one.language or control is None or control == one.language:
                continue
            if metric.is_contrast:
                yield one, control
                continue
            for other in curves:
                if (other.language, other.data) == (control, control) and _alike(one, other, "architecture", "groups"):
                    yield one, other
        yield from models.foreign_pairs(curves)
    for first, second in between:
        for one, other in product(curves, curves):
            is_fair = one.data == other.data or (one.data == one.language and other.data == other.language)
            of_languages = is_fair and (one.language, other.language) == (first, second)
            of_architectures = (one.architecture, other.architecture) == (first, second)
            if (
                (of_languages and _alike(one, other, "architecture", "groups"))
                or (of_architectures and _alike(one, other, "language", "data", "groups"))
                or (models.are_to_compare(one, other) and (of_languages or of_architectures))
            ):
                yield one, other


def _contrasts(
    metric: Metric,
    one: Place,
    other: Place | str,
    mine: Mapping[int, Cell],
    theirs: Mapping[int, Cell] | None,
    over_training: bool,
    threshold: float | None,
    each_alone: bool,
) -> Iterator[dict[str, Any]]:
    if isinstance(other, str) or theirs is None:
        last = max(mine)
        yield _row(metric, VALUE, one, str(other), last, mine[last], None, last)
        if over_training and len(mine) > 1:
            yield _row(metric, AREA, one, str(other), last, area(mine, list(mine)), None, last)
        return
    less = other.language if other.language != one.language else other.architecture
    steps = [step for step in mine if step in theirs]
    if each_alone and 1 in (len(mine), len(theirs)):  # the step of a model that stands alone says nothing
        yield _row(metric, VALUE, one, less, max(mine), mine[max(mine)], theirs[max(theirs)], max(theirs))
        return
    if not steps:
        return
    last = steps[-1]
    yield _row(metric, VALUE, one, less, last, mine[last], theirs[last], last)
    if over_training and len(steps) > 1 and (sides := (area(mine, steps), area(theirs, steps))) and all(sides):
        yield _row(metric, AREA, one, less, last, sides[0], sides[1], last)
    if threshold is not None:
        passed = [first_passed(metric, {step: curve[step] for step in steps}, threshold) for curve in (mine, theirs)]
        found = sooner(passed[0], passed[1], steps)
        past = "below" if metric.direction == "lower" else "above"
        said = f"censored: {passed[0].censored} of {len(passed[0].each)}, {passed[1].censored} of {len(passed[1].each)}"
        yield _said(metric, f"first step {past} {threshold:g}", one, less, last, last) | {
            "value": passed[0].step,
            "less_value": passed[1].step,
            "contrast": f"{STEPS}, {found.bound}" if found.bound else STEPS,
            **_interval(found.found),
            "p": found.p,
            "seeds": found.seeds,
            "less_seeds": found.seeds,
            "paired": "seeds",
            "items": 0,
            "interval": said if found.bound else "seeds",
        }


def _of_steps(
    metric: Metric, curves: Mapping[Place, Mapping[int, Cell]], between: Sequence[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    for first, second in between:
        if first.isdigit() and second.isdigit():
            for one, curve in curves.items():
                if int(first) in curve and int(second) in curve:
                    cells = curve[int(first)], curve[int(second)]
                    yield _row(metric, VALUE, one, f"step {second}", int(first), cells[0], cells[1], int(second))


def _row(
    metric: Metric, what: str, one: Place, less: str, step: int, mine: Cell, theirs: Cell | None, less_step: int
) -> dict[str, Any]:
    found = of_value(mine) if theirs is None else apart(mine, theirs)
    sides = [None if cell is None else over_seeds_of(cell).interval(metric.scale).estimate for cell in (mine, theirs)]
    interval = found.found.interval(LOGARITHM if metric.scale != IDENTITY else IDENTITY)
    is_one = min(found.seeds) < 2
    paired = ["seeds"] * found.is_paired + ["items"] * (found.shared > 0)
    return _said(metric, what, one, less, step, less_step) | {
        "value": sides[0],
        "less_value": sides[1],
        "contrast": KINDS[metric.scale],
        **_interval(interval),
        "p": np.nan if interval.low is None else found.found.p(),
        "seeds": found.seeds[0],
        "less_seeds": found.seeds[1],
        "paired": " and ".join(paired) or "nothing",
        "items": found.shared,
        "agree": _agreeing(found, mine, theirs),
        "interval": OVER_ITEMS if is_one else OVER_BOTH,
    }


def _said(metric: Metric, what: str, one: Place, less: str, step: int, less_step: int) -> dict[str, Any]:
    named = zip(metric.groups, one.groups, strict=True)
    return {
        "metric": metric.name,
        "what": what,
        "language": one.language,
        "architecture": one.architecture,
        "data": one.data,
        "groups": ", ".join(f"{name} {value}" for name, value in named if metric.adds_up or name not in metric.shown),
        "step": step,
        "less": less,
        "less_step": less_step,
    }


def _agreeing(found: Apart, mine: Cell, theirs: Cell | None) -> Any:
    """How many of the paired seeds differ in the direction of the mean."""
    if not found.is_paired:
        return pd.NA
    other = {each.seed: each.found.mean for each in theirs} if theirs is not None else {}
    by = [each.found.mean - other.get(each.seed, 0.0) for each in mine if theirs is None or each.seed in other]
    return int((np.sign(by) == np.sign(found.found.estimate)).sum())


def _interval(found: Interval) -> dict[str, float | None]:
    return {"estimate": found.estimate, "low": found.low, "high": found.high}


def _alike(one: Place, other: Place, *names: str) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in names)


def known_control(language: str) -> str | None:
    """The control of a language of this package."""
    return LANGUAGES[language].control if language in LANGUAGES else None


def is_attested(language: str, control: str | None) -> bool:
    """Whether a language is its own control, or one of this package that says that some human language is like it."""
    try:
        return control == language or (".py:" not in language and get_language(language).is_attested)
    except UserError:
        return False


def _refuse_unknown(rows: Sequence[Mapping[str, Any]], measured: Measured, between: Sequence[tuple[str, str]]) -> None:
    if rows:
        return
    said = f"--between {','.join(between[0])}"
    curves = [table.curve for _, _, tables in measured for table in tables]
    there = [sorted({str(value) for curve in curves for value in curve[name]}) for name in ("language", "architecture")]
    if any(set(between[0]) <= set(names) for names in there) and any(
        each.is_foreign for *_, of in measured for each in of
    ):
        metrics = " or ".join(each.name for each in METRICS.values() if each.of_texts)
        raise UserError(
            f"{said}: nothing that can be compared was measured of both on one test set. Where vocabularies differ "
            f"that is {metrics}, of one corpus and language."
        )
    steps = sorted({int(step) for curve in curves for step in curve["step"]})
    listed = f"languages {', '.join(there[0])}; architectures {', '.join(there[1])}; steps {', '.join(map(str, steps))}"
    raise UserError(f"{said}: nothing was measured of both. There are: {listed}.")
