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
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = 8192 if device.type == "cuda" else 1024
    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        _wait(device)
        began = time.perf_counter()
        left @ right
        _wait(device)
        best = min(best, time.perf_counter() - began)
    return float(2 * size**3 / best)


def operations_of_run(per_token: float, recipe: Recipe) -> float:
    """Floating-point operations of all steps."""
    return per_token * recipe.steps * recipe.sequences_per_step * recipe.context


def _wait(device: "torch.device") -> None:
    if device.type != "cpu":
        import torch

        torch.accelerator.synchronize(device)
