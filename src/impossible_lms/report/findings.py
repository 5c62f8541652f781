"""Findings: what a report is of; put together by an experiment, or from the folders of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.tables import read_evaluations
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import CHECKPOINTS, RECORD, Run

TITLE = "Impossible languages: what was learnt"


@dataclass(frozen=True)
class Findings:
    """Everything that a report shows.

    Attributes:
        title: of the page.
        asked: the experiment as it was resolved, nested; None for runs that no experiment file asked for.
        runs: what was trained, or published by others.
        evaluations: what was measured of them.
        failures: what could not be done, and why.
        command: what remakes the report.
    """

    title: str
    runs: Sequence[Run | PublishedRun]
    evaluations: Sequence[Evaluation]
    command: str
    asked: Mapping[str, Any] | None = None
    failures: Sequence[tuple[str, str]] = field(default_factory=tuple)


def findings_of_runs(sources: Sequence[str], command: str, title: str = TITLE) -> Findings:
    """The findings of run folders, and of the folders of what was measured of published models.

    Nothing is evaluated: the tables that are there are read, and damaged ones stand among the failures. UserError for a
    source that is neither.
    """
    runs: dict[Path, Run | PublishedRun] = {}
    for source in sources:
        folder = Path(source)
        runs.setdefault(folder.resolve(), _opened(folder))
    evaluations: list[Evaluation] = []
    failures: list[tuple[str, str]] = []
    for run in runs.values():
        found, faults = read_evaluations(run)
        evaluations += found
        failures += [(str(folder), why) for folder, why in faults.items()]
        if not found and not faults:
            failures.append((str(run.folder), "not measured: `impossible evaluate METRIC` makes the tables."))
    return Findings(title, list(runs.values()), evaluations, command, failures=failures)


def _opened(folder: Path) -> Run | PublishedRun:
    """The run in `folder`, or the published model that was measured into it."""
    is_trained = (folder / RECORD).is_file() or (folder / CHECKPOINTS).is_dir()
    if not is_trained and (folder / "evaluation").is_dir():
        return PublishedRun(folder.resolve().name, folder)
    try:
        return Run.open(folder)
    except UserError as error:
        raise UserError(f"{error} Or one of `impossible evaluate --output`, with what was measured.") from error
