"""Devices: the processes of a run, one a device, as Accelerate and torchrun set them up; the first one writes."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from impossible_lms.errors import UserError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


@dataclass(frozen=True)
class Devices:
    """This process among those of its run: its number `rank` of `count`, and its device."""

    rank: int
    count: int
    device: "torch.device"
    accelerator: Any

    @classmethod
    def start(cls, trackers: Sequence[str], folder: str) -> "Devices":
        """Join the processes that torchrun started, or be the only one."""
        import torch
        from accelerate import Accelerator

        # Several processes without a GPU meet over gloo; Accelerate wants to be told.
        on_processors = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.cuda.is_available()
        # Precision is ours: an Accelerator's is fixed for the life of the process, which may train several models.
        accelerator = Accelerator(
            mixed_precision="no", cpu=on_processors, log_with=list(trackers) or None, project_dir=folder
        )
        return cls(accelerator.process_index, accelerator.num_processes, accelerator.device, accelerator)

    @property
    def is_first(self) -> bool:
        """Whether this process writes: checkpoints, metrics, messages."""
        return self.rank == 0

    @property
    def is_first_of_node(self) -> bool:
        """Whether this process speaks for its machine: its processors' energy."""
        return bool(self.accelerator.is_local_main_process)

    def decided_by_first(self, decide: Callable[[], T]) -> T:
        """What `decide` gives in the first process, in all of them; its UserError too."""
        if self.count == 1:
            return decide()
        outcome: list[Any] = [None, None]
        if self.is_first:
            try:
                outcome = [decide(), None]
            except UserError as error:
                outcome = [None, str(error)]
        from torch import distributed

        distributed.broadcast_object_list(outcome, src=0)
        if outcome[1] is not None:
            raise UserError(outcome[1])
        decided: T = outcome[0]
        return decided

    def gathered(self, value: float) -> list[float]:
        """The values of all processes, in their order."""
        if self.count == 1:
            return [value]
        from torch import distributed

        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def sum(self, *tensors: "torch.Tensor") -> None:
        """Replace each tensor by its sum over all processes."""
        if self.count > 1:
            from torch import distributed

            for tensor in tensors:
                distributed.all_reduce(tensor)

    def copy_from_first(self, tensors: "Iterable[torch.Tensor]") -> None:
        """Give every process the first one's values."""
        if self.count > 1:
            from torch import distributed

            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def share_of(self, sequences: int) -> slice:
        """Which of a step's sequences are this process's; UserError where they do not divide."""
        if sequences % self.count:
            raise UserError(
                f"sequences_per_step: {sequences} cannot be divided among {self.count} processes. "
                "Start a number of processes that divides it; the tokens of a step never change."
            )
        share = sequences // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    def end(self) -> None:
        """Close the trackers, and leave the other processes."""
        self.accelerator.end_training()


def visible_gpus() -> list[str]:
    """What CUDA calls the GPUs that this process may use."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    return named.split(",")[:count] if named else [str(number) for number in range(count)]
