"""The order of training sentences: shuffled from that of the corpus, or from that of the published files.

The published files of a language hold first the sentences that it leaves as they are, then the affected ones; they are
read one after the other by name and shuffled once with the seed of the run, which so decides the blocks too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PUBLISHED = "published"


def shuffled(count: int, seed: int) -> NDArray[np.int64]:
    """(count,) int64: which sentence comes at each place."""
    return np.random.default_rng(seed).permutation(count)


def shuffled_as_published(
    genre: NDArray[Any], genres: Sequence[str], affected: NDArray[np.bool_], seed: int, ending: str = "train"
) -> NDArray[np.int64]:
    """The same of sentences that the published scripts had put into files: (k,) int64.

    Args:
        genre: (k,) the number of each sentence's genre, in the order of the corpus.
        genres: their names; a file is called `<genre>.<ending>`.
        affected: (k,) bool, whether the language changed the sentence.
        seed: of the run.
        ending: of the files, `train` or `dev`.
    """
    place = np.empty(max(1, len(genres)), dtype=np.int64)
    place[sorted(range(len(genres)), key=lambda number: f"{genres[number]}.{ending}")] = np.arange(len(genres))
    lines = np.argsort(2 * place[genre] + affected, kind="stable")
    return lines[shuffled(len(lines), seed)]
