"""Cross-entropy over a vocabulary without its float32 logits: the gradient is made where the logits stood.

Logits are computed in the recipe's precision, turned into the gradient of the loss in place, and multiplied on; float32
copies live in registers (compiled) or for a piece of them only. A processor takes a part of the vocabulary at a time,
with all rows, for its products of a few rows with all of GPT-2's are a third slower; a GPU takes a part of the rows.

The weights may have more rows than there are tokens (`padded`): GPT-2's 50,257 tokens are an odd number, for which a
GPU has slow products alone. Logits of no token count as minus infinity, so that their gradient is 0.
"""

from collections.abc import Callable
from typing import Any

import torch

_COLUMNS = 2048  # of the vocabulary at a time, about, on a processor
_ELEMENTS = (
    2**29
)  # logits at a time on a GPU, compiled; otherwise some copies of them in float32 stand beside each other
_ELEMENTS_IN_FULL = 2**27
_MULTIPLE = 64  # of rows that products run well with


def padded(vocabulary: int) -> int:
    """How many rows the weights of the last layer are to have for so many tokens."""
    return -(-vocabulary // _MULTIPLE) * _MULTIPLE


def _join(
    logits: torch.Tensor, targets: torch.Tensor, tokens: int, normaliser: torch.Tensor, of_target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logarithm of the sum of exponentials, and the target's logit, with a part of the vocabulary added to both.

    Of the part's logits the first `tokens` count. Its maximum and sum are written so that the compiler takes both from
    one reading.
    """
    wide = _of_tokens(logits, tokens)
    highest = wide.amax(1, keepdim=True)
    sums = (wide - highest).exp().sum(1, keepdim=True)
    normaliser = torch.logaddexp(normaliser, (highest + sums.log())[:, 0])
    own = logits.gather(1, targets.clamp(0, tokens - 1).long()[:, None])[:, 0].float()
    return normaliser, torch.where((targets >= 0) & (targets < tokens), own, of_target)


def _to_gradient(
    logits: torch.Tensor, targets: torch.Tensor, tokens: int, normaliser: torch.Tensor, scale: torch.Tensor
) -> None:
    """Put the gradient of `scale` times the losses' sum where the logits are."""
    probabilities = torch.exp(_of_tokens(logits, tokens) - normaliser[:, None])
    hit = _columns(logits) == targets[:, None]
    logits.copy_((probabilities - hit.float()) * scale)


def _add(total: torch.Tensor, more: torch.Tensor) -> None:
    """Add to `total` in its precision; compiled, without a copy of `more` in it."""
    total.add_(more)


def _of_tokens(logits: torch.Tensor, tokens: int) -> torch.Tensor:
    """The logits in float32, minus infinity behind the first `tokens`."""
    wide = logits.float()
    return wide if tokens == logits.shape[1] else torch.where(_columns(logits) < tokens, wide, -torch.inf)


def _columns(logits: torch.Tensor) -> torch.Tensor:
    return torch.arange(logits.shape[1], dtype=torch.int32, device=logits.device)


class OutputLoss:
    """Loss and gradients of the last layer, for `weight` (rows, width), a row a token, and `bias` (tokens,) or none."""

    def __init__(self, compiled: bool) -> None:
        made: list[Callable[..., Any]] = [_join, _to_gradient, _add]
        self._join, self._to_gradient, self._add = (
            torch.compile(each, dynamic=False) if compiled else each for each in made
        )
        self._elements = _ELEMENTS if compiled else _ELEMENTS_IN_FULL

    def __call__(
        self,
        hidden: torch.Tensor,
        targets: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        scale: torch.Tensor,
        of_weight: torch.Tensor,
        of_bias: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses of the rows of `hidden` (rows, width), and the gradients of `scale` times their sum.

        Those of `weight` and `bias` are added to `of_weight` and `of_bias`, float32, whose rows are the tokens there
        are; rows of `weight` behind them are padding. Targets (rows,) are int32.

        Returns:
            The losses (rows,) in nats, and the gradient of `hidden`, both float32.
        """
        hidden, device, vocabulary = hidden.to(weight.dtype), hidden.device, of_weight.shape[0]
        rows, columns = self._pieces(len(hidden), weight.shape[0], device)
        tokens = [min(part.stop, vocabulary) - part.start for part in columns]
        parts = [
            torch.empty(len(hidden), part.stop - part.start, dtype=weight.dtype, device=device) for part in columns
        ]
        losses = torch.empty(len(hidden), dtype=torch.float32, device=device)
        of_hidden = torch.zeros(hidden.shape, dtype=torch.float32, device=device)
        for here in rows:
            normaliser = torch.full_like(losses[here], -torch.inf)
            of_target = torch.zeros_like(normaliser)
            for part, count, logits in zip(columns, tokens, parts, strict=True):
                piece = torch.mm(hidden[here], weight[part].t(), out=logits[here])
                if bias is not None:
                    piece[:, :count] += bias[part]
                normaliser, of_target = self._join(piece, targets[here] - part.start, count, normaliser, of_target)
            torch.sub(normaliser, of_target, out=losses[here])
            for part, count, logits in zip(columns, tokens, parts, strict=True):
                self._to_gradient(logits[here], targets[here] - part.start, count, normaliser, scale)
                self._add(of_hidden[here], logits[here] @ weight[part])
        for part, count, gradient in zip(columns, tokens, parts, strict=True):
            self._add(of_weight[part], (gradient.t() @ hidden)[:count])
            if of_bias is not None:
                of_bias[part].add_(gradient[:, :count].sum(0, dtype=torch.float32))
        return losses, of_hidden

    def _pieces(self, rows: int, vocabulary: int, device: torch.device) -> tuple[list[slice], list[slice]]:
        """What is computed at a time: of the rows, and of the vocabulary."""
        if device.type == "cpu":
            starts = list(range(0, max(1, round(vocabulary / _COLUMNS)) * _COLUMNS, _COLUMNS))
            return [slice(0, rows)], [slice(*each) for each in zip(starts, [*starts[1:], vocabulary], strict=True)]
        at_once = -(-max(1, self._elements // vocabulary) // 64) * 64
        return [slice(start, min(start + at_once, rows)) for start in range(0, rows, at_once)], [slice(0, vocabulary)]
