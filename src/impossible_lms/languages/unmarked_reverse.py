"""Full reversal without a marker: the tokens from last to first (Someya et al. 2025; Ziv et al. 2025).

The paper's FullReverse has 🅁 at a random place (section 3.1), so that a model's surprisal includes the draw; here
nothing is added, and what is measured is the order alone.
"""

import numpy as np
from numpy.typing import NDArray

from impossible_lms.languages.language import Family, Language, Maker, Style
from impossible_lms.languages.shuffle import CONTROL, by_length, undone


def backwards(length: int) -> NDArray[np.int64]:
    """From last to first."""
    return np.arange(length)[::-1]


def make(name: str, number: int) -> Language:
    """All tokens reversed; its number is never used."""
    family, style = Family("unmarked-reverse", markers=()), Style("#A348A6", "-.", "D")
    rule, inverse = by_length(backwards), undone(backwards)
    return Language(name, family, CONTROL, rule, "the tokens from last to first, no marker", style, inverse=inverse)


MAKERS = (Maker("unmarked-full-reverse", "", make, {"unmarked-full-reverse": 0}),)
