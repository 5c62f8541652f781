"""Readers during writes: inspect, status, store and report look again and again at what a stage is making."""

import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from impossible_lms import cli
from tests.faults.ground import Ground, one_line
from tests.faults.processes import Ended, Process
from tests.faults.stages import Stage

THINGS = (
    *("data", "many/[!.]*", "annotated.conllu", "run", "run/evaluation/[!.]*", "home/hub/models--*"),
    *("store/data/*/[!.]*", "store/runs/[!.]*", "store/runs/*/evaluation/[!.]*"),
)
RUN, EXPERIMENT = "run.json", "store/experiments/small"
DONE = "as it is in the end, or a line that says what is not there yet"


def read_while_written(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """What readers say while a stage works: no traceback, and nothing that is said to be whole and is not."""
    folder, pages = ground.fresh(stage), Path(tempfile.mkdtemp(prefix="read-", dir=ground.root))
    writer = ground.begun(stage, folder)
    whole: dict[tuple[str, ...], str] = {}
    reads, done = 0, set[str]()
    while not writer.is_over():
        words = draw.choice(list(_questions(folder, pages)))
        ended, said = _answer(words, folder, pages / "said")
        what = f"{' '.join(words[:2])} while it is being written"
        assert "Traceback" not in ended.errors, f"{stage.name}, {what}: {ended.errors[-900:]}"
        if ended.code:
            one_line(stage, ended, (2,), what)
        elif (is_of := _whole_part(words, said)) is not None:
            whole[words] = is_of
        elif words[-1] == "--json":
            listed = json.loads(said)
            if words[0] == "status":
                before, done = done, {name for name, task in listed.items() if task["state"] == "done"}
                assert before <= done, f"{stage.name}: {before - done} were said to be done"
        reads += 1
    ended = writer.wait()
    assert ended.code == 0, f"{stage.name}: {ended.code}, {ended.errors[-600:]}"
    for words, said in whole.items():
        _, now = _answer(words, folder, pages / "said")
        assert said == _whole_part(words, now), (
            f"{stage.name}: {' '.join(words)} said {said[-600:]}, in the end {now[-600:]}"
        )
    ground.check(stage, folder, f"while it was read {reads} times")
    shutil.rmtree(pages)
    return DONE


def _questions(folder: Path, pages: Path) -> Iterator[tuple[str, ...]]:
    """What may be asked of what is there by now."""
    yield "store", ".", "--json"
    for pattern in THINGS:
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(folder).as_posix()
            yield "inspect", name
            if (path / RUN).exists():
                yield "report", name, "--output", str(pages / "run.html")
    if (folder / EXPERIMENT).exists():
        yield "store", "small.toml", "--json"
        yield "status", "small.toml"
        yield "status", "small.toml", "--json"
        yield "report", "small.toml", "--output", str(pages / "experiment.html")


def _answer(words: tuple[str, ...], folder: Path, said: Path) -> tuple[Ended, str]:
    """How a reader ends, and what it prints."""

    def read() -> None:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        sys.argv = ["impossible", *words]
        cli.main()

    ended = Process(read, folder).wait()
    return ended, said.read_text(encoding="utf-8")


def _whole_part(words: tuple[str, ...], said: str) -> str | None:
    """What of an answer says that something is whole, which it has to be in the end, too; None where nothing does."""
    if words[0] == "inspect":
        lines = said.split("\n")
        if any(line.startswith("not finished") for line in lines):
            return None
        return "\n".join(line for line in lines if not line.startswith(("measured", "checkpoints")))
    return None
