"""One task of an experiment, done in this process from what is written in the experiment's folder."""

import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impossible_lms.errors import Interrupted, UserError
from impossible_lms.experiment.config import Experiment, load_experiment
from impossible_lms.experiment.engines.engine import Ended
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.store import AGAIN, FAULTS, Store, keep_fault
from impossible_lms.files import read_record, write_record
from impossible_lms.locks import Busy, wait_for_lock
from impossible_lms.progress import Pace

RECORD = "experiment.json"
FIELDS = {"experiment": dict, "found": dict, "chunks": int, "devices": int}  # of the record
SECONDS_BETWEEN_REPORTS = 1.0


def write_plan(plan: Plan) -> None:
    """Keep a plan in its experiment's folder, for the processes that do its tasks, and for the report."""
    how = {"chunks": plan.chunks, "devices": plan.devices}
    write_record(plan.folder / RECORD, _asked(plan) | how)


def write_plan_if_other(plan: Plan) -> None:
    """Keep a plan where none of the same experiment and inputs is kept.

    Another one's number of chunks and devices stays: processes that go by it may be at work.
    """
    path = plan.folder / RECORD
    if not path.is_file() or not _asked(plan).items() <= read_record(path, FIELDS, AGAIN).items():
        write_plan(plan)


def _asked(plan: Plan) -> dict[str, Any]:
    return {"experiment": plan.experiment.model_dump(), "found": plan.found}


def read_plan(folder: Path) -> Plan:
    """The plan kept in an experiment's folder; UserError where there is none."""
    record = read_record(folder / RECORD, FIELDS, AGAIN)
    experiment = Experiment.model_validate(record["experiment"])
    return Plan(experiment, record["found"], record["chunks"], record["devices"])


def folder_of(experiment: Path, changes: Sequence[str] = ()) -> Path:
    """The folder that an experiment has in its store, from its file with `changes` made to it, or the folder itself.

    UserError where nothing of it has begun.
    """
    folder = experiment
    if not experiment.is_dir():
        asked = load_experiment(experiment, changes)
        folder = Store(Path(asked.store)).experiment(asked.name)
    elif changes:
        raise UserError(f"--set {changes[0]}: changes an experiment file, and {experiment} is a folder.")
    if not (folder / RECORD).is_file():
        raise UserError(f"{experiment}: nothing of it is in {folder}. `impossible run` begins it.")
    return folder


def do_task(plan: Plan, name: str) -> None:
    """Do the task of that name, if it is not done; UserError where there is none.

    Where another process makes the same, for another experiment or as an attempt that was given up, it is waited for.
    """
    if name not in plan.tasks:
        raise UserError(f"{plan.folder}: has no task {name}.")
    task, progress = plan.tasks[name], Reported(status_file(plan.folder, name))
    while not task.is_done():
        try:
            task.perform(progress, say)
        except Busy as busy:
            _wait_for(busy, progress)
    status_file(plan.folder, name).unlink(missing_ok=True)  # of an earlier attempt that was killed, too


def _wait_for(busy: Busy, progress: "Reported") -> None:
    """Wait until nobody has the lock that is in the way, and say whom for."""
    note = f"waits for {busy.holder}"
    say(f"{busy.lock}: {note}")
    progress.start(note, None)
    while not wait_for_lock(busy.lock, SECONDS_BETWEEN_REPORTS):
        progress.at(0, note)


def ended(folder: Path, name: str, plan: Plan | None = None) -> Ended:
    """Do a task of the experiment in `folder`, of `plan` or the one kept there, and say how it ended.

    A fault that is none of the user's leaves its traceback on stderr.
    """
    try:
        do_task(plan or read_plan(folder), name)
    except UserError as error:
        fault = str(error)
    except (Interrupted, KeyboardInterrupt) as error:
        return Ended(name, str(error) or "interrupted", is_interrupted=True)
    except OSError as error:
        fault = f"{error.filename or 'disk'}: {error.strerror or error}."
    except Exception as error:  # one run's failure does not stop the others
        traceback.print_exc()
        fault = f"{type(error).__name__}: {error}"
    else:
        keep_fault(folder / FAULTS, name, None)
        return Ended(name)
    say(f"failed: {fault}")
    keep_fault(folder / FAULTS, name, fault)
    return Ended(name, fault)


def say(line: str) -> None:
    """Print one line, for the log."""
    print(line, file=sys.stderr, flush=True)


def status_file(folder: Path, name: str) -> Path:
    """Where a task keeps how far it is."""
    return folder / "status" / f"{name}.json"


def status_of(folder: Path, name: str) -> dict[str, Any] | None:
    """The progress that a task last reported; None where it is not running."""
    try:
        return read_record(status_file(folder, name), {"done": int, "note": str, "at": float}, "")
    except (OSError, UserError):
        return None  # nothing said yet, or no longer


def log_file(folder: Path, name: str) -> Path:
    """The file that takes a task's output."""
    return folder / "logs" / f"{name}.log"


class Reported:
    """Progress that is kept in a file, to be read by other processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def start(self, what: str, total: int | None) -> None:
        self._status: dict[str, Any] = {"what": what, "total": total}
        self._wrote, self._pace = 0.0, Pace()
        self.at(0)

    def at(self, done: int, note: str = "") -> None:
        self._pace.at(done)
        if time.monotonic() - self._wrote < SECONDS_BETWEEN_REPORTS:
            return
        self._wrote = time.monotonic()
        left = self._pace.left(done, self._status["total"])
        now = {**self._status, "done": done, "left": left, "note": note, "at": time.time()}
        write_record(self._path, now)

    def end(self) -> None:
        self._path.unlink(missing_ok=True)
