"""Metrics: one line a step in `metrics.jsonl`, always, and the trackers that were asked for, through Accelerate."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, write_text

TRACKERS = ("trackio", "wandb", "tensorboard")
_PROJECT = "impossible-lms"


class Metrics:
    """Where the metrics of a run go."""

    def __init__(self, file: Any, accelerator: Any) -> None:
        self._file, self._accelerator = file, accelerator

    def write(self, step: int, **values: float | None) -> None:
        """One step's values; None means that it cannot be known here."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        self._accelerator.log({name: value for name, value in values.items() if value is not None}, step=step)

    def sync(self) -> None:
        """Have all lines on the disk: a state must not be newer than they are."""
        os.fsync(self._file.fileno())


@contextmanager
def metrics_of(path: Path, step: int, accelerator: Any) -> Iterator[Metrics]:
    """The metrics of a run that goes on after `step`; lines of steps that will be done again are taken off first."""
    kept: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n") if path.is_file() else ():
        if len(kept) < step and line:
            kept.append(line)
    write_text(path, "".join(f"{line}\n" for line in kept))
    with path.open("a", encoding="utf-8") as file:
        yield Metrics(file, accelerator)


def refuse_missing(trackers: tuple[str, ...]) -> None:
    """UserError for a tracker that is unknown or not installed."""
    for name in trackers:
        if name not in TRACKERS:
            raise UserError(f"--track {name}: unknown. Known: {', '.join(TRACKERS)}.")
        if find_spec(name) is None:
            raise UserError(f'--track {name}: not installed. pip install "impossible-lms[tracking]"')


def start_trackers(
    accelerator: Any, name: str, folder: Path, request: Mapping[str, Any], trackers: tuple[str, ...]
) -> None:
    """Begin a tracked run, or go on with it: one a run folder and request."""
    if not trackers:
        return
    identity = digest_of(dict(request))[:16]
    options: dict[str, dict[str, Any]] = {
        "wandb": {"name": f"{name}-{identity[:6]}", "id": identity, "resume": "allow", "dir": str(folder)},
        "trackio": {"name": f"{name}-{identity[:6]}", "resume": "allow"},
    }
    chosen = {tracker: options[tracker] for tracker in trackers if tracker in options}
    accelerator.init_trackers(_PROJECT, config=dict(_flat(request)), init_kwargs=chosen)


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{path}{key}.")
        else:
            yield f"{path}{key}", inner if isinstance(inner, str | int | float | bool) else str(inner)
