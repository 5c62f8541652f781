"""The tables of evaluations that a run has already: listed, verified and read; nothing is evaluated."""

from pathlib import Path
from types import NoneType

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import CURVE, TABLES, Evaluation
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.files import MANIFEST, read_manifest, verify_files
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run

FIELDS = {  # of its record
    "run": (str, NoneType),
    "name": str,
    "request": {"metric": str, "checkpoints": dict, "skipped": dict},
    "notes": dict,
    "versions": dict,
}


def read_evaluations(run: Run | PublishedRun) -> tuple[list[Evaluation], dict[Path, str]]:
    """What was measured of a run, in the order of the folders' names, and the folders that cannot be read, with why."""
    found, faults = [], {}
    for folder in sorted((run.folder / "evaluation").glob("[!.]*/")):
        if folder.name == "parts":
            continue
        try:
            found.append(read_evaluation(folder, run))
        except UserError as error:
            faults[folder] = str(error)
    return found, faults


def read_evaluation(folder: Path, run: Run | PublishedRun) -> Evaluation:
    """The evaluation of a run whose tables are in `folder`; UserError where they are not as they were written."""
    manifest = read_manifest(folder, TABLES, FIELDS)
    record = manifest["record"]
    if record["name"] != folder.name or run.identity not in (None, record["run"]):
        raise UserError(f"{folder / MANIFEST}: of another run, or copied under another name. Evaluate the run again.")
    verify_files(folder, manifest)
    try:
        request, notes = manifest["record"]["request"], manifest["record"]["notes"]
        metric, skipped = get_metric(request["metric"]), dict(request["skipped"])
        curve = pd.read_parquet(folder / f"{CURVE}.parquet")
        missing = {
            "language",
            "architecture",
            "seed",
            "data",
            "step",
            "note",
            "fault",
            metric.value,
            "low",
            "high",
        } - set(curve)
    except (KeyError, TypeError, OSError, ValueError) as error:
        raise UserError(f"{folder / MANIFEST}: damaged ({type(error).__name__}). Evaluate the run again.") from error
    if missing:
        raise UserError(f"{folder}: its table has no {', '.join(sorted(missing))}. Evaluate the run again.")
    return Evaluation(metric, folder, curve, skipped, notes)
