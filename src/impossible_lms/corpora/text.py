"""Plain text: the lines of a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.corpora.lines import LINE_UNIT, Lines
from impossible_lms.corpora.streams import CorpusFile, opened
from impossible_lms.documents import parsed_json
from impossible_lms.errors import UserError

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class TextFile(CorpusFile):
    """A text file of one genre. Lines end at `\\n` alone; a `\\r` before it and a byte order mark are taken off."""

    unit: str = LINE_UNIT
    has_rows: bool = False

    @classmethod
    def open(cls, path: Path, split: str, genre: str) -> "TextFile":
        """UserError where there is nothing in it."""
        if path.stat().st_size == 0:
            raise UserError(f"{path}: empty. A corpus file holds one sentence a line.")
        return cls(path, split, genre)

    @property
    def where(self) -> str:
        return str(self.path)

    def lines(self, longest: int) -> Iterator[Lines]:
        first = 1
        for chunk in chunks(self.path, longest):
            if first == 1:
                self._refuse_json(chunk)
            values = pc.split_pattern(pa.array([chunk], pa.binary()), b"\n").flatten()
            yield Lines(values, np.arange(first, first + len(values)))
            first += len(values)

    def _refuse_json(self, chunk: bytes) -> None:
        """UserError for JSON, whatever its name: it holds text, and is none."""
        start = chunk.lstrip().partition(b"\n")[0]
        if start.startswith(b"{"):
            try:
                parsed_json(start.decode())
            except ValueError:
                return
            raise UserError(f"{self.path}: JSON, not text. Name it .jsonl, and its column of sentences is read.")


def chunks(path: Path, longest: int) -> Iterator[bytes]:
    """Whole lines of a file, about BLOCK_BYTES at a time, without the last line end.

    Of a line of more than `longest` bytes, `longest` + 1 are given, so that memory is bounded whatever the file is.
    """
    rest, is_cut = b"", False
    with opened(path) as file:
        while piece := file.read(BLOCK_BYTES):
            if is_cut:  # in the middle of a line that is too long
                _, end, piece = piece.partition(b"\n")
                if not end:
                    continue
                yield rest
                rest, is_cut = b"", False
            head, end, tail = (rest + piece).rpartition(b"\n")
            if end:
                yield head
            rest = tail
            if len(rest) > longest:
                rest, is_cut = rest[: longest + 1], True
    if rest:
        yield rest
