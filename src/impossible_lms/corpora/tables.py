"""Tables of text: JSON Lines, CSV and TSV, of which one column holds the sentences."""

import contextlib
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.json as pjson
from numpy.typing import NDArray

from impossible_lms.corpora.lines import LINE_UNIT, ROW, TOO_LONG, Lines
from impossible_lms.corpora.streams import CorpusFile, opened
from impossible_lms.corpora.text import chunks
from impossible_lms.documents import parsed_json
from impossible_lms.errors import UserError

TEXT = "text"
LONGEST_ROW = 32 << 20  # bytes of a row as it stands in the file, with its other columns
BLOCK_BYTES = 4 << 20
NAME = re.compile(r"\w+")  # what a column is called, and a sentence is not
DELIMITERS = {".csv": ",", ".tsv": "\t"}
OPENED = re.compile(rb'(?:^|\t)"', re.MULTILINE)
QUOTED = re.compile(rb'(?:^|\t)"(?:[^"\n]|"")*"(?=\t|\r?$)', re.MULTILINE)
NO_JSON, NO_STRING, NO_ROW = "not JSON", "without text in the column", "with columns missing or too many"


@dataclass(frozen=True)
class JsonLines(CorpusFile):
    """A file of JSON objects, one a line; those without text in the column are blank."""

    column: str
    unit: str = LINE_UNIT
    has_rows: bool = True

    @classmethod
    def open(cls, path: Path, split: str, genre: str, column: str | None) -> "JsonLines":
        """UserError where it is no JSON Lines, or which column holds the sentences is not clear."""
        for chunk in chunks(path, LONGEST_ROW):
            for line in filter(None, map(bytes.strip, chunk.split(b"\n"))):
                row = _object(line)
                if row is None:
                    what = 'a line is expected to be an object, as {"text": "A sentence."}'
                    raise UserError(f"{path}: no JSON Lines; {what}. Write each record on a line of its own.")
                strings = [name for name, value in row.items() if isinstance(value, str)]
                return cls(path, split, genre, the_column(path, list(row), strings, column))
        raise UserError(f"{path}: empty. A corpus file holds sentences.")

    @property
    def where(self) -> str:
        return str(self.path)

    def lines(self, longest: int) -> Iterator[Lines]:
        schema = pa.schema({self.column: pa.string()})
        options = pjson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        first = 1
        for chunk in chunks(self.path, LONGEST_ROW):
            rows = pc.split_pattern(pa.array([chunk], pa.binary()), b"\n").flatten()
            numbers = np.arange(first, first + len(rows))
            first += len(rows)
            try:
                table = pjson.read_json(
                    io.BytesIO(chunk), pjson.ReadOptions(use_threads=False, block_size=1 << 30), options
                )
                values = table.column(0).combine_chunks()
                is_whole = len(values) == len(rows)
            except (pa.ArrowException, UnicodeDecodeError):
                is_whole = False
            yield Lines(values, numbers) if is_whole else self._one_by_one(rows, numbers)

    def _one_by_one(self, rows: pa.Array, numbers: NDArray[np.int64]) -> Lines:
        """Some rows, where not all are as they should be."""
        values: list[str | bytes | None] = []
        faults = {}
        for place, line in enumerate(rows.to_pylist()):
            if not line.strip():
                values.append(None)
                continue
            row = _object(line)
            value = None if row is None else row.get(self.column)
            if len(line) > LONGEST_ROW:
                faults[place] = TOO_LONG
            elif row is None:
                faults[place] = NO_JSON
            elif value is not None and not isinstance(value, str):
                faults[place] = f"{NO_STRING} '{self.column}'"
            is_text = isinstance(value, str) and place not in faults
            values.append(str(value).encode("utf-8", "surrogatepass") if is_text else None)
        return Lines(pa.array(values, pa.binary()), numbers, faults)


@dataclass(frozen=True)
class Separated(CorpusFile):
    """A file of values separated by commas or tabs, whose first row names the columns."""

    ending: str
    column: str
    is_quoted: bool
    unit: str = ROW
    has_rows: bool = True

    @classmethod
    def open(cls, path: Path, split: str, genre: str, ending: str, column: str | None) -> "Separated":
        """UserError where which column holds the sentences is not clear."""
        with opened(path) as file:
            start = file.read(BLOCK_BYTES)
        if not start.strip():
            raise UserError(f"{path}: empty. A corpus file holds sentences.")
        # Tab-separated values are quoted by some programs and not by others, where a quote is a sign like any other.
        if len(start) == BLOCK_BYTES:
            start = start.rpartition(b"\n")[0] or start
        is_quoted = ending == ".csv" or len(OPENED.findall(start)) == len(QUOTED.findall(start))
        new = cls(path, split, genre, ending, "", is_quoted)
        try:
            with quiet_about_bytes():
                table = pcsv.read_csv(
                    io.BytesIO(start),
                    pcsv.ReadOptions(use_threads=False),
                    new._parsing(lambda row: "skip"),
                )
            names = table.column_names
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise UserError(
                f"{path}: cannot be read as {ending[1:].upper()} ({str(error).splitlines()[0]})."
            ) from error
        # Of what is not UTF-8 pyarrow makes bytes; the lines at fault are named when it is read.
        of_text = (pa.string(), pa.binary())
        strings = [
            name for name, kind in zip(names, table.schema.types, strict=True) if not len(table) or kind in of_text
        ]
        return cls(path, split, genre, ending, the_column(path, names, strings, column), is_quoted)

    @property
    def where(self) -> str:
        return str(self.path)

    def lines(self, longest: int) -> Iterator[Lines]:
        bad: list[int] = []

        def count(row: "pcsv.InvalidRow") -> str:
            bad.append(row.number)
            return "skip"

        converting = pcsv.ConvertOptions(
            include_columns=[self.column],
            column_types={self.column: pa.binary()},
            check_utf8=False,
            strings_can_be_null=False,
        )
        first = 2  # the first row names the columns
        try:
            with (
                opened(self.path) as file,
                pcsv.open_csv(
                    file, pcsv.ReadOptions(use_threads=False, block_size=LONGEST_ROW), self._parsing(count), converting
                ) as reader,
            ):
                while (batch := _next(reader)) is not None:
                    values = batch.column(0)
                    numbers = np.arange(first, first + len(values) + len(bad))
                    gone = np.isin(numbers, bad)
                    yield Lines(values, numbers[~gone][: len(values)])
                    first += len(numbers)
                    if bad:
                        nothing = pa.nulls(len(bad), pa.binary())
                        yield Lines(nothing, np.array(bad), dict.fromkeys(range(len(bad)), NO_ROW))
                        bad.clear()
        except pa.ArrowException as error:
            raise UserError(
                f"{self.path}: cannot be read after row {first - 1:,} ({str(error).splitlines()[0]})."
            ) from error

    def _parsing(self, on_bad_row: object) -> "pcsv.ParseOptions":
        return pcsv.ParseOptions(
            delimiter=DELIMITERS[self.ending],
            quote_char='"' if self.is_quoted else False,
            newlines_in_values=self.is_quoted,
            invalid_row_handler=on_bad_row,
        )


def _next(reader: "pcsv.CSVStreamingReader") -> pa.RecordBatch | None:
    """The next batch; None after the last."""
    with quiet_about_bytes():
        try:
            return reader.read_next_batch()
        except StopIteration:
            return None


@contextlib.contextmanager
def quiet_about_bytes() -> Iterator[None]:
    """While it lasts, pyarrow prints no traceback of a row of too many values that is no UTF-8; it is an error too."""
    before = sys.unraisablehook

    def hook(found: "sys.UnraisableHookArgs") -> None:
        if not isinstance(found.exc_value, UnicodeDecodeError):
            before(found)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def the_column(path: object, names: Sequence[str], strings: Sequence[str], asked: str | None) -> str:
    """Which of the columns `names` holds the sentences: the one asked for, `text`, or the only one of `strings`.

    Raises:
        UserError: it is not there, not of strings, or not clear; the columns are named.
    """
    if asked is not None:
        if asked not in names:
            raise UserError(f"{path}: no column '{asked}'. Its columns: {', '.join(names)}.")
        if asked not in strings:
            raise UserError(
                f"{path}: the column '{asked}' does not hold text. Those that do: {', '.join(strings) or 'none'}."
            )
        return asked
    if TEXT in strings:
        return TEXT
    if len(strings) == 1 and NAME.fullmatch(strings[0]):
        return strings[0]
    if not strings:
        raise UserError(f"{path}: no column of text among {', '.join(names)}.")
    raise UserError(f"{path}: no column '{TEXT}', but {', '.join(names)}. Name the one of sentences: --column NAME.")


def _object(line: bytes) -> Mapping[str, object] | None:
    """The JSON object on a line."""
    try:
        row = parsed_json(line.decode())
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
