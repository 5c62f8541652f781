"""Cross-entropy over a vocabulary without its float32 logits: the gradient is made where the logits stood.

The logits of a few rows at a time are computed in the recipe's precision, turned into the gradient of the loss in
place, and multiplied on; float32 copies live in registers (compiled) or for those rows only.
"""

from collections.abc import Callable
from typing import Any

import torch

_ELEMENTS_AT_A_TIME = {True: 2**20, False: 2**29}  # logits, on a processor or not: a cache's worth, or a device's


def _to_gradient(logits: torch.Tensor, targets: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The losses (rows,) float32 and the gradient (rows, vocabulary), for logits and targets (rows,) int32."""
    wide = logits.float()
    normaliser = torch.logsumexp(wide, dim=1, keepdim=True)
    hit = torch.arange(wide.shape[1], dtype=torch.int32, device=wide.device) == targets[:, None]
    losses = normaliser[:, 0] - torch.where(hit, wide, 0.0).sum(1)
    gradient = (torch.exp(wide - normaliser) - hit.float()) * scale
    return losses, gradient.to(logits.dtype)


class OutputLoss:
    """Loss and gradients of the last layer, for `weight` (vocabulary, width) and `bias` (vocabulary,) or none."""

    def __init__(self, compiled: bool) -> None:
        self._to_gradient: Callable[..., Any] = torch.compile(_to_gradient, dynamic=False) if compiled else _to_gradient

    def __call__(
        self,
        hidden: torch.Tensor,
        targets: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        scale: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Losses of the rows of `hidden` (rows, width), and the gradients of `scale` times their sum.

        Returns:
            The losses (rows,) float32 in nats, and the gradients of `hidden`, `weight` and `bias`, in the precision
            of `weight`.
        """
        hidden, vocabulary = hidden.to(weight.dtype), weight.shape[0]
        rows = max(1, _ELEMENTS_AT_A_TIME[hidden.device.type == "cpu"] // vocabulary)
        rows = min(-(-rows // 64) * 64, len(hidden))
        logits = torch.empty(len(hidden), vocabulary, dtype=weight.dtype, device=hidden.device)
        of_hidden = torch.empty_like(hidden)
        losses = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(hidden), rows):
            here = slice(start, start + rows)
            part = torch.mm(hidden[here], weight.t(), out=logits[here])
            if bias is not None:
                part += bias
            losses[here], gradient = self._to_gradient(part, targets[here], scale)
            part.copy_(gradient)
            torch.mm(part, weight, out=of_hidden[here])
        of_bias = logits.sum(0, dtype=torch.float32) if bias is not None else None
        return losses, of_hidden, logits.t() @ hidden, of_bias
