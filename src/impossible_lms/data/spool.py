"""Spool: the kept sentences of one language and split, in scratch files while a dataset is built."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impossible_lms.languages.language import KeptSentences
from impossible_lms.languages.markers import sentences_with
from impossible_lms.ragged import Ragged

# What is kept of each sentence beside its tokens, one file a column.
_COLUMNS: dict[str, np.dtype[Any]] = {
    "length": np.dtype("<i4"),
    "sentence": np.dtype("<i8"),
    "affected": np.dtype("?"),
    "genre": np.dtype("<i4"),
}


class Spool:
    """Sentences appended to files in `folder`, then read back memory-mapped.

    Attributes:
        genres: the names behind the numbers of the `genre` column.
        dropped: how many sentences were dropped, by reason.
    """

    def __init__(self, folder: Path, dtype: np.dtype[Any], markers: Mapping[str, int]) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._dtype = dtype
        self._files = {name: (folder / name).open("wb") for name in ("values", *_COLUMNS)}
        self._count = self._tokens = self._affected = 0
        self.genres: list[str] = []
        self.dropped: dict[str, int] = {}
        self._markers, self._marked = markers, Counter(dict.fromkeys(markers, 0))

    def __len__(self) -> int:
        return self._count

    def append(self, sentences: KeptSentences, chosen: NDArray[np.bool_], genre: str) -> None:
        """Add the `chosen` (k,) of some sentences, all of one genre."""
        if genre not in self.genres:
            self.genres.append(genre)
        tokens, affected = sentences.tokens.take(chosen), sentences.affected[chosen]
        columns = {
            "length": tokens.lengths(),
            "sentence": sentences.sentence[chosen],
            "affected": affected,
            "genre": np.full(len(tokens), self.genres.index(genre)),
        }
        self._files["values"].write(tokens.values.astype(self._dtype, casting="no", copy=False).data)
        for name, dtype in _COLUMNS.items():
            self._files[name].write(columns[name].astype(dtype, copy=False).data)
        self._count += len(tokens)
        self._tokens += len(tokens.values)
        self._affected += int(affected.sum())
        self._marked.update(sentences_with(tokens, self._markers))

    def count_dropped(self, dropped: Mapping[str, int]) -> None:
        """Add to the numbers of dropped sentences."""
        for reason, count in dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def close(self) -> None:
        """Nothing more is appended."""
        for file in self._files.values():
            file.close()

    def bytes(self) -> int:
        """About how many it takes in memory to give the sentences in another order: tokens, places and order."""
        return self._tokens * self._dtype.itemsize + self._count * 4 * 8

    def sentences(self) -> Ragged:
        """The tokens of all sentences, on disk."""
        return Ragged.of_lengths(self._read("values", self._dtype), self.columns()["length"])

    def columns(self) -> dict[str, NDArray[Any]]:
        """`length`, `sentence`, `affected` and `genre` (a number), each (k,), on disk."""
        return {name: self._read(name, dtype) for name, dtype in _COLUMNS.items()}

    def counts(self) -> dict[str, Any]:
        """The numbers of sentences, tokens, affected ones, those with each marker, and those dropped, by reason."""
        return {
            "sentences": self._count,
            "tokens": self._tokens,
            "affected": self._affected,
            "markers": dict(self._marked),
            "dropped": {reason: count for reason, count in self.dropped.items() if count},
        }

    def _read(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        path = self._folder / name
        if path.stat().st_size == 0:
            return np.empty(0, dtype)
        return np.memmap(path, dtype=dtype, mode="r")
