"""Engine: what carries out an experiment's tasks, as seen by what hands them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from impossible_lms.experiment.tasks import Task


@dataclass(frozen=True)
class Ended:
    """A task that is no longer being done: `fault` says why it failed; None where it is done.

    `is_interrupted` where it was asked to stop, and has kept what it needs to go on.
    """

    name: str
    fault: str | None = None
    is_interrupted: bool = False


class Engine(Protocol):
    """Does tasks, as many at a time as it has room for."""

    def has_room(self) -> bool:
        """Whether another task would be begun at once."""

    def submit(self, task: Task) -> None:
        """Begin a task, all of whose needs are done."""

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The tasks that have ended since the last call; waits for the first of them, `seconds` at most."""

    def stop(self) -> None:
        """Ask all tasks to save what they need to go on, and end; `wait` tells of them as usual."""

    def close(self) -> None:
        """End everything at once."""
