"""A stage in a process of its own, which may be killed: a fork, so that libraries are loaded once."""

import contextlib
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 240.0  # after which a stage hangs
HUNG = "hangs"


@dataclass(frozen=True)
class Ended:
    """How a stage ended: its exit code, minus a signal's number if one ended it, and what it wrote to stderr."""

    code: int
    errors: str

    @property
    def last(self) -> str:
        """The last line on stderr."""
        lines = self.errors.strip().split("\n")
        return lines[-1]


class Process:
    """Work that runs in a folder, in a session of its own."""

    def __init__(self, work: Callable[[], None], folder: Path, before: Callable[[], None] = lambda: None) -> None:
        """Begin it; `before` is done in the process, ahead of the work."""
        handle, name = tempfile.mkstemp(prefix="said-")
        os.close(handle)
        self.said = Path(name)
        self.began = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _be(work, folder, before, self.said)

    def is_over(self) -> bool:
        return self._found is not None or self._wait(os.WNOHANG)

    def wait(self, seconds: float = SECONDS) -> Ended:
        """How it ended; ended by force, and said to hang, where it takes longer."""
        end = time.monotonic() + seconds
        while not self.is_over():
            if time.monotonic() > end:
                self.kill(everybody=True)
                self._wait(0)
                raise AssertionError(f"{HUNG}: {seconds:.0f} s are over; {self.errors()[-300:]}")
            time.sleep(0.005)
        assert self._found is not None
        errors = self.errors()
        self.said.unlink(missing_ok=True)
        return Ended(self._found, errors)

    def let_run(self, seconds: float) -> None:
        """Wait until so many seconds after it began, or until it is over."""
        while time.monotonic() < self.began + seconds and not self.is_over():
            time.sleep(0.001)

    def errors(self) -> str:
        return self.said.read_text(encoding="utf-8", errors="replace") if self.said.exists() else ""

    def kill(self, everybody: bool = False, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process, or to all of its session."""
        for pid in [*(children_of(self.pid) if everybody else []), self.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill_helpers(self, named: str = "") -> None:
        """Kill the processes that it started and whose names begin so, and leave it alone."""
        for pid in children_of(self.pid):
            with contextlib.suppress(OSError):
                if (Path("/proc") / str(pid) / "cmdline").read_text().startswith(named):
                    os.kill(pid, signal.SIGKILL)

    _found: int | None = None

    def _wait(self, how: int) -> bool:
        pid, status = os.waitpid(self.pid, how)
        if pid:
            self._found = os.waitstatus_to_exitcode(status)
        return bool(pid)


def children_of(pid: int) -> list[int]:
    """The processes that a process started, and those that these did."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def born(pid: int) -> int | None:
    """When a process began, which tells it from a later one of its number; None where it is no more."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def end_all(begun: Mapping[int, int | None]) -> None:
    """Kill processes, by their number and when they began, that outlived who began them."""
    for pid, then in begun.items():
        if then is not None and born(pid) == then:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _be(work: Callable[[], None], folder: Path, before: Callable[[], None], said: Path) -> None:
    """Be the process."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        errors = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.dup2(errors, 2)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        before()
        work()
        code = 0
    except SystemExit as done:
        code = int(done.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
