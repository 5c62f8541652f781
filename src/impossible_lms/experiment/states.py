"""The state of each task of an experiment."""

from dataclasses import dataclass

WAITING, RUNNING, DONE, FAILED, BLOCKED, STOPPED = "waiting", "running", "done", "failed", "not begun", "stopped"


@dataclass
class State:
    """One task: its kind of state, when it began (of `time.monotonic`), how long it took, and why it failed."""

    kind: str
    began: float = 0.0
    seconds: float = 0.0
    fault: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether what the task makes is there."""
        return self.kind == DONE
