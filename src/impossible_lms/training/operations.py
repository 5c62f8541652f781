"""Operations: how many floating-point operations a model takes to train on a token, and how many a device can do."""

import time
from typing import TYPE_CHECKING, Any

from impossible_lms.training.recipe import Recipe

if TYPE_CHECKING:
    import torch


def operations_per_token(model: Any, context: int) -> float:
    """Floating-point operations of one token in training: forwards, and twice that backwards.

    6 for every weight of a product of matrices (the output layer among them, embeddings that are looked up not), and 12
    times layers, width and context for attention, the whole matrix counted as is customary (Chowdhery et al. 2022,
    appendix B). A recurrent model's scan is left out.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    weights = {id(head.weight): head.weight.numel()} if head is not None else {}
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | Conv1D):
            weights[id(module.weight)] = module.weight.numel()
    attention = 0
    if getattr(model, "_supports_sdpa", False):
        config = model.config
        attention = 12 * config.num_hidden_layers * config.hidden_size * context
    return float(6 * sum(weights.values()) + attention)


def matrix_rate(device: "torch.device", precision: str) -> float:
    """Floating-point operations a second of a large product of matrices, measured here and now: the best of a few."""
    size = 8192 if device.type == "cuda" else 1024
    return product_rate(device, precision, (size, size, size))


def product_rate(device: "torch.device", precision: str, shape: tuple[int, int, int]) -> float:
    """As `matrix_rate`, of products of (rows, inner) and (inner, columns), for `shape` (rows, inner, columns).

    Numbers are random: of equal ones a GPU multiplies up to a tenth more in the same time, for its power is limited.
    """
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    rows, inner, columns = shape
    generator = torch.Generator(device).manual_seed(0)  # one of its own, not the run's
    left, right = (
        torch.randn(size, generator=generator, device=device).to(dtype) for size in ((rows, inner), (inner, columns))
    )
    best = float("inf")
    for _ in range(6):
        _wait(device)
        began = time.perf_counter()
        left @ right
        _wait(device)
        best = min(best, time.perf_counter() - began)
    return float(2 * rows * inner * columns / best)


def products_of_step(model: Any, tokens: int) -> dict[str, tuple[int, int, int]]:
    """By name, the distinct products of matrices that a model's way forward has for so many tokens: as `product_rate`.

    The last layer is padded, as it is computed on a GPU.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    from impossible_lms.training.fast.loss import padded

    head = model.get_output_embeddings()
    found: dict[tuple[int, int, int], str] = {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear | Conv1D):
            inner, columns = module.weight.shape if isinstance(module, Conv1D) else reversed(module.weight.shape)
            shape = (tokens, int(inner), padded(int(columns)) if module is head else int(columns))
            found.setdefault(shape, name.rpartition(".")[2])
    return {f"{name} {inner} x {columns}": (rows, inner, columns) for (rows, inner, columns), name in found.items()}


def operations_of_run(per_token: float, recipe: Recipe) -> float:
    """Floating-point operations of all steps."""
    return per_token * recipe.steps * recipe.sequences_per_step * recipe.context


def _wait(device: "torch.device") -> None:
    if device.type != "cpu":
        import torch

        torch.accelerator.synchronize(device)
