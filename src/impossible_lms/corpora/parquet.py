"""Parquet: a corpus in columns on disk, the form in which annotation is read fastest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from impossible_lms.corpora.text import LONGEST_LINE, by_split, file_digest
from impossible_lms.errors import UserError
from impossible_lms.files import written_beside

SUFFIX = ".parquet"
ROWS = 60_000  # sentences in a block, at most
# Annotation with few distinct values. In files written here each stretch of sentences has one dictionary for each,
# large enough for all its values, so that it is read as numbers of that dictionary: in a third of the time of strings.
CODED = tuple(f"{name}.list.element" for name in ("words", "lemmas", "upos", "xpos", "features"))
WRITTEN_HERE = {b"impossible_lms": b"corpus"}
LARGEST_DICTIONARY = 1 << 30  # bytes


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file of one genre, with a string column `text` and any of the columns of annotation."""

    path: Path
    split: str

    @property
    def genre(self) -> str:
        return self.path.stem

    def digest(self) -> str:
        return file_digest(self.path)

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Blocks of ROWS sentences. UserError names the row of a `text` that is no sentence."""
        first = 0
        try:
            with pq.ParquetFile(self.path, read_dictionary=self._coded()) as file:
                if "text" not in file.schema_arrow.names or file.schema_arrow.field("text").type != pa.string():
                    raise UserError(f"{self.path}: no column 'text' of strings, but {file.schema_arrow.names}.")
                for group in range(file.num_row_groups):
                    for block in file.iter_batches(batch_size=ROWS, row_groups=[group]):
                        self._check(block.column("text"), first)
                        yield block
                        first += len(block)
        except (OSError, pa.ArrowException) as error:
            raise UserError(f"{self.path}: cannot be read as Parquet ({str(error).splitlines()[0]}).") from error
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


def parquet_files(path: Path) -> tuple[ParquetFile, ...]:
    """The Parquet files at `path`, if there are any; in folders called train, dev and test, they are these splits."""
    if path.suffix == SUFFIX and path.is_file():
        return (ParquetFile(path, "all"),)
    return tuple(ParquetFile(file, split) for file, split in by_split(path, lambda split: SUFFIX, f"*{SUFFIX}"))


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
