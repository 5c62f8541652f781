"""Scripts: which are written without spaces between words, and what follows for text."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Chinese, Japanese, Thai, Lao, Khmer and Burmese, with their punctuation and full-width signs. Korean has spaces.
_RANGES = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3000, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF)),
    *((0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF01, 0xFF9F), (0x20000, 0x3FFFF)),
)
_CLASS = "".join(f"\\x{{{low:X}}}-\\x{{{high:X}}}" for low, high in _RANGES)  # for Arrow's expressions
_UNSPACED = re.compile("[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in _RANGES) + "]")
LONGEST_WORD = 8  # signs of such a script between two spaces, on average; in more stand several words
MOSTLY = 0.5  # of the letters of a sentence, or of the sentences of a corpus


def begins_unspaced(text: str) -> bool:
    """Whether a text begins with a sign of a script without spaces."""
    return _UNSPACED.match(text[:1]) is not None


def ends_unspaced(text: str) -> bool:
    """Whether a text ends with a sign of a script without spaces."""
    return _UNSPACED.match(text[-1:]) is not None


def joined_as_written(words: Sequence[str]) -> str:
    """Words with a space between them, but for two that touch in a script without spaces."""
    text = ""
    for word in words:
        text += word if not text or (ends_unspaced(text) and begins_unspaced(word)) else f" {word}"
    return text


def are_unspaced(texts: pa.Array) -> NDArray[np.bool_]:
    """(k,) bool: which of k texts are written without spaces between words, in a script that has none.

    Such a text that somebody has divided into words by spaces is not.
    """
    signs = _counts(texts, f"[{_CLASS}]")
    if not signs.any():
        return np.zeros(len(texts), dtype=bool)
    letters = _counts(texts, r"[\pL\pM]")
    spaces = _counts(texts, " ")
    return (signs > LONGEST_WORD * (spaces + 1)) & (signs >= MOSTLY * letters)


def touch_unspaced(texts: pa.Array) -> NDArray[np.bool_]:
    """(k,) bool: in which of k texts signs of a script without spaces touch, so that words may end between them."""
    return np.asarray(pc.match_substring_regex(texts, f"[{_CLASS}]{{2}}").to_numpy(zero_copy_only=False), dtype=bool)


def _counts(texts: pa.Array, pattern: str) -> NDArray[np.int64]:
    counted = pc.count_substring_regex(texts, pattern).fill_null(0)
    return np.asarray(counted.to_numpy(zero_copy_only=False), dtype=np.int64)
