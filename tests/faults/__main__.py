"""The fault suite: `python -m tests.faults` tries faults on every stage, as long as it is told, and tells what came.

Each trial is a line of `faults.jsonl` in the folder of `--output`, so a suite that was stopped goes on where it was; a
fault found is one with `"fault"`, and is tried again alone by `--only KIND:STAGE:SEED`. `--page FILE` writes the table.
"""

import os
import tempfile

os.environ.setdefault("HF_HOME", tempfile.mkdtemp(prefix="impossible-faults-"))
os.environ.setdefault("RAY_TMPDIR", tempfile.mkdtemp(prefix="ray-"))  # sockets need short paths
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib
import json
import random
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.ground import Ground
from tests.faults.kinds import KINDS, stages_of
from tests.faults.page import write_page

LIBRARIES = (
    "matplotlib.pyplot",
    "scipy.stats",
    "torch",
    "transformers.models.gpt2.modeling_gpt2",
    "impossible_lms.cli.evaluation",
    "impossible_lms.evaluation.driver",
    "impossible_lms.report.page",
    "impossible_lms.training.train",
)
# Of a round, how often each kind is tried.
SHARES = {
    "kill": 8,
    "stop": 2,
    "operation": 6,
    "quota": 2,
    "full": 2,
    "read-only": 1,
    "twice": 2,
    "shared": 1,
    "elsewhere": 2,
    "vanished": 2,
    "changed": 2,
    "clock": 1,
    "refused": 1,
    "restarted": 1,
    "clients": 1,
    "odd": 3,
    "read": 2,
}


def trials(first: int) -> Iterator[tuple[str, str, int]]:
    """Kinds, stages and seeds, without end: in each round every kind its share of times, over all stages in turn."""
    seed = first
    while True:
        for kind, share in SHARES.items():
            stages = stages_of(kind)
            for turn in range(share):
                yield kind, stages[(seed * share + turn) % len(stages)], seed
        seed += 1


def tried(ground: Ground, kind: str, stage: str, seed: int) -> dict[str, object]:
    """A trial, as a line."""
    began = time.monotonic()
    line: dict[str, object] = {"kind": kind, "stage": stage, "seed": seed}
    try:
        made = ground.made(stage)
        line["seen"] = KINDS[kind](ground, made, random.Random(f"{kind} {stage} {seed}"))
    except AssertionError as fault:
        line["fault"] = str(fault)
    return {**line, "seconds": round(time.monotonic() - began, 1)}


def load_libraries() -> None:
    """Once, so that stages, which are forks of this process, need not."""
    for name in LIBRARIES:
        importlib.import_module(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("faults"))
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--only", default="", metavar="KIND[:STAGE[:SEED]]")
    parser.add_argument("--page", type=Path, help="a page whose table is written anew, from faults.jsonl")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    log = options.output / "faults.jsonl"
    lines = [json.loads(line) for line in log.read_text().split("\n") if line] if log.exists() else []
    done = {(line["kind"], line["stage"], line["seed"]) for line in lines}
    kind, _, rest = options.only.partition(":")
    stage, _, seed = rest.partition(":")
    if (kind and kind not in KINDS) or (stage and stage not in stages_of(kind)) or (seed and not seed.isdecimal()):
        known = f"stages: {', '.join(stages_of(kind))}" if kind in KINDS else f"kinds: {', '.join(KINDS)}"
        parser.error(f"--only {options.only}: no such trial. {known}")
    load_libraries()
    ground = Ground(Path(tempfile.mkdtemp(prefix="ground-", dir=options.output)).resolve())
    end = time.monotonic() + 60 * options.minutes
    faults = 0
    try:
        for trial in trials(int(seed) if seed else options.seed):
            if time.monotonic() > end or (seed and trial[2] > int(seed)):
                break
            if (kind and trial[0] != kind) or (stage and trial[1] != stage):
                continue
            if trial in done and not seed:
                continue
            line = tried(ground, *trial)
            with log.open("a") as file:
                file.write(json.dumps(line) + "\n")
            lines.append(line)
            faults += "fault" in line
            print(
                f"{line['kind']}:{line['stage']}:{line['seed']} {line['seconds']} s  {line.get('fault', 'held')}",
                flush=True,
            )
    finally:
        shutil.rmtree(ground.root, ignore_errors=True)
    if options.page:
        write_page(options.page, lines)
    print(f"{len(lines)} trials in {log}, {faults} faults now")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
