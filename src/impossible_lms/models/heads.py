"""A language model in two parts, hidden states and what makes logits of them, whatever its architecture."""

from typing import TYPE_CHECKING, Any

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
