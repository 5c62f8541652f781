"""What is published: a repository's revisions, each a set of files with their hashes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from impossible_lms.files import digest_of, sha256_of

MAIN = "main"
CONTENT = (".parquet", ".safetensors")  # endings of the files that make a revision what it is; the rest describes them

Kind = Literal["model", "dataset"]


@dataclass(frozen=True)
class Revision:
    """One state of a repository: its files by their path in it, and the sha256 of each."""

    name: str
    files: dict[str, Path]
    digests: dict[str, str]

    @property
    def commit(self) -> str:
        """40 hexadecimal digits that name the content, as a git commit does."""
        return commit_of(self.digests)

    @property
    def content(self) -> dict[str, str]:
        """The sha256 of the weights or tables, by path."""
        return {path: digest for path, digest in self.digests.items() if path.endswith(CONTENT)}

    def renamed(self, name: str) -> "Revision":
        """The same files under another name."""
        return Revision(name, self.files, self.digests)


@dataclass(frozen=True)
class Publication:
    """Something that becomes a repository.

    Attributes:
        kind: "model" or "dataset".
        name: the repository's name, without a namespace.
        source: the folder it comes from.
        revisions: from the repository's id and an empty folder for what has to be written first, its revisions in the
            order they are to appear, `main` at the end. Raises UserError where there is not all it takes.
    """

    kind: Kind
    name: str
    source: Path
    revisions: Callable[[str, Path], list[Revision]]


def commit_of(digests: Mapping[str, str]) -> str:
    """The name of the content of files, by the sha256 of each."""
    return hashlib.sha1(digest_of(digests).encode(), usedforsecurity=False).hexdigest()


def hashed(files: dict[str, Path]) -> dict[str, str]:
    """The sha256 of each file, by its path in the repository."""
    return {path: sha256_of(file) for path, file in files.items()}
