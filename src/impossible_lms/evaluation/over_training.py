"""Over training: the area under a curve, and the first step at which it passes a threshold."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Cell, OfSeed, Place, Tables, cells_of, over_seeds_of
from impossible_lms.evaluation.metric import LOWER, Metric
from impossible_lms.evaluation.statistics import Interval, Moved, crossed


def over_training(metric: Metric, tables: Sequence[Tables], threshold: float | None = None) -> pd.DataFrame:
    """One row a model, test set and group that the metric's figure shows: its whole curve in a number or two.

    Columns: `from_step` and `to_step`, `seeds`; `area` under the curve over its length, on the metric's scale, which is
    the mean over training, with `area_low` and `area_high`; and with a `threshold`: `step`, the first at which the mean
    over seeds is past it, with `step_low` and `step_high`, the first at which the better and the worse end of its
    interval are; `each_step`, the same of every seed; and `censored`, how many seeds had not passed it by `to_step`.
    None stands for a step that has not come. Models with one step are left out.
    """
    rows = []
    for place, curve in curves_of(cells_of(metric, tables, shown=True)).items():
        if len(curve) < 2:
            continue
        steps = list(curve)
        whole = area(curve, steps)
        found = over_seeds_of(whole).interval(metric.scale)
        row = dict(zip(["language", "architecture", "data"], place, strict=False))
        row |= dict(zip(metric.groups, place.groups, strict=True))
        row |= {"from_step": steps[0], "to_step": steps[-1], "seeds": len(whole)}
        row |= {"area": found.estimate, "area_low": found.low, "area_high": found.high}
        if threshold is not None:
            passed = first_passed(metric, curve, threshold)
            row |= {"threshold": threshold, "step": passed.step, "step_low": passed.low, "step_high": passed.high}
            row |= {"each_step": list(passed.each.values()), "censored": passed.censored}
        rows.append(row)
    if not rows:
        raise UserError(f"{metric.name}: no model was measured at two steps or more, so there is no curve.")
    steps_found = [name for name in ("step", "step_low", "step_high") if name in rows[0]]
    return pd.DataFrame(rows).astype(dict.fromkeys(steps_found, "Int64"))


def curves_of(cells: Mapping[Place, Cell]) -> dict[Place, dict[int, Cell]]:
    """The cells by model, test set and group, and then by step; the place's own step is the last."""
    curves: dict[Place, dict[int, Cell]] = {}
    for place, cell in sorted(cells.items()):
        curves.setdefault(place._replace(step=0), {})[place.step] = cell
    return {place._replace(step=max(curve)): curve for place, curve in curves.items()}


def area(curve: Mapping[int, Cell], steps: Sequence[int]) -> Cell:
    """The mean over training of each seed that has all the steps, by trapezoids, with each item's influence on it."""
    weights = trapezoids(np.array(steps, dtype=np.float64))
    of_seed: dict[int | str, list[OfSeed]] = {}
    for step in steps:
        seen: dict[int | str, int] = {}
        for each in curve[step]:
            seen[each.seed] = seen.get(each.seed, 0) + 1
            if seen[each.seed] == 1:
                of_seed.setdefault(each.seed, []).append(each)
    found = []
    for seed, cells in of_seed.items():
        if len(cells) < len(steps):
            continue
        names, place = np.unique(np.concatenate([each.items for each in cells]), return_inverse=True)
        influence = np.asarray(
            np.bincount(
                place,
                np.concatenate([weight * each.found.influence for weight, each in zip(weights, cells, strict=True)]),
            ),
            dtype=np.float64,
        )
        parts = [each.found for each in cells]
        whole = Moved(
            float(weights @ [part.mean for part in parts]),
            influence,
            min(part.items for part in parts),
            float(weights @ [part.share for part in parts]),
            float(np.mean([part.trials for part in parts])),
            float((weights**2) @ [part.pseudo for part in parts]),
        )
        found.append(OfSeed(seed, whole, names))
    return found


def trapezoids(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k,) the weights of values at `steps` (k,) in their mean over that stretch."""
    gaps = np.diff(steps)
    weights: NDArray[np.float64] = (np.append(gaps, 0) + np.append(0, gaps)) / 2 / gaps.sum()
    return weights


class Passed(NamedTuple):
    """The first step at which the mean is past a threshold, the steps its interval allows, and that of each seed.

    None stands for a step that has not come by `last`.
    """

    step: int | None
    low: int | None
    high: int | None
    each: dict[int | str, int | None]
    last: int
    censored: int


def first_passed(metric: Metric, curve: Mapping[int, Cell], threshold: float) -> Passed:
    """The first steps at which a curve is better than a threshold."""

    def is_past(value: float | None) -> bool:
        return value is not None and (value < threshold if metric.direction == LOWER else value > threshold)

    means = {step: over_seeds_of(cell).interval(metric.scale) for step, cell in curve.items()}
    better, worse = (1, 2) if metric.direction == LOWER else (2, 1)
    first = [next((step for step, found in means.items() if is_past(found[at])), None) for at in (0, better, worse)]
    each: dict[int | str, int | None] = {}
    for step, cell in curve.items():
        for one in cell:
            value = over_seeds_of([one]).interval(metric.scale).estimate
            if each.get(one.seed) is None:
                each[one.seed] = step if is_past(value) else None
    return Passed(first[0], first[1], first[2], each, max(curve), sum(step is None for step in each.values()))


class Sooner(NamedTuple):
    """The ratio of two models' first steps with its interval and p, or with what bounds it where a seed is censored."""

    found: Interval
    p: float
    bound: str
    seeds: int


def sooner(one: Passed, other: Passed, steps: Sequence[int]) -> Sooner:
    """The geometric mean over seeds that both have of the ratio of their first steps, paired.

    A step is known to a checkpoint: the threshold was passed somewhere since the one before, which is part of the
    variance. A seed that had not passed it by its last step counts as passing there, so that the ratio is bounded on
    one side (`at least`, `at most`), on none if both sides have such (`unknown`), and there is no interval.
    """
    both = [seed for seed in one.each if seed in other.each]
    if not both:
        return Sooner(Interval(float("nan"), None, None), float("nan"), "no seed in common", 0)
    grid = np.array(sorted(steps), dtype=np.float64)

    def gap(step: int) -> float:
        at = int(np.searchsorted(grid, step))
        return float(np.log(grid[at] / grid[at - 1])) if at > 0 and grid[at - 1] > 0 else float(np.log(2))

    known = [(one.each[seed] or one.last, other.each[seed] or other.last) for seed in both]
    ratios = np.array([np.log(mine / theirs) for mine, theirs in known])
    late, early = (any(side.each[seed] is None for seed in both) for side in (one, other))
    if late or early:
        bound = "unknown" if late and early else "at least" if late else "at most"
        return Sooner(Interval(float(np.exp(ratios.mean())), None, None), float("nan"), bound, len(both))
    of_grid = float(np.mean([(gap(mine) ** 2 + gap(theirs) ** 2) / 12 for mine, theirs in known])) / len(both)
    found = crossed(ratios, np.array([[np.sqrt(of_grid)]] * len(both)), np.inf)
    if len(both) < 2:
        return Sooner(Interval(float(np.exp(found.estimate)), None, None), float("nan"), "one seed", 1)
    return Sooner(found.interval("logarithm"), found.p(), "", len(both))
