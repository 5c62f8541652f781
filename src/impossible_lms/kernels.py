"""Compiled loops over sequences, where whole-array numpy was measured to take several times as long.

Imported inside functions: numba takes 0.2 s to import. It keeps what it compiled beside this file, or in the user's
cache where that is read-only, so that only the first use ever waits for the compiler.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def by_table(values: NDArray[Any], offsets: NDArray[np.int64], table: NDArray[np.uint16]) -> NDArray[Any]:
    """Every sequence in the order that `table` has for its length, which it must have.

    `table` holds the orders of all lengths from 0 on, one after the other: index j of a sequence of n elements gets the
    one that was at index `table[n * (n - 1) / 2 + j]`. `values` (n,) and `offsets` (k + 1,) are those of a Ragged.
    """
    result = np.empty_like(values)
    for sequence in range(len(offsets) - 1):
        start, end = offsets[sequence], offsets[sequence + 1]
        length = end - start
        first = length * (length - 1) // 2
        # Slices and unsigned indices: half the time of indices into the whole arrays.
        old, new, order = values[start:end], result[start:end], table[first : first + length]
        for place in range(length):
            new[place] = old[order[place]]
    return result


@numba.njit(cache=True, nogil=True)
def shuffle_each(values: NDArray[Any], offsets: NDArray[np.int64], generator: np.random.Generator) -> None:
    """Shuffle every sequence in place: the draws and the result of one `generator.shuffle` a sequence, in order."""
    for sequence in range(len(offsets) - 1):
        generator.shuffle(values[offsets[sequence] : offsets[sequence + 1]])


@numba.njit(cache=True, nogil=True)
def joined(
    values: NDArray[Any], offsets: NDArray[np.int64], order: NDArray[np.int64], end: int, result: NDArray[Any]
) -> None:
    """Write the sequences of `order` (m,) to `result` one after the other, each with the element `end` after it."""
    place = 0
    for sequence in order:
        start, stop = offsets[sequence], offsets[sequence + 1]
        length = stop - start
        old, new = values[start:stop], result[place : place + length]
        for index in range(length):
            new[index] = old[index]
        result[place + length] = end
        place += length + 1
