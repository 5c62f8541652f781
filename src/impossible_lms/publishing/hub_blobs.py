"""What files of repositories hold, kept by a hub on this machine once by the sha256 of each."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import git_id_of, sha256_of, written_beside

SHA256 = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):  # noqa: N818 - an answer, not an accident
    """A request the hub does not grant: an HTTP status, the Hub's own code for it (or ""), and a sentence.

    `headers` and `facts` go with the answer where clients look for more.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers, self.facts = headers or {}, facts or {}


@dataclass(frozen=True)
class Entry:
    """A file of a commit: the sha256 and size of its content, its git id, and whether it was sent as a large file."""

    sha256: str
    size: int
    git_id: str
    is_large: bool

    @property
    def etag(self) -> str:
        """What clients compare a file by."""
        return self.sha256 if self.is_large else self.git_id


class Blobs:
    """Files by the sha256 of their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where the content is, or would be."""
        if not SHA256.fullmatch(sha256):
            raise Refused(400, "", "a sha256 of 64 hexadecimal digits is expected.")
        return self._folder / sha256[:2] / sha256

    def holds(self, sha256: str) -> bool:
        """Whether this content is there, undamaged."""
        path = self.path(sha256)
        return path.is_file() and sha256_of(path) == sha256

    def whole(self, sha256: str) -> Path:
        """Where the content is; UserError where it is damaged, or gone."""
        path = self.path(sha256)
        if not self.holds(sha256):
            what = "its content has changed since it was sent (sha256)" if path.is_file() else "missing"
            raise UserError(f"{path}: {what}. Publish again what it was part of.")
        return path

    def put(self, sha256: str, chunks: Iterable[bytes]) -> None:
        """Keep a content that arrives in chunks; nothing is kept if it is not the content it says."""
        path = self.path(sha256)
        with written_beside(path) as part:
            content = hashlib.sha256()
            with part.open("wb") as file:
                for chunk in chunks:
                    content.update(chunk)
                    file.write(chunk)
            if content.hexdigest() != sha256:
                raise Refused(400, "", f"the content has sha256 {content.hexdigest()}, {sha256} was announced.")

    def small(self, content: bytes) -> Entry:
        """Keep a content that is at hand as a regular file of a commit."""
        sha256 = hashlib.sha256(content).hexdigest()
        if not self.holds(sha256):
            self.put(sha256, [content])
        return Entry(sha256, len(content), git_id_of(content), False)

    def large(self, sha256: str) -> Entry:
        """A content that was sent before, as a large file of a commit; its git id is that of the pointer to it."""
        path = self.path(sha256)
        if not self.holds(sha256):
            raise Refused(400, "", f"the large file {sha256} was not uploaded.")
        size = path.stat().st_size
        return Entry(sha256, size, git_id_of(pointer(sha256, size)), True)


def pointer(sha256: str, size: int) -> bytes:
    """What git keeps in the place of a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
