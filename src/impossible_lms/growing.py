"""GrowingFile: a file that long work appends to, and goes on from after it was cut off."""

import hashlib
import os
from pathlib import Path

from impossible_lms.errors import UserError


class GrowingFile:
    """A file that long work appends to, so that work which is cut off goes on from what is known to be on disk.

    Args:
        path: the file, which is made if there is none.
        size: bytes known to be whole; what a killed writer left behind them is cut off.
        sha256: of these bytes.

    Raises:
        UserError: the file does not hold these bytes.
    """

    def __init__(self, path: Path, size: int = 0, sha256: str = hashlib.sha256().hexdigest()) -> None:
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._hash = hashlib.sha256()
        self.size = 0
        while piece := self._file.read(min(1 << 20, size - self.size)):
            self._hash.update(piece)
            self.size += len(piece)
        if (self.size, self.sha256) != (size, sha256):
            self._file.close()
            raise UserError(f"{path}: damaged since it was written. Remove {path.parent} and begin again.")
        self._file.truncate(size)

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        return self._hash.hexdigest()

    def append(self, content: bytes) -> None:
        """Add `content` at the end; when this returns it is on the disk."""
        self._file.write(content)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._hash.update(content)
        self.size += len(content)

    def close(self) -> None:
        self._file.close()
