"""Models made by others in contrasts: told by their names, and measured in vocabularies of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from impossible_lms.evaluation.cells import Cell, Place, Tables, cells_of
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.over_training import curves_of

Curves = Mapping[Place, Mapping[int, Cell]]
Key = tuple[str, str, str]  # of a model: its language or name, its architecture, and the language of the test set


@dataclass(frozen=True)
class Models:
    """What tables say of their models: which were made by others, and by what vocabularies they are told apart."""

    foreign: frozenset[Key]
    tokenizers: Mapping[Key, frozenset[str]]

    def is_foreign(self, place: Place) -> bool:
        """Whether the model of a place was made by others, and its name stands where a language does."""
        return place[:3] in self.foreign

    def are_of_other_tokens(self, one: Place, other: Place) -> bool:
        """Whether two models, one of them made by others, cut text into other tokens."""
        if not (self.is_foreign(one) or self.is_foreign(other)):
            return False
        return self.tokenizers[one[:3]] != self.tokenizers[other[:3]]

    def are_to_compare(self, one: Place, other: Place) -> bool:
        """Whether two models differ by more than an architecture, one was made by others, and the test set is one."""
        is_one_test = one.data == other.data and one.groups == other.groups
        return is_one_test and one[:3] != other[:3] and (self.is_foreign(one) or self.is_foreign(other))

    def foreign_pairs(self, curves: Curves) -> Iterator[tuple[Place, Place]]:
        """Every model made by others with every other one on the same test set."""
        for one, other in combinations(curves, 2):
            if self.is_foreign(one) and self.is_foreign(other) and self.are_to_compare(one, other):
                yield one, other


def models_of(tables: Sequence[Tables]) -> Models:
    """The models of tables."""
    foreign, tokenizers = set[Key](), dict[Key, frozenset[str]]()
    for table in tables:
        measured = table.curve[table.curve["fault"].isna()]
        if measured.empty:
            continue
        first = measured.iloc[0]
        key = str(first["language"]), str(first["architecture"]), str(first["data"])
        tokenizers[key] = tokenizers.get(key, frozenset()) | {table.tokenizer}
        if table.is_foreign:
            foreign.add(key)
    return Models(frozenset(foreign), tokenizers)


def of_both(
    metric: Metric, tables: Sequence[Tables], one: Place, other: Place, curves: Curves
) -> tuple[Mapping[int, Cell], Mapping[int, Cell]]:
    """The curves of two models over the items that both have, for what is left out has to do with their tokens."""
    mine, theirs = (
        np.unique(np.concatenate([each.items for each in curves[side][side.step]])) for side in (one, other)
    )
    shared = np.intersect1d(mine, theirs)
    if not len(shared) or len(mine) == len(theirs) == len(shared):
        return curves[one], curves[other]
    found = curves_of(cells_of(metric, tables, only=shared))
    return found[one], found[other]
