"""How much memory a process of its own has had at most: of a command, of Python code, and of one that goes on.

It is read from /proc: what the system tells of a child (`ru_maxrss`) begins with what its parent had when it began it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

MB = 1 << 20
COUNTED = Path("/proc/self/status").exists()

FUNCTIONS = """
def most(field="VmHWM"):
    "The memory that this process has had at most, in bytes."
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(field))
def now():
    "What it has at this instant."
    return most("VmRSS")
"""
COMMAND = """
import atexit, runpy, sys
atexit.register(lambda told=sys.argv[1]: print(most(), file=open(told, "w")))
sys.argv = ["impossible", *sys.argv[2:]]
runpy.run_module("impossible_lms", run_name="__main__")
"""


def peak_of_impossible(*words: str | Path) -> int:
    """Bytes of memory that a command of this package has at most; AssertionError where it fails."""
    with tempfile.NamedTemporaryFile() as told:
        command = [sys.executable, "-W", "ignore", "-c", FUNCTIONS + COMMAND, told.name, *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return int(told.read())


def peak_so_far(pid: int) -> int:
    """Bytes of memory that a process has had at most until now."""
    lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def said_by(code: str, *words: str | Path) -> list[int]:
    """The numbers that Python code prints in a process of its own, where `now()` and `most()` are its memory."""
    command = [sys.executable, "-W", "ignore", "-c", FUNCTIONS + code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [int(number) for number in done.stdout.split()]
