"""Compiling a model's blocks, where it pays: one block is compiled and serves for all."""

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

TORCHS_CACHE = "TORCHINDUCTOR_CACHE_DIR"
# A run with less to compute is over sooner without. On a processor compiling `tiny` takes some 20 s on two cores the
# first time, 3 s from then on out of torch's cache, and a step takes half as long (docs/log.md, 2026-11-24): 1.5e12
# operations are 100 steps of it. On an H100 `small` ran at 16 % of the card's rate without and at 38 % with, before it
# was made faster: at 1.3e14 and 3e14 operations a second, 15 s that compiling may take are saved by 3.4e15.
WORTH_COMPILING = {"cpu": 1.5e12, "cuda": 3.4e15}  # floating-point operations of a run
# Of a run, never of a process: which steps are compiled must not depend on where it was cut. On a processor the first
# ones come at once that way; on a GPU a step of GPT-2 small takes 3 to 6 s without compiling.
STEPS_BEFORE_COMPILING = {"cpu": 10, "cuda": 0}


def steps_before_compiling(device: torch.device) -> int:
    """How many of a run's first steps are computed without."""
    return STEPS_BEFORE_COMPILING.get(device.type, 0)


def shall_compile(
    model: torch.nn.Module, operations: float, device: torch.device, asked: bool | None, say: Callable[[str], None]
) -> bool:
    """Whether to compile: as asked, or where the run is long, the blocks are a transformer's and a compiler is there.

    A function of the run and the machine alone, never of time, so that a resumed run decides the same.
    """
    if asked is not None:
        return asked
    if not getattr(model, "_supports_sdpa", False) or device.type not in WORTH_COMPILING:
        return False
    if operations < WORTH_COMPILING[device.type]:
        if operations > WORTH_COMPILING[device.type] / 20:  # else it is over at once, and nobody asks
            say(
                f"a run of {operations:.1e} operations is too short to gain by compiling (from "
                f"{WORTH_COMPILING[device.type]:.1e} on): steps take about twice as long; "
                "impossible train --compile does it anyway."
            )
        return False
    if device.type == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        say("no C++ compiler (g++) found: training without compiled kernels, about half as fast.")
        return False
    return True


def keep_what_is_compiled() -> None:
    """Have torch keep what it compiles among the user's caches, where no folder is named for it.

    Its own choice is a folder for things that may go at any time, which on a cluster is another one in every job.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if os.access(there, os.W_OK):
        os.environ.setdefault(TORCHS_CACHE, str(cache / "impossible-lms" / "torch"))


def compile_blocks(model: torch.nn.Module) -> None:
    """Compile the blocks that transformers says are not to be split; each is called with one shape."""
    keep_what_is_compiled()
    # torch looks at inputs' gradients while it compiles, and warns of its own doing.
    warnings.filterwarnings(
        "ignore", message="The .grad attribute of a Tensor that is not a leaf", category=UserWarning
    )
    names = set(getattr(model, "_no_split_modules", None) or ())
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    for module in model.modules():
        if type(module).__name__ in names:
            module.compile(dynamic=False)
