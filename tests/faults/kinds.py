"""Kinds of faults: what happens to a stage while it works, by a seed; what the user sees is given back."""

import builtins
import errno
import io
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.faults.clients import restarted, two_clients
from tests.faults.ground import KILLED, Ground, one_line
from tests.faults.hub import REQUESTS, TROUBLES, Troubled
from tests.faults.odd import on_odd_machine
from tests.faults.others import changed, killed_elsewhere, several_on_one_store, twice_at_once
from tests.faults.processes import born, children_of, end_all
from tests.faults.readers import read_while_written
from tests.faults.stages import RAY, STAGES, Stage

DISK, STOPPED = (5,), (0, 130)
MORE_KILLS = 0.3  # the chance of another one after each


def killed(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """SIGKILL at a random instant, perhaps again and again: the process, its helpers, or all of them."""
    folder = ground.fresh(stage)
    kills, left = 0, dict[int, int | None]()
    while not kills or draw.random() < MORE_KILLS:
        process = ground.begun(stage, folder)
        process.let_run(draw.uniform(0, ground.seconds[stage.name]))
        begun = {pid: born(pid) for pid in children_of(process.pid)}
        whom = "alone" if stage.helpers is None else draw.choice(["alone", "helpers", "all"])
        if whom == "helpers":
            process.kill_helpers(stage.helpers or "")
            ended = process.wait()
            assert "Traceback" not in ended.errors, f"{stage.name}: {ended.errors[-600:]}"
        else:
            process.kill(everybody=whom == "all")
            process.wait()
        kills += 1
        left |= begun
    ground.check(stage, folder, f"after {kills} kills")
    end_all(left)
    return KILLED


def asked_to_stop(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """Ctrl-C or SIGTERM at a random instant."""
    folder = ground.fresh(stage)
    process = ground.begun(stage, folder)
    time.sleep(draw.uniform(0, ground.seconds[stage.name]))
    number = draw.choice([signal.SIGINT, signal.SIGTERM])
    process.kill(number=number)
    ended = process.wait()
    if not (number == signal.SIGTERM and ended.code == -number):  # before it listens, or where nothing is to be saved
        assert ended.code in STOPPED, f"{stage.name}: {ended.code}, {ended.errors[-600:]}"
    # Python gives a Ctrl-C up that comes while a library's object is taken apart, and says so.
    errors = re.sub(r"Exception ignored in:.*?KeyboardInterrupt", "", ended.errors, flags=re.DOTALL)
    assert "Traceback" not in errors, f"{stage.name}: {ended.errors[-600:]}"
    ground.check(stage, folder, "after it was asked to stop")
    return ended.last if ended.code == 130 else KILLED


OPERATIONS = ("write", "rename", "fsync")


class Failing:
    """In a process: have the N-th operation of a kind below a folder fail, and count them all."""

    def __init__(self, kind: str, number: int, folder: Path, counted: Path) -> None:
        self.kind, self.number, self.folder, self.counted, self.seen = kind, number, str(folder), counted, 0

    def __call__(self) -> None:
        """Take the places of the system's functions."""
        open_before, replace, rename, fsync = io.open, os.replace, os.rename, os.fsync

        def opened(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
            if set(mode) & set("wax+") and str(file).startswith(self.folder):
                self._at("write", str(file))
            return open_before(file, mode, *rest, **more)

        def renamed(way: Callable[..., None]) -> Callable[..., None]:
            def call(source: Any, target: Any, *rest: Any, **more: Any) -> None:
                if str(Path(target).absolute()).startswith(self.folder):
                    self._at("rename", str(target))
                way(source, target, *rest, **more)

            return call

        def synced(handle: int) -> None:
            self._at("fsync", None)
            fsync(handle)

        io.open = builtins.open = opened
        os.replace, os.rename, os.fsync = renamed(replace), renamed(rename), synced  # type: ignore[assignment]

    def _at(self, kind: str, path: str | None) -> None:
        if kind != self.kind:
            return
        self.seen += 1
        handle = os.open(self.counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(handle, str(self.seen).encode())
        os.close(handle)
        if self.seen == self.number:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)


def nth_operation(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """The N-th write, rename or fsync fails, for a random N of those that there are."""
    kind = draw.choice(OPERATIONS)
    counted = ground.root / f"{stage.name}.{kind}.count"
    if not counted.exists():
        folder = ground.fresh(stage)
        ground.begun(stage, folder, Failing(kind, -1, folder, counted)).wait()
        shutil.rmtree(folder)
    many = int(counted.read_text()) if counted.exists() else 0
    if not many:
        return f"has no {kind}"
    return failing(ground, stage, kind, draw.randint(1, many))


def failing(ground: Ground, stage: Stage, kind: str, number: int) -> str:
    """One operation fails; the stage may do without it, or has to say so."""
    folder = ground.fresh(stage)
    ended = ground.begun(stage, folder, Failing(kind, number, folder, folder.with_suffix(".count"))).wait()
    what = f"{kind} {number} fails"
    said = "nothing: it does without" if ended.code == 0 else one_line(stage, ended, stage.codes, what)
    ground.check(stage, folder, f"{what} ({said})")
    return said


def limited(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """No file may be longer than a random size, as under a quota."""
    folder = ground.fresh(stage)
    largest = max(path.stat().st_size for path in (ground.root / "after" / stage.name).rglob("*") if path.is_file())
    size = draw.randint(1, largest)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return _without_room(ground, stage, folder, limit, f"files end at {size} bytes")


def full(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """The disk is full at a random place of what is written."""
    with _small_disk(ground, stage, draw) as folder:
        if folder is None:
            return "not tried: it needs the right to mount a disk"
        ended = ground.begun(stage, folder).wait()
        if ended.code:
            one_line(stage, ended, (2, *stage.codes), "the disk is full")
        subprocess.run(["mount", "-o", "remount,size=1g", str(folder.parent)], check=True)
        ground.check(stage, folder, "after the disk was full")
        return ended.last if ended.code else KILLED


def read_only(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """The disk can only be read, from the start or from a random instant on."""
    with _small_disk(ground, stage, draw, 1.5) as folder:
        if folder is None:
            return "not tried: it needs the right to mount a disk"
        subprocess.run(["mount", "-o", "remount,ro", str(folder.parent)], check=True)
        ended = ground.begun(stage, folder).wait()
        said = one_line(stage, ended, (2, *DISK), "the disk is read-only")
        subprocess.run(["mount", "-o", "remount,rw", str(folder.parent)], check=True)
        ground.check(stage, folder, "after the disk was read-only")
        return said


@contextmanager
def _small_disk(ground: Ground, stage: Stage, draw: random.Random, share: float | None = None) -> Iterator[Path | None]:
    """A folder on a disk that has room for a share of what a stage writes; None where none can be made."""
    before, after = (_bytes(ground.root / kind / stage.name) for kind in ("before", "after"))
    share = draw.random() if share is None else share
    disk = Path(tempfile.mkdtemp(prefix="disk-", dir=ground.root))
    size = before + int((after - before) * share) + 2**16
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        folder = disk / "work"
        shutil.copytree(ground.root / "before" / stage.name, folder, symlinks=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        disk.rmdir()


def _bytes(folder: Path) -> int:
    """What a folder takes on a disk of pages."""
    return sum(-(-path.lstat().st_size // 4096) * 4096 + 1024 for path in folder.rglob("*"))


def _without_room(ground: Ground, stage: Stage, folder: Path, limit: Callable[[], None], what: str) -> str:
    ended = ground.begun(stage, folder, limit).wait()
    said = KILLED
    if ended.code:
        said = one_line(stage, ended, (2, *stage.codes), what)
    ground.check(stage, folder, f"after {what}")
    return said


def vanished(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """What it reads is moved away at a random instant."""
    folder = ground.fresh(stage)
    inputs = sorted(path for path in folder.iterdir() if path.name in {"data", "run"})
    chosen = draw.choice(inputs)
    process = ground.begun(stage, folder)
    process.let_run(draw.uniform(0, ground.seconds[stage.name]))
    away = folder.with_name(f"{folder.name}-away")
    chosen.rename(away)
    ended = process.wait()
    said = KILLED
    if ended.code:
        said = one_line(stage, ended, (1, 2, 3, *DISK), f"{chosen.name} vanished")
    if chosen.exists():  # it was made again, from nothing: what was moved away is put into its place
        shutil.rmtree(chosen)
    away.rename(chosen)
    ground.check(stage, folder, f"after {chosen.name} had vanished")
    return said


def clock(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """It is killed, and when it goes on the clock is a year behind, or ahead."""
    folder, jump = ground.fresh(stage), draw.choice([-1, 1]) * 365 * 86400.0
    process = ground.begun(stage, folder)
    time.sleep(draw.uniform(0, ground.seconds[stage.name]))
    process.kill(everybody=True)
    process.wait()
    now = time.time

    def jumped() -> None:
        time.time = lambda: now() + jump

    ended = ground.begun(stage, folder, jumped).wait()
    assert ended.code == 0, f"{stage.name}: {ended.errors[-600:]}"
    ground.check(stage, folder, "after the clock jumped")
    return KILLED


def refused(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """The hub refuses some requests, or the connection ends before or after what was asked was done."""
    folder = ground.fresh(stage)
    Troubled.trouble = draw.choice(TROUBLES)
    Troubled.first = draw.randrange(REQUESTS)
    Troubled.last = Troubled.first + draw.choice([0, 0, 2, 10**9])
    what = f"{Troubled.trouble} at request {Troubled.first} and {Troubled.last - Troubled.first} more"
    try:
        ended = ground.begun(stage, folder).wait()
    finally:
        Troubled.first = Troubled.last = -1
    said = KILLED if ended.code == 0 else one_line(stage, ended, (2,), what)
    ground.check(stage, folder, f"{what} ({said})")
    return said


Kind = Callable[[Ground, Stage, random.Random], str]
KINDS: dict[str, Kind] = {
    "kill": killed,
    "stop": asked_to_stop,
    "operation": nth_operation,
    "quota": limited,
    "full": full,
    "read-only": read_only,
    "twice": twice_at_once,
    "shared": several_on_one_store,
    "elsewhere": killed_elsewhere,
    "vanished": vanished,
    "changed": changed,
    "clock": clock,
    "refused": refused,
    "restarted": restarted,
    "clients": two_clients,
    "odd": on_odd_machine,
    "read": read_while_written,
}


ONLY = {
    "refused": "publish-hub",
    "restarted": "publish-hub",
    "clients": "publish-hub",
    "shared": "run",
}  # the stage of kinds that are for one alone


def stages_of(kind: str) -> list[str]:
    """The stages that a kind is tried on: forked clocks and failing functions do not reach a stage's own processes."""
    alone = kind in {"operation", "clock"}
    reading = kind in {"vanished", "changed"}
    has_ray = kind == "kill" and find_spec("ray") is not None
    if kind in ONLY:
        return [ONLY[kind]]
    found = [
        name
        for name, stage in STAGES.items()
        if not (alone and stage.heavy) and not (reading and not stage.needs) and (name != RAY or has_ray)
    ]
    # What was published of a changed file stays in a hub's history, and the next commit mends it.
    return [name for name in found if (kind, name) != ("changed", "publish-hub")]
