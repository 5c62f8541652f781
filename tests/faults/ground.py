"""The ground that faults are tried on: what each stage needs, made once, and what it leaves when nothing goes wrong."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.faults.ends import Ends
from tests.faults.processes import Ended, Process
from tests.faults.stages import STAGES, Stage, copied, prepare

KILLED = "nothing: the same command goes on, to the same bits"


@dataclass
class Ground:
    """Folders below `root`: `before/STAGE` is what a stage begins with, `after/STAGE` what it leaves.

    Attributes:
        ends: by stage, what has to be there in the end.
        seconds: by stage, what it takes.
    """

    root: Path
    ends: dict[str, Ends] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def made(self, name: str) -> Stage:
        """A stage, ready to be tried: what it needs is there, and its end is known."""
        stage = STAGES[name]
        if name in self.ends:
            return stage
        before, folders = self.root / "before" / name, []
        if stage.needs:
            self.made(stage.needs[0])
            copied(self.root / "after" / stage.needs[0], before)
        else:
            prepare(before)
        for words in stage.first:
            self.whole(replace(stage, words=words), before)
        for kind in ("after", "again"):
            folder = self.root / kind / name
            copied(before, folder)
            began = time.monotonic()
            self.whole(stage, folder)
            self.seconds[name] = time.monotonic() - began
            folders.append(folder)
        self.ends[name] = Ends.of(*folders)
        assert self.ends[name].files, name
        return stage

    def fresh(self, stage: Stage) -> Path:
        """A new folder to try it in."""
        folder = self.root / "tried" / f"{stage.name}-{time.monotonic_ns()}"
        copied(self.root / "before" / stage.name, folder)
        return folder

    def begun(self, stage: Stage, folder: Path, before: Callable[[], None] = lambda: None) -> Process:
        """The stage in a process of its own."""

        def first() -> None:
            _at_home(folder)
            before()

        return Process(stage, folder, first)

    def whole(self, stage: Stage, folder: Path) -> None:
        """Do it to its end; AssertionError where it does not get there."""
        ended = self.begun(stage, folder).wait()
        assert ended.code == 0, f"{stage.name} ends with {ended.code}: {ended.errors[-600:]}"

    def check(self, stage: Stage, folder: Path, what: str) -> None:
        """The same command once more has to lead to the same end; the folder is removed where it does."""
        self.whole(stage, folder)
        self.ends[stage.name].check(folder, f"{stage.name}, {what}")
        shutil.rmtree(folder)


def one_line(stage: Stage, ended: Ended, codes: tuple[int, ...], what: str) -> str:
    """What a user sees of a fault: one line of the exit codes allowed; AssertionError for anything else."""
    said = f"{stage.name}, {what}: code {ended.code}, {ended.errors[-600:]}"
    assert "Traceback" not in ended.errors, said
    assert ended.code in codes, said
    # 1 and 3: some of several tasks or checkpoints were not done, and are named.
    assert ended.last.startswith(("error: ", "interrupted", "stopped")) or ended.code in {1, 3}, said
    return ended.last


def _at_home(folder: Path) -> None:
    """In a stage's process: its caches lie in its folder."""
    from huggingface_hub import constants

    constants.HF_HUB_CACHE = str(folder / "home" / "hub")
    os.environ["HF_HUB_CACHE"] = constants.HF_HUB_CACHE
