"""Fixed order: a GPU held to kernels that add up in the same order each time, so that a run repeats to the bit."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def fixed_order(wanted: bool) -> Iterator[None]:
    """While it lasts, kernels of torch, of its compiler and of cuBLAS that give the same bits for the same input.

    Without, attention's way back adds up as its blocks come to an end, and the compiler chooses kernels by the clock.
    torch raises where it has no such kernel, and where this process used cuBLAS before without the setting in `CUBLAS`.
    A processor's kernels are such anyway, with the same number of threads.
    """
    if not wanted:
        yield
        return
    import torch
    from torch._inductor import config as inductor

    memory: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    workspace = os.environ.get(CUBLAS)
    os.environ.setdefault(CUBLAS, ":4096:8")  # read when cuBLAS is first used
    torch.use_deterministic_algorithms(True)
    memory.fill_uninitialized_memory = False  # nothing is read before it is written
    try:
        with inductor.patch(deterministic=True) if hasattr(inductor, "deterministic") else warnings.catch_warnings():
            yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        memory.fill_uninitialized_memory = before[1]
        if workspace is None:
            del os.environ[CUBLAS]
