"""Plain text: one sentence a line, in a file, a folder, or BabyLM's layout of splits and genres."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from impossible_lms.errors import UserError
from impossible_lms.files import sha256_of

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 100_000  # bytes; a sentence is not that long, a file without line ends is
_FOREIGN = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class TextFile:
    """A text file of one genre. Lines end at `\\n` alone; a `\\r` before it and a byte order mark are taken off."""

    path: Path
    split: str

    @property
    def genre(self) -> str:
        return self.path.stem

    def digest(self) -> str:
        return file_digest(self.path)

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Blocks with one column, `text`. UserError names the line of anything that is no sentence."""
        first_line = 1
        for chunk in self._chunks():
            lines = self._lines(chunk, first_line)
            first_line += len(lines)
            yield pa.record_batch({"text": pa.array(lines, pa.string())})

    def _chunks(self) -> Iterator[bytes]:
        """Whole lines of about BLOCK_BYTES, without the last line end."""
        rest, line, start = b"", 1, True
        try:
            with self.path.open("rb") as file:
                while piece := file.read(BLOCK_BYTES):
                    if start:
                        piece = self._without_mark(piece)
                        start = False
                    head, end, tail = (rest + piece).rpartition(b"\n")
                    rest = tail
                    if len(rest) > LONGEST_LINE:
                        line += (head + end).count(b"\n")
                        raise self._fault(line, f"longer than {LONGEST_LINE:,} bytes. One sentence a line is expected")
                    if end:
                        line += head.count(b"\n") + 1
                        yield head
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror}).") from error
        if rest:
            yield rest

    def _without_mark(self, piece: bytes) -> bytes:
        for magic, what in _FOREIGN.items():
            if piece.startswith(magic):
                raise UserError(f"{self.path}: this is {what}, not UTF-8 text. Convert it first.")
        return piece.removeprefix(b"\xef\xbb\xbf")

    def _lines(self, chunk: bytes, first_line: int) -> list[str]:
        try:
            text = chunk.decode()
        except UnicodeDecodeError as error:
            line = first_line + chunk.count(b"\n", 0, error.start)
            column = error.start - (chunk.rfind(b"\n", 0, error.start) + 1) + 1
            what = f"not UTF-8 (byte 0x{chunk[error.start]:02X} at byte {column} of the line). Convert the file"
            raise self._fault(line, what) from error
        lines = text.split("\n")
        if "\r" in text:
            lines = [line.removesuffix("\r") for line in lines]
        if "\0" in text:
            line = first_line + text.count("\n", 0, text.index("\0"))
            raise self._fault(line, "holds a NUL. This is no text; convert or remove the line")
        for index, line_text in enumerate(lines):
            if not line_text.strip():
                raise self._fault(first_line + index, "blank. One sentence a line is expected; remove the line")
            if len(line_text) > LONGEST_LINE:
                what = f"longer than {LONGEST_LINE:,} characters. One sentence a line is expected"
                raise self._fault(first_line + index, what)
        return lines

    def _fault(self, line: int, what: str) -> UserError:
        return UserError(f"{self.path} line {line}: {what}.")


def text_files(path: Path) -> tuple[TextFile, ...]:
    """The text files at `path`, a file or a folder, in sorted order, each with its split."""
    if path.is_file():
        return (_file(path, "all"),)
    files = [_file(file, split) for file, split in by_split(path, lambda split: f".{split}", "*")]
    if not files:
        raise UserError(f"{path}: no text files here (train/*.train, dev/*.dev, test/*.test, or any files).")
    return tuple(files)


def by_split(folder: Path, ending: Callable[[str], str], whole: str) -> list[tuple[Path, str]]:
    """The files `<split>/*<ending of the split>`, or else those of the pattern `whole`, each with its split."""
    divided = [
        (file, split) for split in ("train", "dev", "test") for file in found(folder, f"{split}/*{ending(split)}")
    ]
    return divided or [(file, "all") for file in found(folder, whole)]


def _file(path: Path, split: str) -> TextFile:
    if path.stat().st_size == 0:
        raise UserError(f"{path}: empty. A corpus file holds one sentence a line.")
    return TextFile(path, split)


def found(folder: Path, pattern: str) -> list[Path]:
    """The files of a pattern in sorted order, without hidden ones and editors' leftovers."""
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".tmp" and not path.name.endswith("~")
    )


def file_digest(path: Path) -> str:
    """The sha256 of a file of a corpus; UserError where it cannot be read."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
