"""Odd machines: a stage in a new process that lacks a home, a temporary folder, UTF-8 or cores, or has odd paths."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.ground import Ground, one_line
from tests.faults.processes import Ended, Process
from tests.faults.stages import Stage, copied, environment

NOWHERE = "/proc/nothing"  # no folder, and none can be made there
ROOT = Path(__file__).parents[2]
CODE = "import sys; sys.path.insert(0, sys.argv[1]); from tests.faults.stages import STAGES; STAGES[sys.argv[2]]()"
NO_TEMPORARY = "import tempfile; tempfile._candidate_tempdir_list = lambda: []; "
ONE_CORE = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
HOMES = ("HOME", "HF_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")
SIGNS = 200  # of the path of a folder
OWN = "works as ever"


@dataclass(frozen=True)
class Oddity:
    """How a machine is odd.

    Attributes:
        variables: of the environment, with their values; None takes one away.
        first: code that is run before the stage.
        name: of the folder that it works in, from the place where that is to be.
        lacks_cache: whether the Hub's cache lies in the home.
    """

    variables: Mapping[str, str | None] = field(default_factory=dict)
    first: str = ""
    name: Callable[[Path], str] = lambda place: "plain"
    lacks_cache: bool = False


def _odd_name(place: Path) -> str:
    name = 'it\'s "odd" #1 100% ü 日本 $x & '
    return name + "x" * max(0, SIGNS - len(str(place)) - len(name))


READ_ONLY = "a home that can only be read"
ODDITIES: dict[str, Oddity] = {
    "no home": Oddity(dict.fromkeys(HOMES)),
    "a home that is nowhere": Oddity(
        {**dict.fromkeys(HOMES), "HOME": NOWHERE, "HF_HOME": f"{NOWHERE}/hf"}, lacks_cache=True
    ),
    READ_ONLY: Oddity(dict.fromkeys(HOMES), lacks_cache=True),
    "ASCII": Oddity({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None}),
    "a time zone ahead": Oddity({"TZ": "XYZ-14"}),
    "a path with blanks, quotes and other signs, long": Oddity(name=_odd_name),
    "no temporary folder": Oddity({"TMPDIR": NOWHERE}, NO_TEMPORARY),
    "one core": Oddity(first=ONE_CORE),
}


def on_odd_machine(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """The stage on an odd machine: it works as ever, or says in a line what it lacks."""
    return on_machine(ground, stage, draw.choice(list(ODDITIES)))


def on_machine(ground: Ground, stage: Stage, name: str) -> str:
    """The same on one of them."""
    oddity = ODDITIES[name]
    place = Path(tempfile.mkdtemp(prefix="odd-", dir=ground.root))
    folder = place / oddity.name(place)
    copied(ground.root / "before" / stage.name, folder)
    variables = {**os.environ, **environment(folder), **oddity.variables}
    with _home_of(name) as home:
        if home is None:
            return "not tried: it needs the right to mount a disk"
        variables |= home
        if oddity.lacks_cache:
            variables["HF_HUB_CACHE"] = None
        ended = _ended(stage, folder, oddity.first + CODE, variables)
    assert ended.code in (0, *stage.codes, 2), f"{stage.name}, {name}: {ended.code}, {ended.errors[-900:]}"
    assert "Traceback" not in ended.errors, f"{stage.name}, {name}: {ended.errors[-900:]}"
    if ended.code:
        said = one_line(stage, ended, (2, *stage.codes), name)
    else:
        said = OWN
        ground.ends[stage.name].check(folder, f"{stage.name}, {name}")
    ground.check(stage, folder, f"after {name} ({said})")
    shutil.rmtree(place)
    return said


def _ended(stage: Stage, folder: Path, code: str, variables: Mapping[str, str | None]) -> Ended:
    words = [sys.executable, "-c", code, str(ROOT), stage.name]
    given = {key: value for key, value in variables.items() if value is not None}
    return Process(lambda: os.execve(sys.executable, words, given), folder).wait()


@contextmanager
def _home_of(name: str) -> Iterator[dict[str, str] | None]:
    """Variables that lead to a home on a disk that can only be read, where that is it; None where none can be made."""
    if name != READ_ONLY:
        yield {}
        return
    home = Path(tempfile.mkdtemp(prefix="home-"))
    command = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(home)]
    if not shutil.which("mount") or subprocess.run(command, check=False, capture_output=True).returncode:
        home.rmdir()
        yield None
        return
    try:
        yield {"HOME": str(home), "HF_HOME": str(home / "hf")}
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)
        home.rmdir()
