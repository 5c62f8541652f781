"""Checkpoints by words: `words:1M` in a recipe is a checkpoint each million words, as BabyLM has them."""

import math
import re

UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}
PATTERN = r"^words:[1-9][0-9]*[KMB]?$"
_WORDS = re.compile(r"words:([0-9]+)([KMB]?)")


def words_apart(checkpoint_every: object) -> int | None:
    """The words between two checkpoints that a recipe's `checkpoint_every` says; None where it counts otherwise."""
    found = _WORDS.fullmatch(checkpoint_every) if isinstance(checkpoint_every, str) else None
    return int(found[1]) * UNITS[found[2]] if found else None


def steps_by_words(apart: int, words_of_step: float, steps: int) -> list[int]:
    """The steps at which each multiple of `apart` words has been read, and the last one.

    >>> steps_by_words(1000, 400, 8)
    [3, 5, 8]
    """
    count = int(steps * words_of_step // apart)
    return sorted({max(1, math.ceil(place * apart / words_of_step)) for place in range(1, count + 1)} | {steps})


def words_read(step: int, words_of_step: float, apart: int) -> str:
    """How many words were read by a step, as a revision's name has it: the multiple of `apart` that it was kept for.

    Of the last step, where that is no such multiple, thousands of words.

    >>> words_read(3, 400_000, 1_000_000), words_read(8, 400_000, 1_000_000)
    ('1M', '3200K')
    """
    words = step * words_of_step
    multiple = int(words // apart) * apart
    if multiple and words - multiple < words_of_step:
        words = multiple
    else:
        words = max(1000, round(words, -3)) if words >= 1000 else max(1, round(words))
    name, unit = next((name, unit) for name, unit in reversed(UNITS.items()) if int(words) % unit == 0)
    return f"{int(words) // unit}{name}"
