"""Causal attention with dropout on a processor, where torch's own falls back to whole matrices and a slow generator.

Rows are taken in blocks, so that what lies above the diagonal is left out and a block stays in cache; products are in
the precision of the inputs, the softmax in float32. Nothing of the size of the matrix is kept for the way back: it is
computed again. On a GPU attention is torch's, which has a kernel that does all of this.
"""

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from impossible_lms.training.fast.dropout import Dropout, kept

NAME = "impossible_lms"
CAUSAL = "impossible_lms_causal"  # the same, for models that need no mask beside
_WATCHED = "impossible_lms_watched"
WAITED_FOR = frozenset({"cuda"})  # devices for which reading a number means waiting
_ROWS = 256  # in a block; fewer are slower, for gradients of keys are then added up in parts (docs/log.md, 2026-11-24)


def use_attention(model: Any, context: int) -> None:
    """Give a model this attention, if it has one that can be exchanged. Its scale becomes a tensor.

    Numbers that differ from layer to layer would make `torch.compile` compile every layer anew; tensors do not. Where
    no layer needs a mask at this length, transformers is not asked for any: it would look into each micro-batch whether
    several texts stand in a row, and the device would be waited for.
    """
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    AttentionInterface.register(CAUSAL, attention)
    is_causal = model.device.type in WAITED_FOR and _needs_no_mask(model, context)
    model.set_attn_implementation(CAUSAL if is_causal else NAME)
    for module in model.modules():
        if isinstance(getattr(module, "scaling", None), float):
            device = next(module.parameters()).device
            module.scaling = torch.tensor(module.scaling, dtype=torch.float32, device=device)


@torch.no_grad()
def _needs_no_mask(model: Any, context: int) -> bool:
    """Whether every layer's attention is given none for a block of that length: seen in one, read once."""
    found: list[torch.Tensor | None] = []

    def watched(module: Any, query: Any, key: Any, value: Any, mask: Any, *rest: Any, **options: Any) -> Any:
        found.append(mask)
        return sdpa_attention_forward(module, query, key, value, mask, *rest, **options)

    before = model.config._attn_implementation
    AttentionInterface.register(_WATCHED, watched)
    AttentionMaskInterface.register(_WATCHED, sdpa_mask)
    model.set_attn_implementation(_WATCHED)
    was_training = model.training
    model.eval()
    model.base_model(input_ids=torch.zeros(1, context, dtype=torch.int64, device=model.device), use_cache=False)
    model.train(was_training)
    model.set_attn_implementation(before)
    return bool(found) and all(mask is None for mask in found)


def attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: torch.Tensor | float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers' attention functions: (batch, heads, length, width) each to (batch, length, heads, width)."""
    if scaling is None:
        scaling = query.shape[-1] ** -0.5
    keys = _keys(module)
    if query.device.type != "cpu" or not dropout or keys is None:
        query = (query * scaling).to(query.dtype)
        plain: torch.Tensor
        plain, _ = sdpa_attention_forward(module, query, key, value, attention_mask, dropout, 1.0, **options)
        return plain, None
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    query, key = query.to(value.dtype), key.to(value.dtype)  # rotations are float32, as autocast leaves them
    scale = torch.as_tensor(scaling, dtype=torch.float32)
    inputs = query, key, value, attention_mask, scale, keys, dropout
    out: torch.Tensor = _CausalAttention.apply(*inputs)  # type: ignore[no-untyped-call]
    return out.transpose(1, 2), None


def _keys(module: torch.nn.Module) -> torch.Tensor | None:
    """The keys of the attention's dropout: of its own module, as in GPT-2, or given to it, as in Llama."""
    own = getattr(module, "attn_dropout", None)
    return own.keys if isinstance(own, Dropout) else getattr(module, "keys", None)


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, allowed, scale, keys, probability):  # type: ignore[no-untyped-def]
        parts, sums = [], []
        for rows, width in _blocks(query.shape[2]):
            scores = _scores(query, key, allowed, scale, rows, width)
            normaliser = torch.logsumexp(scores, -1, keepdim=True)
            weights = torch.exp(scores - normaliser) * (1 / (1 - probability))
            stays = kept(_places(query, rows, width), keys, probability)
            parts.append(torch.where(stays, weights, 0.0).to(value.dtype) @ value[:, :, :width])
            sums.append(normaliser[..., 0])
        out, logsumexp = torch.cat(parts, 2), torch.cat(sums, 2)
        ctx.save_for_backward(query, key, value, allowed, scale, keys, out, logsumexp)
        ctx.probability = probability
        return out

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        query, key, value, allowed, scale, keys, out, logsumexp = ctx.saved_tensors
        rest = 1 / (1 - ctx.probability)
        gradient = gradient.to(query.dtype)
        # The compiler computes on the way forward, and keeps, what does not depend on the gradient. So all of it does:
        # 0 is added, or 1 where the gradient is no number and the run ends.
        nothing = gradient.flatten()[0].isnan()
        query, keys = query + nothing.to(query.dtype), keys + nothing.int()
        own = (gradient.float() * out.float()).sum(-1, keepdim=True)
        of_query, of_key, of_value = [], torch.zeros_like(key), torch.zeros_like(value)
        for rows, width in _blocks(query.shape[2]):
            scores = _scores(query, key, allowed, scale, rows, width)
            weights = torch.exp(scores - logsumexp[:, :, rows, None])
            stays = kept(_places(query, rows, width), keys, ctx.probability)
            mine = gradient[:, :, rows]
            of_weights = (mine @ value[:, :, :width].transpose(-1, -2)).float()
            of_scores = weights * (torch.where(stays, of_weights * rest, 0.0) - own[:, :, rows]) * scale
            of_scores = of_scores.to(query.dtype)
            dropped = torch.where(stays, weights * rest, 0.0).to(query.dtype)
            of_query.append(of_scores @ key[:, :, :width])
            of_key[:, :, :width] += of_scores.transpose(-1, -2) @ query[:, :, rows]
            of_value[:, :, :width] += dropped.transpose(-1, -2) @ mine
        return torch.cat(of_query, 2), of_key, of_value, None, None, None, None


def _blocks(length: int) -> list[tuple[slice, int]]:
    """Rows, and how many columns are left of or on their diagonal."""
    ends = [*range(_ROWS, length, _ROWS), length]
    return [(slice(start, end), end) for start, end in zip([0, *ends], ends, strict=False)]


def _scores(
    query: torch.Tensor,
    key: torch.Tensor,
    allowed: torch.Tensor | None,
    scale: torch.Tensor,
    rows: slice,
    width: int,
) -> torch.Tensor:
    """(batch, heads, rows, width) float32, minus infinity where a row must not look."""
    scores = (query[:, :, rows] @ key[:, :, :width].transpose(-1, -2)).float() * scale
    if allowed is None:
        row = torch.arange(rows.start, rows.stop, dtype=torch.int32)[:, None]
        visible = row >= torch.arange(width, dtype=torch.int32)
    else:
        visible = allowed[:, :, rows, :width]
    return torch.where(visible, scores, -torch.inf)


def _places(query: torch.Tensor, rows: slice, width: int) -> torch.Tensor:
    """(heads, rows, width) int32: the number of each place in the sequence's whole matrix."""
    _, heads, length, _ = query.shape
    head = torch.arange(heads, dtype=torch.int32)[:, None, None] * (length * length)
    row = torch.arange(rows.start, rows.stop, dtype=torch.int32)[:, None] * length
    return head + row + torch.arange(width, dtype=torch.int32)
