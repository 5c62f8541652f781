"""The messages between the hub on this machine and its clients: bodies of requests, and descriptions in answers."""

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel

from impossible_lms.publishing.hub_blobs import Entry, pointer
from impossible_lms.publishing.hub_store import Commit, Repository


class NewRepo(BaseModel):
    """A repository to make or delete."""

    name: str
    organization: str | None = None
    type: str = "model"
    visibility: str | None = None
    private: bool = False


class NewRef(BaseModel):
    """Where a branch begins; the name of a tag."""

    startingPoint: str = "main"  # noqa: N815 - the Hub's name
    tag: str = ""


class NewCollection(BaseModel):
    """A collection to make."""

    title: str
    namespace: str
    private: bool = False


class Item(BaseModel):
    """A repository as a member of a collection."""

    id: str
    type: str


class NewItem(BaseModel):
    """A member to add."""

    item: Item


class Card(BaseModel):
    """A card to check."""

    content: str


class Announced(BaseModel):
    """A file that will come."""

    path: str
    size: int
    sample: str = ""


class Preupload(BaseModel):
    """Files that will come."""

    files: list[Announced]


class LargeFile(BaseModel):
    """A file by its sha256."""

    oid: str
    size: int


class Batch(BaseModel):
    """Large files that will come."""

    objects: list[LargeFile]


class Paths(BaseModel):
    """Paths to describe."""

    paths: list[str]


class Header(BaseModel):
    """What a commit says of itself, and the commit that its branch is thought to be at, or the beginning of its id."""

    summary: str = ""
    description: str = ""
    parentCommit: str | None = None  # noqa: N815 - the Hub's name


class Operation(BaseModel):
    """One line of a commit."""

    key: str
    value: dict[str, Any]


def facts_of(repository: Repository, revision: str) -> dict[str, Any]:
    """The description of a repository at a revision."""
    commit, facts = repository.commit(revision), repository.facts
    said = {"_id": hashlib.sha256(repository.id.encode()).hexdigest()[:24], "id": repository.id, "sha": commit.id}
    said |= {"author": repository.id.split("/")[0], "createdAt": facts["created"], "lastModified": commit.date}
    if repository.kind == "models":
        said["modelId"] = repository.id
    siblings = [
        {"rfilename": name, "size": entry.size, "blobId": entry.git_id}
        | ({"lfs": _large(entry) | {"sha256": entry.sha256}} if entry.is_large else {})
        for name, entry in sorted(commit.files.items())
    ]
    always = {"disabled": False, "gated": False, "tags": [], "downloads": 0, "likes": 0}
    return said | always | {"private": facts["private"], "siblings": siblings}


def ref_of(key: str, name: str, commit: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{key}/{name}", "targetCommit": commit}


def summary_of(commit: Commit) -> dict[str, Any]:
    return {"id": commit.id, "title": commit.title, "message": commit.message, "date": commit.date, "authors": []}


def _large(entry: Entry) -> dict[str, Any]:
    size = len(pointer(entry.sha256, entry.size))
    return {"oid": entry.sha256, "size": entry.size, "pointerSize": size}


def rows_of(commit: Commit) -> Mapping[str, dict[str, Any]]:
    """Every file and folder of a commit by its path, as the API describes them."""
    last = {"lastCommit": {"id": commit.id, "title": commit.title, "date": commit.date}}
    rows: dict[str, dict[str, Any]] = {}
    for name, entry in sorted(commit.files.items()):
        for folder in reversed([parent.as_posix() for parent in PurePosixPath(name).parents][:-1]):
            folder_id = hashlib.sha1(f"{commit.id} {folder}".encode(), usedforsecurity=False).hexdigest()
            rows.setdefault(folder, {"type": "directory", "path": folder, "oid": folder_id, "size": 0} | last)
        row = {"type": "file", "path": name, "oid": entry.git_id, "size": entry.size} | last
        rows[name] = row | ({"lfs": _large(entry)} if entry.is_large else {})
    return rows
