"""Metrics: one line a step in `metrics.jsonl`, always, and the trackers that were asked for, through Accelerate."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, write_text
from impossible_lms.models.metric_lines import MEND, line_of, lines_of

TRACKERS = ("trackio", "wandb", "tensorboard")
_PROJECT = "impossible-lms"


class Metrics:
    """Where the metrics of a run go."""

    def __init__(self, file: Any, check: str, accelerator: Any) -> None:
        self._file, self._check, self._accelerator = file, check, accelerator

    def write(self, step: int, **values: float | None) -> None:
        """One step's values; None means that it cannot be known here."""
        line, self._check = line_of({"step": step, **values}, self._check)
        self._file.write(line)
        self._file.flush()
        self._accelerator.log({name: value for name, value in values.items() if value is not None}, step=step)

    def sync(self) -> None:
        """Have all lines on the disk: a state must not be newer than they are."""
        os.fsync(self._file.fileno())


@contextmanager
def metrics_of(path: Path, run: str, step: int, accelerator: Any) -> Iterator[Metrics]:
    """The metrics of the run of the identity `run`, which goes on after `step`.

    Lines of steps that will be done again are taken off first. UserError where those before are not all there.
    """
    kept: list[str] = []
    check, reached = run, 0
    for line, check_of_line, values in lines_of(path, run) if step and path.is_file() else ():
        if values["step"] > step:
            break
        kept.append(line)
        check, reached = check_of_line, values["step"]
    if path.is_file() and reached != step:
        raise UserError(f"{path}: ends at step {reached}, and the run has done {step}. {MEND}")
    write_text(path, "".join(kept))
    with path.open("a", encoding="utf-8") as file:
        yield Metrics(file, check, accelerator)


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
