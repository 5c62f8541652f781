"""Saving beside training: a thread writes a snapshot while the next steps are computed; its errors are raised."""

import errno
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.files import digest_of
from impossible_lms.models.checkpoints import Blank, list_checkpoints
from impossible_lms.progress import amount
from impossible_lms.training.state import KEPT, Progressed, Snapshot, save_state
from impossible_lms.versions import versions

SMALL_FILES = 2**20  # configuration, manifest and file headers of a checkpoint, at most, beside weights and tokenizer


@dataclass
class Saver:
    """Writes the checkpoints and states of a run, one at a time.

    Args:
        folder: the run's.
        blank: the model's shape, which is filled with the snapshot's weights.
        request: what decides the run's result, for its states.
        computed_with: versions, threads and devices, for its states.
        keep: how many checkpoints stay, the newest; all where None.
    """

    folder: Path
    blank: Blank
    request: dict[str, Any]
    computed_with: dict[str, Any]
    keep: int | None
    _thread: threading.Thread | None = None
    _errors: list[BaseException] = field(default_factory=list)

    def begin(self, progressed: Progressed, snapshot: Snapshot, checkpoint: bool) -> None:
        """Start writing a state, and a checkpoint before it if asked; the last writing is waited for first."""
        self.finish()
        self._thread = threading.Thread(target=self._write, args=(progressed, snapshot, checkpoint), daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what went wrong in the background: OSError for a full disk and its like."""
        if self._errors:
            self._raise(self._errors.pop())

    def finish(self) -> None:
        """Wait until all is written; raise what went wrong."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check()

    def last_good(self) -> str:
        """The newest whole checkpoint, in words."""
        found = list_checkpoints(self.folder / "checkpoints")
        return f"the last good checkpoint is {found[-1].folder}" if found else "there is no checkpoint yet"

    def _write(self, progressed: Progressed, snapshot: Snapshot, checkpoint: bool) -> None:
        try:
            if checkpoint:
                folder = self.folder / "checkpoints"
                name, run = f"checkpoint-{progressed.step}", digest_of(self.request)
                self.blank.save(snapshot["weights"], folder / name, progressed.step, run)
                for old in list_checkpoints(folder)[: -self.keep] if self.keep else ():
                    shutil.rmtree(old.folder)
            save_state(self.folder / "state", progressed, snapshot, self.request, self.computed_with)
        except BaseException as error:
            self._errors.append(error)

    def _raise(self, error: BaseException) -> None:
        code = _errno(error)
        if code is None:
            raise error
        raise OSError(code, f"{os.strerror(code)}; {self.last_good()}", str(self.folder)) from error


def computed_with(device: Any, processes: int, compiled: bool, micro_batch: int, deterministic: bool) -> dict[str, Any]:
    """On what the last bit of a run depends beside what was asked for."""
    import torch

    named = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "device": named,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "compiled": compiled,
        "micro_batch": micro_batch,
        "deterministic": deterministic or device.type == "cpu",
        **versions("accelerate", "numpy", "torch", "transformers"),
    }


def say_differences(found: dict[str, Any], now: dict[str, Any], say: Callable[[str], None]) -> None:
    """Say what has changed since a run was saved, for its bits may then differ from those of one uninterrupted run."""
    changed = [f"{key} was {found.get(key)}, now {now[key]}" for key in now if found.get(key) != now[key]]
    if changed:
        said = "; ".join(changed)
        say(f"going on, but not to the same bits as without the interruption: {said}.")


def refuse_full_disk(
    folder: Path, blank: Blank, remaining: int, keep: int | None, parameters: int, say: Callable[[str], None]
) -> None:
    """Say what the run will write, and raise UserError where the disk has no room for it.

    Args:
        folder: the run's.
        blank: the model's shape.
        remaining: checkpoints still to be written.
        keep: how many stay, or None.
        parameters: how many numbers are trained.
        say: takes the message.
    """
    checkpoint, state = blank.checkpoint_bytes(), 12 * parameters
    count = remaining if keep is None else min(remaining, keep + 1)
    states = max(1, KEPT + 1 - sum(1 for _ in (folder / "state").glob("step-*")))
    needed = count * (checkpoint + SMALL_FILES) + states * state
    free = shutil.disk_usage(folder).free
    say(
        f"to be written: {remaining} checkpoints of {amount(checkpoint)}"
        + (f", of which {keep} stay" if keep else "")
        + f", and training states of {amount(state)}, of which {KEPT} stay; "
        + f"{amount(needed)} at most, {amount(free)} are free."
    )
    if needed > free:
        raise UserError(
            f"{folder}: {amount(needed)} are needed and {amount(free)} are free. "
            "Make room, or pass --keep or --dtype bf16."
        )


def _errno(error: BaseException) -> int | None:
    """The system's number for a fault in writing, in the shapes that Python, torch and safetensors give it."""
    if isinstance(error, OSError):
        return error.errno or errno.EIO
    if type(error).__name__ == "SafetensorError" or isinstance(error, RuntimeError):
        match = re.search(r"os error ([0-9]+)", str(error))
        return int(match[1]) if match else None
    return None
