"""What a stage leaves: every file of a folder, value by value, but for what differs between two whole runs."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impossible_lms.files import sha256_of
from impossible_lms.unfinished import PART

ABSENT = "absent"
LOGS = "logs"  # what tasks said, those that were stopped included
TIMES = ("hours", "seconds", "tokens_per_second", "bytes")  # two whole runs may agree in them by chance
HOURS = re.compile(rb"^\| (hours|energy) \| .*$", re.MULTILINE)  # of a card


@dataclass(frozen=True)
class Ends:
    """What is to be there after a stage, whatever happened on the way.

    Attributes:
        values: by file and place in it, what two whole runs agree on.
        files: all that both have.
    """

    values: Mapping[str, str]
    files: frozenset[str]

    @classmethod
    def of(cls, first: Path, second: Path) -> "Ends":
        """What two folders have in common in which the same was done."""
        one, other = dict(values_of(first)), dict(values_of(second))
        return cls(
            {place: value for place, value in one.items() if other.get(place) == value},
            frozenset(_files(first)) & frozenset(_files(second)),
        )

    def check(self, folder: Path, what: str) -> None:
        """AssertionError where a folder has another value, lacks a file, or has one that is left over."""
        files = set(_files(folder))
        for file in sorted(self.files - files):
            raise AssertionError(f"{what}: {file} is missing")
        for file in sorted(files - self.files):
            raise AssertionError(f"{what}: {file} is left over")
        self.check_values(folder, what)

    def check_values(self, folder: Path, what: str) -> None:
        """AssertionError where a folder has another value, whatever files it has."""
        found = dict(values_of(folder))
        for place, value in self.values.items():
            got = found.get(place, ABSENT)
            assert got == value, f"{what}: {place} is {got[:80]}, {value[:80]} expected"


def _files(folder: Path) -> Iterator[str]:
    for path, name in _named(folder):
        if path.is_dir() and not path.is_symlink():
            if any(path.iterdir()):
                continue
            name = f"{name}/"
        yield _without_letters(name)


def _without_letters(name: str) -> str:
    """A name without the letters that differ from one process to the next."""
    return name.split(PART)[0] + PART if PART in name else name


def _named(folder: Path) -> Iterator[tuple[Path, str]]:
    """All that a folder has, by name.

    A cache of the Hub names by their content what was measured in other seconds, too: snapshots are called by the
    revisions that are theirs, and blobs are what snapshots link to, but for those that none does. Commits of a hub are
    called after the time; what it serves of them is asked of it.
    """
    revisions: dict[Path, str] = {}
    for ref in sorted(folder.rglob("refs/**/*")):
        if ref.is_file():
            repository = next(each for each in ref.parents if each.name == "refs").parent
            named = repository / "snapshots" / ref.read_text(encoding="utf-8")
            revisions[named] = f"{revisions.get(named, '')} {ref.relative_to(repository).as_posix()}"
    linked = {path.resolve() for path in folder.rglob("snapshots/**/*") if path.is_symlink()}
    for path in sorted(folder.rglob("*")):
        if path.parent.name == "commits" or (path.parent.name == "blobs" and path.resolve() in linked):
            continue
        snapshot = next((each for each in (path, *path.parents) if each in revisions), None)
        if snapshot is None:
            yield path, path.relative_to(folder).as_posix()
        else:
            inside, home = path.relative_to(snapshot).as_posix(), snapshot.parent.relative_to(folder).as_posix()
            yield path, f"{home}/of{revisions[snapshot]}/{inside}"


def values_of(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file's values: those of JSON by their place, of others the hash of all.

    What a ref of a cache says is the hash of times, too; what it leads to is compared instead.
    """
    for path, name in _named(folder):
        if path.is_dir() or not path.exists():
            continue
        if path.parent.name == LOGS or "refs" in path.relative_to(folder).parts:
            continue
        if path.suffix in {".json", ".jsonl"}:
            yield from _of_json(name, path)
        elif path.suffix == ".md":
            yield name, hashlib.sha256(HOURS.sub(b"", path.read_bytes())).hexdigest()
        else:
            yield name, sha256_of(path)


def _of_json(name: str, path: Path) -> Iterator[tuple[str, str]]:
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n") if path.suffix == ".jsonl" else [text]
    for number, line in enumerate(lines):
        if line.strip():
            for place, value in _flat(json.loads(line)):
                yield f"{name} line {number}{place}", value
    yield f"{name} lines", str(len(lines) if path.suffix == ".jsonl" else 1)


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{place}.{key}")
    elif place.rpartition(".")[2] in TIMES:
        return
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{place}[{number}]")
    else:
        yield place, repr(value)
