"""Global word shuffle: one fixed permutation of places for all sentences, whatever their length.

The paper's deterministic shuffles have an order for each length, and an unrelated one for the next (section 3.1); Ziv
et al. (2025, section 3) shuffle words in that way. Here every place has a rank once and for all, drawn from a seed, and
the words of a sentence stand in the order of the ranks of their places: of any two places, the same one always comes
first.
"""

import numpy as np

from impossible_lms.languages.language import Language, Maker, Style
from impossible_lms.languages.shuffle import Order
from impossible_lms.languages.word_shuffle import in_order


def by_rank(seed: int) -> Order:
    """The places of a sentence in the order of their ranks; the first n ranks are the same for every length."""
    return lambda length: np.argsort(np.random.default_rng(seed).random(length), kind="stable")


def make(name: str, seed: int) -> Language:
    """The words in the order of one permutation of all places."""
    summary = f"the words by one permutation of places for all lengths, seed {seed}"
    return in_order(name, by_rank(seed), summary, Style("#5E7A00", "-.", "^"), {"seed": seed})


MAKERS = (Maker("global-word-shuffle", "s", make, {"global-word-shuffle-s21": 21}),)
