"""Dropout by counting: a mask is a hash of a sequence's keys and the element's place, so it needs no generator.

torch's generator makes one number after the other on a processor, which takes a fifth of a step, and its numbers depend
on how a step was cut into micro-batches. A hash is computed where it is used, backwards again from the same keys, and a
sequence has the same masks in whatever micro-batch and on whatever device it is computed.
"""

import math

import torch

_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B - 2**32  # multipliers of a 32-bit mixer (C. Wellons, "lowbias32")


def kept(place: torch.Tensor, keys: torch.Tensor, probability: float) -> torch.Tensor:
    """Which elements stay when each is dropped with `probability`.

    Args:
        place: int32, the number of each element in its sequence; its shape follows that of the batch.
        keys: (batch, 2) int32, two random numbers a sequence.
        probability: of being dropped.

    Returns:
        (batch, *place.shape) bool.
    """
    first, second = (keys[:, column].view(-1, *[1] * place.ndim) for column in (0, 1))
    mixed = place + first
    mixed = (mixed ^ ((mixed >> 16) & 0xFFFF)) * _FIRST ^ second
    mixed = (mixed ^ ((mixed >> 15) & 0x1FFFF)) * _SECOND  # its last step moves low bits alone, and high ones decide
    return mixed >= int(probability * 2**32) - 2**31


class Dropout(torch.nn.Module):
    """Stands where an `nn.Dropout` stood; `keys` (batch, 2) int32 are set before each micro-batch."""

    keys: torch.Tensor

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.p = probability

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` (batch, ...), or with the batch and the next dimensions in one; scaled so that its expectation stays."""
        if not self.training or not self.p:
            return x
        batch = self.keys.shape[0]
        place = torch.arange(math.prod(x.shape) // batch, dtype=torch.int32, device=x.device)
        return torch.where(kept(place, self.keys, self.p).view(x.shape), x * (1 / (1 - self.p)), 0.0)


class Masks:
    """All dropout of a model: every `nn.Dropout` is replaced, and takes its keys from one array.

    Attention modules with a number `attention_dropout` in place of a module (Llama and its kin) are sites too.
    """

    def __init__(self, model: torch.nn.Module, sequences: int, device: torch.device) -> None:
        self.sites: list[torch.nn.Module] = []
        for module in list(model.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, torch.nn.Dropout):
                    self.sites.append(Dropout(child.p))
                    setattr(module, name, self.sites[-1])
            if isinstance(getattr(module, "attention_dropout", None), float):
                self.sites.append(module)
        self._keys = torch.zeros(len(self.sites), sequences, 2, dtype=torch.int32, device=device)
        self._give_out(sequences)

    def set(self, keys: torch.Tensor) -> None:
        """Take the keys of a micro-batch: (sites, batch, 2) int32."""
        if keys.shape[1] != self._batch:
            self._give_out(keys.shape[1])
        self._keys[:, : self._batch].copy_(keys, non_blocking=True)

    def _give_out(self, batch: int) -> None:
        self._batch = batch
        for site, keys in zip(self.sites, self._keys, strict=True):
            site.keys = keys[:batch]
