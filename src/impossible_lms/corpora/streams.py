"""Files as streams of bytes, unpacked on the way (gzip, zstd, bzip2), and the hash that tells one from another."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from impossible_lms.errors import UserError
from impossible_lms.files import sha256_of

# By how the content begins, so that a packed file is read whatever it is called.
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
PACKED_SUFFIXES = (".gz", ".zst", ".bz2")
FOREIGN = {
    b"PK\x03\x04": "zip. Unpack it",
    b"\xfd7zXZ\0": "xz. Unpack it",
    b"7z\xbc\xaf": "7z. Unpack it",
    b"\xff\xfe": "UTF-16, not UTF-8 text. Convert it",
    b"\xfe\xff": "UTF-16, not UTF-8 text. Convert it",
    b"%PDF": "PDF. Make text of it",
    b"<?xml": "XML, not text. Make text of it",
    b"<!DOCTYP": "a page of the Web, not text. Make text of it",
    b"<html": "a page of the Web, not text. Make text of it",
}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked, without a byte order mark.

    Raises:
        UserError: it cannot be read, is packed in another way, is no UTF-8, or is cut short.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            file.seek(0)
            codec = next((codec for magic, codec in PACKED.items() if start.startswith(magic)), None)
            if codec is None:
                _skip_mark(path, file, start)
                yield cast(BinaryIO, file)
                return
        with pa.OSFile(str(path)) as packed, pa.CompressedInputStream(packed, codec) as stream:
            start = bytes(stream.read(8))
        with pa.OSFile(str(path)) as packed, pa.CompressedInputStream(packed, codec) as stream:
            _skip_mark(path, stream, start)
            yield stream
    except OSError as error:
        if "Truncated" in str(error):
            raise UserError(f"{path}: cut short, the packed content does not end. Fetch it again.") from error
        raise UserError(f"{path}: cannot be read ({error.strerror or str(error).splitlines()[0]}).") from error


def _skip_mark(path: Path, file: BinaryIO, start: bytes) -> None:
    for magic, what in FOREIGN.items():
        if start.startswith(magic):
            raise UserError(f"{path}: this is {what} first.")
    if start.startswith(BYTE_ORDER_MARK):
        file.read(len(BYTE_ORDER_MARK))


def unpacked_name(name: str) -> str:
    """The name of a file without the suffix of its packing.

    >>> unpacked_name("wiki.train.gz")
    'wiki.train'
    """
    for suffix in PACKED_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def file_digest(path: Path) -> str:
    """The sha256 of a file of a corpus; UserError where it cannot be read."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error


@dataclass(frozen=True)
class CorpusFile:
    """A file of a corpus, of one split and genre: what those of all formats have in common."""

    path: Path
    split: str
    genre: str

    def digest(self) -> str:
        """Its sha256, by which what was made of it knows it again."""
        return file_digest(self.path)
