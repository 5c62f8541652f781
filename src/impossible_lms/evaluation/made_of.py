"""Two languages apart for the items that both make of the same tokens, and for those of different ones."""

from collections.abc import Mapping, Sequence

import pandas as pd

from impossible_lms.evaluation.cells import Cell, Place, Tables, cells_of
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.over_training import curves_of

SAME, DIFFERENT = "tokens same", "tokens different"
Sides = tuple[Mapping[int, Cell], Mapping[int, Cell]]  # the curves of one language and of another


def sides_by_tokens(metric: Metric, tables: Sequence[Tables], one: Place, other: Place) -> dict[str, Sides]:
    """The curves of two places over the items that both have, apart for those of the same and of different tokens.

    Nothing where all are of one kind, or the metric does not say what its items are made of.
    """
    column, key = metric.sampled.made_of, list(metric.sampled.key)
    if column is None:
        return {}
    sides = [[table for table in tables if _is_of(table, place)] for place in (one, other)]
    there = [pd.concat([_said(table, [*key, column]) for table in side]).drop_duplicates() for side in sides]
    index = ["corpus", *key]
    made = pd.concat(there).groupby(index)[column].nunique()
    in_both = made.index.intersection(pd.MultiIndex.from_frame(there[0][index]).unique())
    in_both = in_both.intersection(pd.MultiIndex.from_frame(there[1][index]).unique())
    is_same = made.loc[in_both] == 1
    if is_same.all() or not is_same.any():
        return {}
    found: dict[str, Sides] = {}
    for said, which in ((SAME, is_same[is_same].index), (DIFFERENT, is_same[~is_same].index)):
        curves = [curves_of(cells_of(metric, [_only(table, key, which) for table in side])) for side in sides]
        mine, theirs = (of[place] for of, place in zip(curves, (one, other), strict=True))
        found[said] = mine, theirs
    return found


def _is_of(table: Tables, place: Place) -> bool:
    """Whether a run's tables are of the model of a place."""
    first = table.curve.iloc[0]
    return (first["language"], first["architecture"], first["data"]) == (place.language, place.architecture, place.data)


def _said(table: Tables, columns: Sequence[str]) -> pd.DataFrame:
    return table.items[list(columns)].drop_duplicates().assign(corpus=table.corpus)


def _only(table: Tables, key: Sequence[str], which: pd.Index) -> Tables:
    """The tables without the items that are not of `which`."""
    names = pd.MultiIndex.from_frame(table.items[list(key)].assign(corpus=table.corpus)[["corpus", *key]])
    return table._replace(items=table.items[names.isin(which)])
