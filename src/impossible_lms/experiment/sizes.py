"""What files take of the disk: a file that has several names is counted once."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

Place = tuple[int, int]  # the device and the number of a file or folder, which all its names share


class Taken(NamedTuple):
    """Bytes that files take, and how many of these are free when they are removed: none of a file with other names."""

    size: int
    frees: int


def taken(paths: Iterable[Path], counted: set[Place], without: Collection[Path] = ()) -> Taken:
    """What the files at and below paths take, those aside that are `counted` already or lie in `without`.

    They count as counted from then on. Links to folders are followed, links to files take nothing.
    """
    names: Counter[Place] = Counter()
    found: dict[Place, os.stat_result] = {}
    folders: set[Place] = set()
    for path in paths:
        for about in _files(path, folders, without):
            place = (about.st_dev, about.st_ino)
            names[place] += 1
            found[place] = about
    new = [place for place in found if place not in counted]
    counted.update(found)
    return Taken(
        sum(found[place].st_size for place in new),
        sum(found[place].st_size for place in new if names[place] == found[place].st_nlink),
    )


def inside(folder: Path, seen: set[Place]) -> list[Path]:
    """What a folder holds, in order of names; nothing where it is `seen` already, by this name or another."""
    try:
        about = folder.stat()
        place = (about.st_dev, about.st_ino)
        if place in seen:
            return []
        seen.add(place)
        return sorted(folder.iterdir())
    except OSError:
        return []  # not for us, or gone by now


def _files(path: Path, folders: set[Place], without: Collection[Path]) -> Iterator[os.stat_result]:
    if path in without:
        return
    if path.is_dir():
        for each in inside(path, folders):
            yield from _files(each, folders, without)
    elif not path.is_symlink():
        try:
            yield path.stat()
        except OSError:
            return  # gone by now
