"""Compiling a model's blocks, where it pays: one block is compiled and serves for all."""

import os
import shutil
import warnings
from collections.abc import Callable

import torch

# A run with less to compute is over sooner without: compiling `tiny` takes some 20 s on two cores the first time, and
# 3 s from then on out of torch's cache, and a step takes half as long (docs/log.md, 2026-11-24).
WORTH_COMPILING = {"cpu": 2e12, "cuda": 2e16}  # floating-point operations of a run
# Of a run, never of a process: which steps are compiled must not depend on where it was cut. On a processor the first
# ones come at once that way; on a GPU ten steps of GPT-2 small without compiling take twice as long as compiling does.
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
    if operations < WORTH_COMPILING.get(device.type, float("inf")) or not getattr(model, "_supports_sdpa", False):
        return False
    if device.type == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        say("no C++ compiler (g++) found: training without compiled kernels, about half as fast.")
        return False
    return True


def compile_blocks(model: torch.nn.Module) -> None:
    """Compile the blocks that transformers says are not to be split; each is called with one shape."""
    # torch looks at inputs' gradients while it compiles, and warns of its own doing.
    warnings.filterwarnings(
        "ignore", message="The .grad attribute of a Tensor that is not a leaf", category=UserWarning
    )
    names = set(getattr(model, "_no_split_modules", None) or ())
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    for module in model.modules():
        if type(module).__name__ in names:
            module.compile(dynamic=False)
