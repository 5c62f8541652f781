"""Parquet: a corpus in columns on disk, the form in which annotation is read fastest."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from impossible_lms.corpora.lines import LONGEST_LINE, ROW, Lines
from impossible_lms.corpora.streams import CorpusFile
from impossible_lms.corpora.tables import the_column
from impossible_lms.errors import UserError
from impossible_lms.files import written_beside

ROWS = 60_000  # sentences in a block, at most
BYTES = 8 << 20  # of rows that are read at a time where they may be whole texts
ANNOTATION = {"words", "lemmas", "features", "tree"}
# Annotation with few distinct values. In files written here each stretch of sentences has one dictionary for each,
# large enough for all its values, so that it is read as numbers of that dictionary: in a third of the time of strings.
CODED = tuple(f"{name}.list.element" for name in ("words", "lemmas", "upos", "xpos", "features"))
WRITTEN_HERE = {b"impossible_lms": b"corpus"}
LARGEST_DICTIONARY = 1 << 30  # bytes


@dataclass(frozen=True)
class ParquetFile(CorpusFile):
    """A Parquet file of one genre, with a string column `text` and columns of annotation."""

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Blocks of ROWS sentences. UserError names the row of a `text` that is no sentence."""
        first = 0
        with _reading(self.path), pq.ParquetFile(self.path, read_dictionary=self._coded()) as file:
            for group in range(file.num_row_groups):
                for block in file.iter_batches(batch_size=ROWS, row_groups=[group]):
                    self._check(block.column("text"), first)
                    yield block
                    first += len(block)
        if not first:
            raise UserError(f"{self.path}: holds no sentences.")

    def _coded(self) -> list[str]:
        metadata = pq.read_metadata(self.path)
        if not WRITTEN_HERE.items() <= (metadata.metadata or {}).items():
            return []
        paths = {metadata.schema.column(index).path for index in range(metadata.num_columns)}
        return [path for path in CODED if path in paths]

    def _check(self, texts: pa.Array, first: int) -> None:
        faults = {
            "no text": pc.is_null(texts),
            "blank": pc.or_(pc.equal(texts, ""), pc.utf8_is_space(texts)),
            f"longer than {LONGEST_LINE:,} bytes": pc.greater(pc.binary_length(texts), LONGEST_LINE),
            "a NUL in the text": pc.match_substring(texts, "\0"),
        }
        for fault, mask in faults.items():
            if (row := pc.index(mask, True).as_py()) >= 0:
                raise UserError(f"{self.path} row {first + row}: {fault}. One sentence a row is expected.")


@dataclass(frozen=True)
class ParquetColumn(CorpusFile):
    """The column of sentences of a Parquet file without annotation."""

    column: str
    unit: str = ROW
    has_rows: bool = True

    @property
    def where(self) -> str:
        return f"{self.path} (rows from 0)"

    def lines(self, longest: int) -> Iterator[Lines]:
        first = 0
        with _reading(self.path), pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                held = file.metadata.row_group(group)
                rows = max(1, min(ROWS, held.num_rows * BYTES // max(1, held.total_byte_size)))
                for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=[self.column]):
                    values = batch.column(0).cast(pa.large_binary())
                    yield Lines(values, np.arange(first, first + len(values)))
                    first += len(values)


def open_parquet(path: Path, split: str, genre: str, column: str | None) -> ParquetFile | ParquetColumn:
    """A Parquet file with annotation, or the column of sentences of one without.

    Raises:
        UserError: it cannot be read, or which column holds the sentences is not clear.
    """
    with _reading(path):
        schema = pq.read_schema(path)
    strings = [field.name for field in schema if _is_text(field.type)]
    if ANNOTATION & set(schema.names) and column is None:
        if "text" not in schema.names or schema.field("text").type != pa.string():
            raise UserError(f"{path}: no column 'text' of strings, but {schema.names}.")
        return ParquetFile(path, split, genre)
    return ParquetColumn(path, split, genre, the_column(path, schema.names, strings, column))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]}).") from error


def write_parquet(blocks: Iterator[pa.RecordBatch], path: Path) -> None:
    """Write the sentences of a corpus as a Parquet file, which `read_corpus` reads.

    Reading it back gives the same columns; it spares `build` the reading of CoNLL-U for every language or seed.
    """
    with written_beside(path) as part:
        writer: pq.ParquetWriter | None = None
        try:
            for block in blocks:
                if writer is None:
                    coded = [name for name in CODED if name.partition(".")[0] in block.schema.names]
                    writer = pq.ParquetWriter(
                        part,
                        block.schema,
                        use_dictionary=coded,
                        dictionary_pagesize_limit=LARGEST_DICTIONARY,
                        store_schema=False,
                    )
                    writer.add_key_value_metadata(WRITTEN_HERE)
                writer.write_batch(block)
        finally:
            if writer is not None:
                writer.close()
