"""Cells: what each seed's items say of a model's value at a step; put together over seeds, and set against others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.statistics import (
    FLOOR,
    Moved,
    Uncertain,
    crossed,
    moved_by,
    moved_by_splits,
    numbered,
    together,
)


class Tables(NamedTuple):
    """What was measured of one run.

    Attributes:
        curve: one row a step and group, as `Evaluation` has it.
        items: one row an item and checkpoint.
        corpus: what tells the items' corpus from others; items of one corpus are the same ones where their keys are.
        control: the language that the model's is compared with; its own if it is a control, None if it is not known.
        is_foreign: whether the model was made by others, and says no language, but its own name.
        tokenizer: what tells the vocabulary of the items from others.
    """

    curve: pd.DataFrame
    items: pd.DataFrame
    corpus: str = ""
    control: str | None = None
    is_foreign: bool = False
    tokenizer: str = ""


class Place(NamedTuple):
    """Where a cell stands."""

    language: str
    architecture: str
    data: str
    step: int
    groups: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class OfSeed:
    """What one seed's items say: its mean with each item's influence on it, and (n,) uint64, what the items are.

    A model that does not say its seed, as published ones do not, has one here that no other has: nothing is its pair.
    """

    seed: int | str
    found: Moved
    items: NDArray[np.uint64]


Cell = list[OfSeed]  # one a run


def cells_of(
    metric: Metric, tables: Sequence[Tables], *, shown: bool = False, only: NDArray[np.uint64] | None = None
) -> dict[Place, Cell]:
    """The cells of all runs, each with what every run says; of the groups that the metric's figure shows, or of all.

    `only` (m,) names the items to take (`OfSeed.items`), of those that there are.
    """
    cells: dict[Place, Cell] = {}
    for number, table in enumerate(tables):
        measured = table.curve[table.curve["fault"].isna()]
        if measured.empty:
            continue
        first = measured.iloc[0]
        model = str(first["language"]), str(first["architecture"]), str(first["data"])
        seed = f"of run {number}" if pd.isna(first["seed"]) else int(first["seed"])
        counted = metric.sampled.counted(table.items)
        corpus = f"{table.corpus} {model[2] if metric.sampled.overlap else ''}"  # splits are a test set's own
        counted = counted.assign(**{ITEM: _names(metric, corpus, number, counted)})
        counted = counted if only is None else counted[counted[ITEM].isin(only)]
        for step, of_step in counted.groupby("step", sort=True):
            for groups, mine in metric.sampled.divided(of_step, metric.groups):
                if not shown or _is_shown(metric, groups):
                    found = OfSeed(seed, moved(metric, mine), mine[ITEM].to_numpy())
                    cells.setdefault(Place(*model, int(str(step)), groups), []).append(found)
    return cells


def moved(metric: Metric, items: pd.DataFrame) -> Moved:
    """The value of one checkpoint's items, on the metric's scale, and each item's influence on it."""
    sampled = metric.sampled
    values = sampled.values(items).to_numpy(dtype=np.float64)
    weights = np.ones(len(items)) if sampled.weights is None else items[sampled.weights].to_numpy(dtype=np.float64)
    if sampled.overlap:
        return moved_by_splits(values, weights, sampled.overlap)
    strata = None if sampled.stratum is None else numbered(items[sampled.stratum])
    return moved_by(values, weights, strata, metric.scale)


def over_seeds_of(cell: Cell) -> Uncertain:
    """The mean over a cell's seeds."""
    return together([each.found for each in cell], aligned([cell])[0])


def aligned(sides: Sequence[Cell]) -> list[NDArray[np.float64]]:
    """For each side, (R, n) the influence of n items on its seeds' values, the same items in the same order in all."""
    everything = [each for side in sides for each in side]
    first = everything[0].items
    is_same = all(each.items is first or np.array_equal(each.items, first) for each in everything)
    if is_same and len(np.unique(first)) == len(first):
        return [np.array([each.found.influence for each in side]) for side in sides]
    names = np.unique(np.concatenate([each.items for each in everything]))
    found = []
    for side in sides:
        influence = np.zeros((len(side), len(names)))
        for row, each in zip(influence, side, strict=True):
            np.add.at(row, np.searchsorted(names, each.items), each.found.influence)
        found.append(influence)
    return found


class Apart(NamedTuple):
    """The difference of two cells: what is known of it, how seeds were paired, and how many items both sides have."""

    found: Uncertain
    seeds: tuple[int, int]  # of each side
    is_paired: bool
    shared: int


def apart(one: Cell, other: Cell) -> Apart:
    """One less the other on the metric's scale, paired by seed and by item as far as both have the same ones.

    Seeds are paired where two or more are in both, or where each side has one and it is the same; those that only one
    side has are then left out. Where seeds differ they are independent, and items still paired.
    """
    both = [seed for seed in _seeds(one) if seed in _seeds(other)]
    is_paired = len(both) > 1 or (len(both) == 1 and min(len(one), len(other)) == 1)
    if is_paired:
        one, other = ([next(each for each in side if each.seed == seed) for seed in both] for side in (one, other))
    mine, theirs = aligned([one, other])
    shared = len(np.intersect1d(one[0].items, other[0].items))
    values = [np.array([each.found.mean for each in side]) for side in (one, other)]
    degrees = min(float(np.mean([each.found.items for each in side])) for side in (one, other))
    pseudo = sum(float(np.mean([each.found.pseudo for each in side])) for side in (one, other))
    seeds = len(one), len(other)
    if is_paired:
        found = crossed(values[0] - values[1], mine - theirs, degrees, pseudo=pseudo)
        return Apart(found, seeds, True, shared)
    if min(seeds) < 2:  # of one side nothing is known but its items
        influence = mine.mean(axis=0) - theirs.mean(axis=0)
        found = crossed(np.array([values[0].mean() - values[1].mean()]), influence[None], degrees, pseudo=pseudo)
        return Apart(found, seeds, False, shared)
    sides = [crossed(value, influence, degrees) for value, influence in zip(values, (mine, theirs), strict=True)]
    of_seeds = sum(side.of_seeds for side in sides)
    residual = sum(
        float(((influence - influence.mean(axis=0)) ** 2).sum()) / (len(influence) * (len(influence) - 1))
        for influence in (mine, theirs)
    )
    means = float(((mine.mean(axis=0) - theirs.mean(axis=0)) ** 2).sum())
    rest = max(means - residual, FLOOR * residual - of_seeds, 0.0) + pseudo
    welch = of_seeds**2 / sum(side.of_seeds**2 / side.seeds for side in sides) if of_seeds > 0 else sum(seeds) - 2
    found = Uncertain(sides[0].estimate - sides[1].estimate, of_seeds, rest, welch, degrees)
    return Apart(found, seeds, False, shared)


def of_value(cell: Cell) -> Apart:
    """A value that is a difference itself, as `apart` gives others."""
    found = over_seeds_of(cell)
    return Apart(found, (len(cell), len(cell)), True, len(cell[0].items))


ITEM = "an item's name"


def _names(metric: Metric, corpus: str, number: int, items: pd.DataFrame) -> NDArray[np.uint64]:
    """What each item is, as a number that is the same for the same item in every run of the corpus."""
    key = list(metric.sampled.key)
    if not key:
        columns = pd.DataFrame({"row": items.groupby("step").cumcount(), "step": items["step"], "run": number})
        return np.asarray(pd.util.hash_pandas_object(columns, index=False), dtype=np.uint64)
    said = pd.util.hash_array(np.array([corpus], dtype=object))[0]
    return np.asarray(pd.util.hash_pandas_object(items[key], index=False).to_numpy() ^ said, dtype=np.uint64)


def _is_shown(metric: Metric, groups: tuple[Any, ...]) -> bool:
    named = dict(zip(metric.groups, groups, strict=True))
    return all(named[column] == group for column, group in metric.shown.items())


def _seeds(cell: Iterable[OfSeed]) -> list[int | str]:
    return list(dict.fromkeys(each.seed for each in cell))
