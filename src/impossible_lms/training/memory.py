"""Memory: how many sequences of a step are computed at a time, so that a device is busy and has room for them."""

from typing import TYPE_CHECKING, Any

from impossible_lms.models.architectures import described_model, make_model
from impossible_lms.models.gpu import free_bytes
from impossible_lms.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

# On a processor small ones stay in its cache (measured: +10 %).
TOKENS_ON_CPU = 2048
MOST_TOKENS = 2**17  # more gain nothing: of GPT-2 small 64 and 128 x 1,024 tokens differ by 2 %
_OF_FREE = 0.9
_OF_LIBRARIES = 2e9  # bytes that CUDA, its libraries and copies of logits take
# Four float32 numbers a parameter (weight, gradient, two moments), a copy in bf16, and a spare copy for saving.
_BYTES_A_PARAMETER = 24


def sequences_at_a_time(model: Any, recipe: Recipe, device: "torch.device", share: int) -> int:
    """A micro-batch out of a process's `share` of a step: by memory on a GPU, where it divides the share."""
    if device.type != "cuda":
        return min(max(1, TOKENS_ON_CPU // recipe.context), share)
    fit = min(sequences_that_fit(model, recipe, free_bytes(device)), max(1, MOST_TOKENS // recipe.context))
    return max(each for each in range(1, share + 1) if share % each == 0 and each <= max(1, fit))


def sequences_that_fit(model: Any, recipe: Recipe, free: float) -> int:
    """How many blocks of a recipe can be trained on at once in so many `free` bytes; an estimate, on the safe side.

    What is kept for the way back goes with what enters and leaves the products of matrices: twice that, for norms,
    activations and sums are kept too.
    """
    room = free * _OF_FREE - _OF_LIBRARIES - _fixed(model)
    return max(0, int(room / _bytes_a_block(model, recipe)))


def bytes_of_run(spec: str, size: str | None, recipe: Recipe, vocabulary: int) -> float:
    """What of a GPU a run takes that is given as much as gains it anything: a whole step's blocks, or `MOST_TOKENS`.

    The same estimate as that of `sequences_that_fit`, for a model as `train` takes it; it is not made for that.
    """
    import torch

    architecture, config, _ = described_model(
        spec,
        size,
        vocabulary_size=vocabulary,
        context=recipe.context,
        end_of_text=0,
        dropout=recipe.dropout,
    )
    with torch.device("meta"):
        model = make_model(architecture, config, seed=0)
    blocks = min(recipe.sequences_per_step, max(1, MOST_TOKENS // recipe.context))
    return (_OF_LIBRARIES + _fixed(model) + blocks * _bytes_a_block(model, recipe)) / _OF_FREE


def _fixed(model: Any) -> float:
    """Bytes that do not depend on how much is computed at a time."""
    return float(_BYTES_A_PARAMETER * sum(parameter.numel() for parameter in model.parameters()))


def _bytes_a_block(model: Any, recipe: Recipe) -> float:
    """Bytes that a block of a recipe takes until its gradient is there."""
    import torch
    from transformers.pytorch_utils import Conv1D

    size = 2 if recipe.precision == "bf16" else 4
    head = model.get_output_embeddings()
    numbers = 0
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head:
            numbers += 2 * sum(module.weight.shape)
    if head is not None:
        numbers += head.weight.shape[0]
    return float(numbers * size * recipe.context)
