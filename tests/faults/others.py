"""Others at work: the same twice at once, several experiments on one store, who changes files, a machine that died."""

import os
import random
import shutil
import time
from pathlib import Path

from impossible_lms.unfinished import PART, SECONDS_ELSEWHERE, machine
from tests.faults.ground import KILLED, Ground, one_line
from tests.faults.mutations import flipped
from tests.faults.stages import EXPERIMENT, Stage

BUSY = "Wait for it, or stop it."
AT_ONCE = (2, 3, 4, 10)  # experiments on one store
ELSEWHERE = "elsewhere"


def twice_at_once(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """The same command twice at once: one does it, or both do."""
    folder = ground.fresh(stage)
    first = ground.begun(stage, folder)
    time.sleep(draw.uniform(0, ground.seconds[stage.name]))
    second = ground.begun(stage, folder)
    ends = [first.wait(), second.wait()]
    said = KILLED
    for ended in ends:
        if ended.code:
            said = one_line(stage, ended, (2,), "twice at once")
            assert said.endswith(BUSY), said
    assert any(ended.code == 0 for ended in ends), f"{stage.name}: neither was done: {[each.errors for each in ends]}"
    ground.check(stage, folder, "twice at once")
    return said


def several_on_one_store(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """Experiments on one store begin one after the other, and ask for much of the same: all of them get it."""
    folder = ground.fresh(stage)
    names = [f"small-{number}" for number in range(1, draw.choice(AT_ONCE))]
    for name in names:
        (folder / f"{name}.toml").write_text(EXPERIMENT, encoding="utf-8")
    begun = [ground.begun(stage, folder)]
    for name in names:
        time.sleep(draw.uniform(0, ground.seconds[stage.name] / 2))
        begun.append(ground.begun(stage.of_file(f"{name}.toml"), folder))
    for each in begun:
        ended = each.wait()
        assert ended.code == 0, f"{len(begun)} at once: {ended.code}, {ended.errors[-900:]}"
    for name in names:
        (folder / f"{name}.toml").unlink()
        shutil.rmtree(folder / "store" / "experiments" / name)
    ground.check(stage, folder, f"{len(begun)} at once")
    return "nothing: who comes second waits, or finds it done"


def changed(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """A file of what it reads is replaced by a damaged one at a random instant, and put back once it has ended."""
    folder = ground.fresh(stage)
    files = [path for each in ("data", "run") for path in sorted((folder / each).rglob("[!.]*")) if path.is_file()]
    chosen, kept, damaged = draw.choice(files), folder.with_name(f"{folder.name}-kept"), folder.with_name("damaged")
    os.link(chosen, kept)
    damaged.write_bytes(flipped(kept.read_bytes() or b"x", draw))
    process = ground.begun(stage, folder)
    process.let_run(draw.uniform(0, ground.seconds[stage.name]))
    damaged.replace(chosen)
    ended = process.wait()
    kept.replace(chosen)
    what = f"{chosen.relative_to(folder)} was changed"
    said = one_line(stage, ended, (1, 2, 3, 5), what) if ended.code else KILLED
    ground.check(stage, folder, f"after {what}")
    return said


def killed_elsewhere(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """It is killed together with its machine; another one, which sees the same disk, goes on two days later."""
    folder = ground.fresh(stage)
    process = ground.begun(stage, folder)
    time.sleep(draw.uniform(0, ground.seconds[stage.name]))
    process.kill(everybody=True)
    process.wait()
    then = time.time() - 2 * SECONDS_ELSEWHERE
    for path in sorted(folder.rglob(".*"), reverse=True):
        if path.name.endswith("lock") and path.is_file():
            path.write_text(f"{ELSEWHERE} 4242 {int(then)}\n", encoding="utf-8")
        if PART in path.name:
            _of_another_machine(path, then)
    ground.check(stage, folder, "after its machine had died")
    return KILLED


def _of_another_machine(path: Path, then: float) -> None:
    moved = path.with_name(path.name.replace(f"-{machine()}-", f"-{ELSEWHERE}-"))
    path.rename(moved)
    os.utime(moved, (then, then))
