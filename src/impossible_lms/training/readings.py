"""Readings: what a step tells of itself, on its way from the device; nothing waits for it until it is read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

# Steps that are begun before one's numbers are read: a GPU is then never without work, and a processor does its work at
# once anyway.
STEPS_BEHIND = {"cuda": 1}


class Numbers(NamedTuple):
    """Summed over the devices: losses in nats, those of markers, how many markers; whether a device was asked to stop,
    the joules used so far; and the norm of the gradient."""

    loss: float
    of_markers: float
    markers: float
    stops: float
    joules: float
    norm: float


@dataclass(frozen=True)
class Reading:
    """The numbers of a step that may not be computed yet.

    Attributes:
        step: how many steps were taken before.
        numbers: (6,) float64, as in `Numbers`, on the processor or on their way there.
        losses: of each of this process's sequences, on the device.
        arrived: an event after which `numbers` is there, or None where it is.
    """

    step: int
    numbers: "torch.Tensor"
    losses: "list[torch.Tensor]"
    arrived: "torch.cuda.Event | None"

    @classmethod
    def of(cls, step: int, sums: "torch.Tensor", norm: "torch.Tensor", losses: "list[torch.Tensor]") -> "Reading":
        """Send a step's `sums` (5,) and `norm` on their way."""
        import torch

        numbers = torch.cat([sums, norm.double()[None]])
        if numbers.device.type != "cuda":
            return cls(step, numbers, losses, None)
        here = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
        here.copy_(numbers, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        return cls(step, here, losses, arrived)

    def read(self) -> Numbers:
        """The numbers, waited for."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return Numbers(*self.numbers.tolist())
