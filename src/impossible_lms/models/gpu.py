"""A GPU of several processes: what memory one of them may count on, and whether float32 products may be rounded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SHARE = "IMPOSSIBLE_LMS_GPU_SHARE"  # of a GPU's memory, where several processes have the same one


def free_bytes(device: "torch.device") -> float:
    """Of a GPU's memory, for this process: what is free, and its share at most."""
    import torch

    free, total = torch.cuda.mem_get_info(device)
    return float(min(free, total * float(os.environ.get(SHARE, "1"))))


def smallest_memory(count: int) -> float:
    """Bytes of memory of the smallest of this machine's first GPUs."""
    import torch

    return float(min(torch.cuda.get_device_properties(each).total_memory for each in range(count)))


@contextmanager
def tf32(wanted: bool) -> Iterator[None]:
    """While it lasts, products of float32 matrices on a GPU take 10 of their 23 bits, and several times less time."""
    if not wanted:
        yield
        return
    import torch

    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
