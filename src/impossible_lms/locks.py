"""Locks: one process writes an output, and a second one is told which; a lock goes with its process."""

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from impossible_lms.errors import UserError
from impossible_lms.unfinished import machine

WRITTEN = "is being written"  # how the message describes an output that another process writes
SECONDS_BETWEEN_TRIES = 0.05


class Busy(UserError):  # noqa: N818 - it passes
    """Another process, `holder` in words, has the lock on the file `lock`."""

    def __init__(self, what: Path, state: str, lock: Path) -> None:
        self.lock, self.holder = lock, _holder(lock)
        super().__init__(f"{what}: {state} by {self.holder}. Wait for it, or stop it.")


@contextlib.contextmanager
def locked(path: Path, state: str, what: Path | None = None, *, patience: float = 0.0) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` while the block runs.

    The file names the machine and the process, and is gone afterwards. One that a dead process left is nobody's: the
    system gives a lock up with its process. (A file server keeps that of a machine that is gone for a minute or two.)

    Args:
        path: the lock.
        state: of what is locked, for the message to others: `in use`, `is being written`.
        what: what it is, for the same; the lock's folder where None.
        patience: seconds to wait for another process.

    Raises:
        Busy: another process has it still; it is named.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=max(patience, SECONDS_BETWEEN_TRIES), poll_interval=SECONDS_BETWEEN_TRIES)
    except Timeout:
        raise Busy(what or path.parent, state, path) from None
    try:
        path.write_text(f"{machine()} {os.getpid()} {int(time.time())}\n", encoding="utf-8")
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: who waits for this file finds that it has no name any more
        lock.release()


@contextlib.contextmanager
def writing(output: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of an output that is replaced as a whole, and so cannot hold it itself: it lies beside it."""
    with locked(lock_beside(output), WRITTEN, output, patience=patience):
        yield


def remove_lock_of_the_dead(path: Path) -> None:
    """Remove a lock that a killed process left, where nobody has it."""
    if path.is_file():
        with contextlib.suppress(UserError), locked(path, WRITTEN):
            pass


def lock_beside(output: Path) -> Path:
    """The lock of an output."""
    return output.with_name(f".{output.name}.lock")


def wait_for_lock(path: Path, seconds: float) -> bool:
    """Wait until nobody holds the lock on the file `path`, `seconds` at most; whether nobody does."""
    if path.is_file():
        try:
            FileLock(path, timeout=seconds).acquire().lock.release()
        except Timeout:
            return False
    return True


def _holder(path: Path) -> str:
    """Who holds a lock, as its file says."""
    try:
        host, process, since = path.read_text(encoding="utf-8").split()
        begun = datetime.fromtimestamp(int(since)).astimezone()
        when = f"{begun:%H:%M}" if begun.date() == datetime.now().astimezone().date() else f"{begun:%Y-%m-%d %H:%M}"
        return f"process {int(process)} on {host} since {when}"
    except (OSError, ValueError, OverflowError):
        return "another process"
