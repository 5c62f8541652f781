"""Switch: the words at two fixed places change places (Ziv et al. 2025, section 3, who switch the places 0 and 2)."""

import numpy as np
from numpy.typing import NDArray

from impossible_lms.languages.language import Language, Maker, Style
from impossible_lms.languages.shuffle import Order
from impossible_lms.languages.word_shuffle import in_order

SECOND = 2  # as published; the first is 0


def switched(second: int) -> Order:
    """The words at index 0 and at index `second` exchanged; shorter sentences stay as they are."""

    def order(length: int) -> NDArray[np.int64]:
        places = np.arange(length)
        if length > second:
            places[[0, second]] = second, 0
        return places

    return order


def make(name: str, second: int) -> Language:
    """Two words exchanged."""
    summary = f"the first word and the one {second} places after it exchanged"
    return in_order(name, switched(second), summary, Style("#8A5A44", "-", "v"), {"index": second})


MAKERS = (Maker("switch-indices", "k", make, {"switch-indices": SECOND}, least=1),)
