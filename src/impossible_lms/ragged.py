"""Ragged: many sequences in one flat array, the only shape in which token sequences travel."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.shown import Shown

SHOWN, SHOWN_ELEMENTS = 3, 16  # sequences, and elements of one, that a notebook shows


@dataclass(frozen=True, eq=False, repr=False)
class Ragged(Shown):
    """k sequences of n elements in all.

    `values` (n,) holds the elements one sequence after the other; `offsets` (k + 1,) int64 starts at 0 and ends at n;
    sequence i is `values[offsets[i]:offsets[i + 1]]`.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.offsets.ndim != 1 or len(self.offsets) == 0:
            raise ValueError("Ragged needs flat values and at least one offset")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.values) or np.any(np.diff(self.offsets) < 0):
            raise ValueError("offsets must rise from 0 to len(values)")

    @classmethod
    def of(cls, sequences: Iterable[Sequence[Any] | NDArray[Any]], dtype: Any = np.int64) -> "Ragged":
        """The given sequences as one Ragged of `dtype`. A value that does not fit the type raises OverflowError."""
        arrays = [np.array(sequence, dtype=dtype) for sequence in sequences]
        values = np.concatenate(arrays) if arrays else np.empty(0, dtype)
        return cls.of_lengths(values, np.array([len(array) for array in arrays], dtype=np.int64))

    @classmethod
    def of_lengths(cls, values: NDArray[Any], lengths: NDArray[Any]) -> "Ragged":
        """`values` (n,) cut into sequences of `lengths` (k,)."""
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(values, offsets)

    @classmethod
    def join(cls, parts: Sequence["Ragged"]) -> "Ragged":
        """The sequences of all `parts`, in order; one empty Ragged of int64 for no parts."""
        if not parts:
            return cls(np.empty(0, np.int64), np.zeros(1, np.int64))
        values = np.concatenate([part.values for part in parts])
        return cls.of_lengths(values, np.concatenate([part.lengths() for part in parts]))

    def title(self) -> str:
        return f"{len(self):,} sequences"

    def facts(self) -> dict[str, object]:
        lengths = self.lengths()
        spread = f", {lengths.min():,} to {lengths.max():,} in one" if len(self) else ""
        return {"elements": f"{len(self.values):,}{spread}", "of type": self.values.dtype.name}

    def examples(self) -> Iterator[str]:
        for _, sequence in zip(range(SHOWN), self, strict=False):
            more = " …" if len(sequence) > SHOWN_ELEMENTS else ""
            yield f"[{' '.join(map(str, sequence[:SHOWN_ELEMENTS].tolist()))}{more}]"

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> NDArray[Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"sequence {index} of {len(self)}")
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))

    def lengths(self) -> NDArray[np.int64]:
        """(k,) int64: the number of elements of each sequence."""
        return self.offsets[1:] - self.offsets[:-1]

    def place(self) -> NDArray[np.int64]:
        """(n,) int64: the index of each element in its own sequence."""
        place: NDArray[np.int64] = np.arange(len(self.values)) - self.starts
        return place

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(n,) int64: where each element's sequence begins."""
        return self.spread(self.offsets[:-1])

    def spread(self, per_sequence: NDArray[Any]) -> NDArray[Any]:
        """(n,): the entry of `per_sequence` (k,) that belongs to each element's sequence."""
        return np.repeat(per_sequence, self.lengths())

    def scatter(self, target: NDArray[np.int64]) -> "Ragged":
        """The elements moved inside their sequences: element j of a sequence goes to index `target[j]` of it.

        `target` (n,) must be a permutation of 0 .. length - 1 within every sequence.
        """
        values = np.empty_like(self.values)
        values[target + self.starts] = self.values
        return Ragged(values, self.offsets)

    def take(self, sequences: NDArray[Any]) -> "Ragged":
        """The chosen sequences in the order given: `sequences` (m,) of indices, or (k,) bool to keep some."""
        if sequences.dtype != bool:
            lengths = self.offsets[sequences + 1] - self.offsets[sequences]
            return Ragged.of_lengths(self._flat(self._strings.take(pa.array(sequences, pa.int64()))), lengths)
        if len(sequences) != len(self):
            raise ValueError(f"a mask of {len(sequences)} for {len(self)} sequences")
        if sequences.all():
            return self
        return Ragged.of_lengths(self._flat(self._strings.filter(pa.array(sequences))), self.lengths()[sequences])

    @cached_property
    def _strings(self) -> pa.LargeBinaryArray:
        """The sequences as strings of bytes, which Arrow copies whole: 3 ns a token, 18 ns by an index for each."""
        offsets, size = pa.py_buffer(self.offsets * self.values.itemsize), len(self)
        values = pa.py_buffer(np.ascontiguousarray(self.values))
        return pa.LargeBinaryArray.from_buffers(pa.large_binary(), size, [None, offsets, values])

    def _flat(self, strings: pa.LargeBinaryArray) -> NDArray[Any]:
        """All elements of sequences given as strings of bytes by Arrow, which begins a new array at 0."""
        _, offsets, values = strings.buffers()
        end = np.frombuffer(offsets, np.int64)[len(strings)] if len(strings) else 0
        return np.frombuffer(values or b"", self.values.dtype, count=int(end) // self.values.itemsize)

    def insert(self, sequences: NDArray[Any], places: NDArray[Any], elements: NDArray[Any] | int) -> "Ragged":
        """The sequences with m elements put in: `elements` (m,), or one for all, at `places` (m,) of `sequences` (m,).

        Places count the elements that were there before, from 0 to a sequence's length; of two at one place the first
        comes first. `sequences` must not fall.
        """
        values = np.insert(self.values, self.offsets[:-1][sequences] + places, np.asarray(elements, self.values.dtype))
        return Ragged.of_lengths(values, self.lengths() + np.bincount(sequences, minlength=len(self)))
