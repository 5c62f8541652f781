"""A language model in its parts, whatever its architecture: blocks, last norm, and what makes logits of states."""

from typing import TYPE_CHECKING, Any

from impossible_lms.errors import UserError

if TYPE_CHECKING:
    import torch


def output_layer(model: Any) -> "torch.nn.Linear | None":
    """The layer that makes logits of the last hidden states (batch, length, width) of `model.base_model`.

    None where the model does more to its logits than such a layer (a cap, a factor) and only `model(ids).logits` is
    right: both are tried on two tokens, and compared.
    """
    import torch

    layer = model.get_output_embeddings()
    if not isinstance(layer, torch.nn.Linear) or model.base_model is model:
        return None
    was_training = model.training
    model.eval()
    with torch.no_grad():
        ids = torch.arange(2, device=model.device)[None] % model.config.vocab_size
        whole = model(input_ids=ids, use_cache=False).logits.float()
        in_parts = layer(model.base_model(input_ids=ids, use_cache=False).last_hidden_state).float()
    model.train(was_training)
    same = whole.shape == in_parts.shape and torch.allclose(whole, in_parts, rtol=1e-3, atol=1e-5)
    return layer if same else None


BLOCKS = ("h", "layers", "blocks")  # what the list of blocks is called
NORMS = ("ln_f", "norm", "final_layer_norm", "norm_f", "ln_out", "out_norm")


def trunk_of(model: Any) -> Any:
    """The part of a model that holds its blocks and last norm."""
    return getattr(model.base_model, "decoder", model.base_model)


def blocks_name(model: Any) -> str:
    """What the trunk calls its list of blocks; UserError for a model that does not keep them as most do."""
    for name in BLOCKS:
        if hasattr(trunk_of(model), name):
            return name
    raise UserError(f"{type(model).__name__}: a model with its blocks in a list `{'`, `'.join(BLOCKS)}` is expected.")


def blocks_of(model: Any) -> Any:
    """The blocks of a model, in order; UserError as `blocks_name`."""
    return getattr(trunk_of(model), blocks_name(model))


def final_norm(model: Any) -> Any:
    """What stands between the last block and the output embeddings; UserError where there is none."""
    for name in NORMS:
        if hasattr(trunk_of(model), name):
            return getattr(trunk_of(model), name)
    raise UserError(f"{type(model).__name__}: a model with a last norm `{'`, `'.join(NORMS)}` is expected.")
