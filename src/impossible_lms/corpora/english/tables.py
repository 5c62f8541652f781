"""The tables every choice is drawn from: GRAIN entries each, an alternative as often as its weight asks."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from impossible_lms.corpora.english.frames import FRAMES
from impossible_lms.corpora.english.lexicon import lexicon
from impossible_lms.corpora.english.speaker import GRAIN, Speaker, Tables
from impossible_lms.corpora.english.weights import CHOICES, SORTS


@cache
def tables() -> Tables:
    """Every choice by its name; "noun/person" and the like are the open classes of the lexicon, drawn by Zipf's law."""
    words = lexicon()

    def codes(name: str) -> tuple[int, ...]:
        return () if name == "-" else tuple(words.closed[key] for key in name.split("+"))

    def modifier(name: str) -> tuple[int, str]:
        preposition, _, sort = name.partition("+")
        return words.closed[preposition], sort

    of_names: dict[str, Callable[[str], Any]] = {
        "sentence": lambda name: getattr(Speaker, name),
        "adjunct": lambda name: getattr(Speaker, name),
        "command": FRAMES.__getitem__,
        "singular": codes,
        "plural": codes,
        "mass": codes,
    }
    found = {choice: _weighted(text, of_names.get(choice, str)) for choice, text in CHOICES.items()}
    for sort, goes_with in SORTS.items():
        found[f"verb_of/{sort}"] = _weighted(goes_with.verb, str)
        found[f"modifier/{sort}"] = _weighted(goes_with.modifier, modifier)
        found[f"frame/{sort}"] = _weighted(goes_with.frame, FRAMES.__getitem__)
        if goes_with.clausal:
            found[f"clausal/{sort}"] = _weighted(goes_with.clausal, FRAMES.__getitem__)
    for name, lemmas in words.classes.items():
        prepositions = words.prepositions.get(name)
        alternatives: Sequence[Any] = list(zip(lemmas, prepositions, strict=True)) if prepositions else lemmas
        # Zipf's law with exponent 1. Plain sums of quotients, which every platform rounds alike.
        found[name] = _table(alternatives, [1 / (rank + 1) for rank in range(len(lemmas))])
    return found


def _weighted(text: str, value_of: Callable[[str], Any]) -> list[Any]:
    """The table of "name weight, name weight"."""
    pairs = [item.split() for item in text.split(",")]
    return _table([value_of(name) for name, _ in pairs], [float(weight) for _, weight in pairs])


def _table(alternatives: Sequence[Any], weights: Sequence[float]) -> list[Any]:
    total = sum(weights)
    ends = [round(GRAIN * so_far / total) for so_far in accumulate(weights)]
    starts = [0, *ends[:-1]]
    return [item for item, start, end in zip(alternatives, starts, ends, strict=True) for _ in range(end - start)]
