"""What a writer has beside its output while it works: named with machine and process, so that dead ones' is removed."""

import os
import re
import shutil
import socket
import tempfile
import time
from pathlib import Path

PART = ".part-"  # what a file or folder is called while it is being written: .NAME.part-MACHINE-PROCESS-LETTERS
LETTERS_OF_MACHINE = 24  # names of files end at 255 bytes
SECONDS_ELSEWHERE = 24 * 3600  # after which what another machine has left untouched is taken for left for good
_WRITER = re.compile(r"-(?P<machine>[^-]+)-(?P<process>[0-9]+)-[^-]*$")
_MINE: set[str] = set()  # the names that this process has given


def machine() -> str:
    """The name of this machine, of letters, digits, dots and underscores."""
    return re.sub("[^A-Za-z0-9.]", "_", socket.gethostname())[:LETTERS_OF_MACHINE] or "machine"


def part_file(path: Path, kind: str = PART) -> Path:
    """A new empty file beside `path`, to be written and renamed."""
    handle, name = tempfile.mkstemp(prefix=_prefix(path, kind), dir=path.parent)
    os.close(handle)
    return _mine(Path(name))


def part_folder(path: Path, kind: str = PART) -> Path:
    """A new empty folder beside `path`, to be filled and renamed."""
    return _mine(Path(tempfile.mkdtemp(prefix=_prefix(path, kind), dir=path.parent)))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    _MINE.discard(path.name)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_unfinished(path: Path, kind: str = PART) -> None:
    """Remove what any process left beside `path`; only for the process that alone may write it."""
    for left in _beside(path, kind):
        if left.name not in _MINE:
            remove(left)


def remove_of_the_dead(path: Path, kind: str = PART) -> None:
    """Remove what killed writers left beside `path`, which others may be writing now."""
    for left in _beside(path, kind):
        if is_of_the_dead(left):
            remove(left)


def remove_unfinished_below(folder: Path) -> None:
    """Remove what killed writers left anywhere in a folder that nobody else writes to now."""
    for left in list(folder.rglob(f".*{PART}*")):
        remove(left)


def is_of_the_dead(left: Path) -> bool:
    """Whether the writer of something unfinished is no more: as far as this machine can tell, or for want of news."""
    found = _WRITER.search(left.name)
    if found is None or found["machine"] != machine():
        try:
            return time.time() - left.stat().st_mtime > SECONDS_ELSEWHERE
        except FileNotFoundError:
            return False
    process = int(found["process"])
    if process == os.getpid():  # of an earlier process of this number, if it is not ours
        return left.name not in _MINE
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False


def _prefix(path: Path, kind: str) -> str:
    return f".{path.name}{kind}{machine()}-{os.getpid()}-"


def _mine(path: Path) -> Path:
    _MINE.add(path.name)
    return path


def _beside(path: Path, kind: str) -> list[Path]:
    start = f".{path.name}{kind}"
    if not path.parent.is_dir():
        return []
    with os.scandir(path.parent) as entries:
        return [Path(entry.path) for entry in entries if entry.name.startswith(start)]
