"""The files of a corpus: which there are in a folder, what of them is read, and each one's split and genre.

One place for all formats. What is not read is listed with the reason, never left out in silence.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path

from impossible_lms.corpora.streams import unpacked_name
from impossible_lms.errors import UserError

WHOLE = "all"  # the one split of a corpus that is not divided
SPLITS = ("train", "dev", "test")
# How names end, by what the file holds. Of a folder the first kind that is in it is read: annotation before text.
CONLLU = (".conllu",)
PARSED = ("_parsed.json",)  # of the published tagging script
TREES = (".mrg", ".ptb", ".tree", ".trees")
TABLES = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
DIVIDED = {".train": "train", ".dev": "dev", ".valid": "dev", ".val": "dev", ".test": "test"}
TEXTS = (".txt", ".text", ".raw", *DIVIDED)
KINDS: tuple[tuple[str, ...], ...] = (CONLLU, PARSED, TREES, (*TABLES, *TEXTS))
# What a folder or a file's name says of its split.
WORDS = {
    "train": ("train", "training"),
    "dev": ("dev", "development", "valid", "validation", "val"),
    "test": ("test", "testing"),
}
SPLIT_OF = {word: split for split, words in WORDS.items() for word in words}
SIZE = re.compile(r"[0-9]+(?:\.[0-9]+)?[kKmMbBgG]")
NAMED = re.compile(
    rf"(?:(?P<genre>.+?)(?:[-_.]ud)?[-_.])?(?P<split>{'|'.join(SPLIT_OF)})(?:[-_.][0-9]+(?:-of-[0-9]+)?)?",
    re.IGNORECASE,
)
SHARD = re.compile(r"[-_.][0-9]+-of-[0-9]+$")
# What stands beside a corpus and is none.
ABOUT = re.compile(
    r"(readme|licen[cs]e|copying|notice|citation|changelog|manifest(?=\.json$))s?([^a-z].*)?", re.IGNORECASE
)
FOLDERS_ABOUT = {"__MACOSX", "__pycache__"}
NO_TEXT = re.compile(
    r"\.(md|rst|html?|xml|pdf|docx?|odt|rtf|zip|tar|tgz|7z|rar|xz|py|sh|ipynb|js|css|ya?ml|toml|ini|cfg|log|png|jpe?g|gif"
    r"|svg|wav|mp3|npy|npz|pt|bin|safetensors|pkl|h5|arrow|db|sqlite|xlsx?|sha256|md5|bib|cff|lock|part)",
    re.IGNORECASE,
)
# Folders in which the published scripts keep sentences that a language has made ids of.
OF_IDS = re.compile(r"babylm_(hop|reverse|shuffle)_\w+")
LISTED = 10  # files that are named where many are not read


@dataclass(frozen=True)
class File:
    """A file of a corpus.

    Attributes:
        path: where it is.
        split: `train`, `dev`, `test`, or `all`.
        genre: what its sentences are called in tables.
        ending: how its name ends, which says what it holds; empty for an ending that is not known, which is text.
        size: of the training folder it is in (`10M`), where that has one.
    """

    path: Path
    split: str
    genre: str
    ending: str
    size: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file that is not read, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Layout:
    """The files that are read, in order, and those that are not."""

    files: tuple[File, ...]
    left_out: tuple[LeftOut, ...] = ()


def found(path: Path, size: str | None = None) -> Layout:
    """The files of the corpus at `path`.

    A file is itself, whatever it is called. In a folder and the folders in it, hidden files and what is about the
    corpus (README, licences) are no text. Splits are told by the folder (`train/`, `babylm_dev/`, `train_10M/`,
    `babylm_100M/`), by the ending (`.train`, `.dev`, `.test`), or by the name, if all are named so (`wiki-train.txt`).
    The genre of a file is the folder that it is in, without what says split and size, or its own name where that is
    the same for all.

    Args:
        path: a file or folder.
        size: which of several training folders side by side.

    Raises:
        UserError: there are several training folders and none is chosen, the one chosen is not there, or no file is.
    """
    if path.is_file():
        if size:
            raise UserError(f"--corpus {path}:{size}: one file has no sizes to choose from.")
        return Layout((File(path, WHOLE, _stem(path.name), ending_of(path.name)),))
    paths, left_out = _looked_through(path)
    paths, others = _of_one_kind(path, paths)
    files, undivided = _divided(path, paths)
    files, unchosen = _chosen(path, files, size)
    if not files:
        there = f" Not read: {listed([*left_out, *others])}." if left_out or others else ""
        raise UserError(f"{path}: no text files here (train/*.train, dev/*.dev, test/*.test, or any files).{there}")
    return Layout(tuple(_together(files)), (*left_out, *others, *undivided, *unchosen))


def ending_of(name: str) -> str:
    """How a file's name ends, packing aside, if that says what it holds; else nothing."""
    name = unpacked_name(name).lower()
    return next((ending for kind in KINDS for ending in kind if name.endswith(ending)), "")


def listed(left_out: Sequence[LeftOut]) -> str:
    """The files that are not read, by reason, in one line."""
    parts = []
    for reason, group in groupby(sorted(left_out, key=lambda each: each.reason), key=lambda each: each.reason):
        names = [each.name for each in group]
        more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
        parts.append(f"{', '.join(names[:LISTED])}{more} ({reason})")
    return "; ".join(parts)


def _stem(name: str) -> str:
    """A file's name without packing and ending."""
    name, ending = unpacked_name(name), ending_of(name)
    return name[: -len(ending)] if ending and len(name) > len(ending) else Path(name).stem


def _looked_through(folder: Path) -> tuple[list[Path], list[LeftOut]]:
    """The files in a folder and all below it that may be text, sorted, and those that are about it."""
    paths, about = [], []
    for path in sorted(_walked(folder)):
        name = unpacked_name(path.name)
        if path.suffix == ".tmp" or name.endswith("~"):
            about.append(LeftOut(str(path.relative_to(folder)), "left by an editor"))
            continue
        known = ending_of(name)
        if ABOUT.fullmatch(name) and known in ("", ".txt", ".text"):
            about.append(LeftOut(str(path.relative_to(folder)), "about the corpus"))
        elif not known and NO_TEXT.fullmatch(Path(name).suffix):
            about.append(LeftOut(str(path.relative_to(folder)), "no text by its name"))
        else:
            paths.append(path)
    return paths, about


def _walked(folder: Path) -> Iterator[Path]:
    """All files below a folder but hidden ones; links are followed, each folder once."""
    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in FOLDERS_ABOUT)
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(here, name) for name in names if not name.startswith(".") and Path(here, name).is_file())


def _of_one_kind(folder: Path, paths: Sequence[Path]) -> tuple[list[Path], list[LeftOut]]:
    """The files of the first kind there is, and the others; where no ending is known, all are text."""
    endings = {path: ending_of(path.name) for path in paths}
    kinds = [[path for path in paths if endings[path] in kind] for kind in KINDS]
    chosen = next(filter(None, kinds), list(paths))
    taken = set(chosen)
    held = sorted({endings[path] or "no known ending" for path in chosen})
    reason = f"beside {', '.join(held)}"
    others = [LeftOut(str(path.relative_to(folder)), reason) for path in paths if path not in taken]
    return chosen, others


def _divided(folder: Path, paths: Sequence[Path]) -> tuple[list[File], list[LeftOut]]:
    """The files with what their folders and names say of split, genre and size, and those that fit into no split."""
    files, clash = [], []
    places: dict[Path, _Place] = {}
    for path in paths:
        place = _Place.of(path.relative_to(folder))
        if place.split and place.ended and place.ended != place.split:
            reason = f"in a folder of {place.split}, and named .{place.ended}"
            clash.append(LeftOut(str(path.relative_to(folder)), reason))
        else:
            places[path] = place
    by_ending = {place.ended for place in places.values()} - {None}
    by_folder = {place.split for place in places.values()} - {None}
    by_name = {place.named[0] if place.named else None for place in places.values()}
    # One name that ends so is a name; annotation is written here in files of such names, be it of one split alone.
    named = None not in by_name and (len(by_name) > 1 or {ending_of(path.name) for path in places} == {*CONLLU})
    _refuse_several(folder, places)
    shared = _shared([place.folders for place in places.values()])
    if by_folder or len(by_ending) > 1:
        # Where some are called *.train, another file beside them is no part of it.
        for path, place in places.items():
            split = place.split or place.ended
            if split is None or (by_ending and place.ended is None):
                reason = "not in a folder of a split" if split is None else "not named by its split as the others are"
                clash.append(LeftOut(str(path.relative_to(folder)), reason))
            else:
                files.append(_file(path, split, place, shared, folder))
        files.sort(key=lambda file: SPLITS.index(file.split))
    else:
        for path, place in places.items():
            split = place.named[0] if named and place.named else WHOLE
            files.append(_file(path, split, place, shared, folder))
    return files, clash


def _file(path: Path, split: str, place: "_Place", shared: int, folder: Path) -> File:
    own = place.stem
    if place.named and place.named[0] == split:
        own = place.named[1]
    elif split != WHOLE and own.lower() in SPLIT_OF:
        own = ""
    genre = "-".join(place.folders[shared:]) or SHARD.sub("", own) or folder.resolve().name
    return File(path, split, genre, ending_of(path.name), place.size)


def _refuse_several(folder: Path, places: Mapping[Path, "_Place"]) -> None:
    """UserError where training folders with sizes stand in several places: these are several corpora."""
    homes = {place.home for place in places.values() if place.home is not None}
    if len(homes) > 1:
        there = ", ".join(str(folder / home) for home in sorted(homes))
        raise UserError(f"--corpus {folder}: several corpora, {there}. Name one of them.")


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """How many folders all files are in; a folder of everything says nothing of genres."""
    alike = takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
    return sum(1 for _ in alike)


@dataclass(frozen=True)
class _Place:
    """What the path of a file within its corpus says."""

    folders: tuple[str, ...]  # without those that say split or size
    stem: str
    split: str | None  # by its folder
    size: str | None
    ended: str | None  # its split by its ending
    named: tuple[str, str] | None  # split and genre by its name
    home: Path | None  # where the folder of a size stands

    @classmethod
    def of(cls, path: Path) -> "_Place":
        split = size = home = None
        folders: list[str] = []
        for depth, name in enumerate(path.parts[:-1]):
            words = [word for word in re.split(r"[-_. ]", name) if word]
            said = next((SPLIT_OF[word.lower()] for word in words if word.lower() in SPLIT_OF), None)
            sized = next((word for word in words if SIZE.fullmatch(word)), None)
            split, size = said or split, sized or size
            if sized and home is None:
                home = Path(*path.parts[:depth])
            if said is None and sized is None:
                folders.append(name)
        stem = _stem(path.name)
        match = NAMED.fullmatch(stem)
        named = (SPLIT_OF[match["split"].lower()], match["genre"] or "") if match else None
        ended = DIVIDED.get(ending_of(path.name))
        if split is None and size is not None:
            split = ended or "train"  # babylm_100M
        return cls(tuple(folders), stem, split, size, ended, named, home)


def _chosen(folder: Path, files: Sequence[File], size: str | None) -> tuple[list[File], list[LeftOut]]:
    """The files of one size of training text, and the others."""
    homes = {file.size or "": file for file in files if file.split == "train"}
    sizes = sorted({file.size for file in files if file.size}, key=_words)
    labels = [*sizes, *(["train"] if "" in homes and sizes else [])]
    if size is None:
        if len(labels) > 1:
            choices = " or ".join(f"{folder}:{label}" for label in labels)
            raise UserError(
                f"--corpus {folder}: training text of {' and '.join(labels)} side by side. Choose: {choices}."
            )
        return list(files), []
    picked = next((label for label in labels if label.lower() == size.lower()), None)
    if picked is None:
        there = f"there is {', '.join(labels)}" if labels else "it holds one size alone; leave it out"
        raise UserError(f"--corpus {folder}:{size}: no such size; {there}.")
    wanted = None if picked == "train" and picked not in sizes else picked
    chosen = [file for file in files if file.size == wanted or (file.size is None and file.split != "train")]
    taken = {file.path for file in chosen}
    left = [file for file in files if file.path not in taken]
    return chosen, [LeftOut(str(file.path.relative_to(folder)), f"not of {picked}") for file in left]


def _words(size: str) -> float:
    return float(size[:-1]) * {"k": 1e3, "m": 1e6}.get(size[-1].lower(), 1e9)


def _together(files: Sequence[File]) -> Iterator[File]:
    """The files of a split and genre one after the other, in the order in which these first come."""
    groups: dict[tuple[str, str], list[File]] = {}
    for file in files:
        groups.setdefault((file.split, file.genre), []).append(file)
    for group in groups.values():
        yield from group
