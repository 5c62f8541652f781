"""A shell for the pages: runs commands one after another in a folder, as a reader would type them."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impossible_lms.publishing.hub_server import PORT
from tests.docs.pages import Block, PageError
from tests.docs.pantry import Pantry
from tests.docs.spelling import words_of

OUTPUTS = ("--output", "-o", "--to")  # what follows is written, so nothing is put there before


class Shell:
    """Commands of `impossible` run in this process, all others, and all after an `export`, in one of their own."""

    def __init__(self, folder: Path, impossible: Callable[..., Any], pantry: Pantry) -> None:
        self.folder, self.impossible, self.pantry = folder, impossible, pantry
        self.exported: dict[str, str] = {}
        self.port = _free_port()  # for the one that pages name, which others may use
        self.background: list[subprocess.Popen[str]] = []

    def run(self, block: Block) -> None:
        """Run the commands of a block; PageError with what was said for the first that fails."""
        for command in (each.replace(str(PORT), self.port) for each in block.commands()):
            words = words_of(command)
            self._put(words)
            if words[0] == "export":
                self.exported |= dict(word.split("=", 1) for word in words[1:])
            elif words[-1] == "&":
                self._start(words[:-1])
            elif words[0] == "impossible" and not self.exported:
                code, out, err = self.impossible(*(each for word in words[1:] for each in _matching(word)))
                if code != 0:
                    raise PageError(f"{block.where}: {command}\nexit code {code}\n{out}{err}")
            else:
                self._in_a_process(["bash", "-ec", _shell_line(command)], block, command)

    def write(self, block: Block) -> None:
        """Write a file that the page shows, and put there what it names."""
        assert block.title is not None
        (self.folder / block.title).write_text(block.text, encoding="utf-8")
        for word in re.findall('"([^"]+)"', block.text):
            self.pantry.put(word, self.folder)

    def python(self, block: Block) -> None:
        """Run Python code: here, or where something was exported in a process of its own, which sees it."""
        if self.exported:
            self._in_a_process([sys.executable, "-W", "ignore", "-c", block.text], block, "python")
        else:
            exec(compile(block.text, block.where, "exec"), {"__name__": block.where})

    def end(self) -> None:
        """Ctrl-C to what still runs in the background."""
        for process in self.background:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)

    def _put(self, words: list[str]) -> None:
        for before, word in zip(["", *words], words, strict=False):
            if before not in OUTPUTS:
                self.pantry.put(word.rpartition("=")[2], self.folder)

    def _start(self, words: list[str]) -> None:
        process = subprocess.Popen(
            ["bash", "-ec", f"exec {_shell_line(' '.join(words))}"],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.background.append(process)
        assert process.stdout is not None
        if not process.stdout.readline():  # it says that it is ready, or it ends
            raise PageError(f"{' '.join(words)} &: ended at once.")

    def _in_a_process(self, arguments: list[str], block: Block, command: str) -> None:
        done = subprocess.run(
            arguments, cwd=self.folder, env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise PageError(f"{block.where}: {command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")

    def _environment(self) -> dict[str, str]:
        environment = os.environ | self.exported
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        if "HF_ENDPOINT" in self.exported:  # a hub on this machine may be talked to
            environment.pop("HF_HUB_OFFLINE", None)
        return environment


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _matching(word: str) -> list[str]:
    return sorted(str(path) for path in Path().glob(word)) or [word] if "*" in word else [word]


def _shell_line(command: str) -> str:
    """The command with this Python's `impossible`, which is the one under test."""
    if command.split()[0] == "impossible":
        return f"{shlex.quote(sys.executable)} -m impossible_lms {command.removeprefix('impossible')}"
    return command
