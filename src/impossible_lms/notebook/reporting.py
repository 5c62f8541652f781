"""report: one page of what was measured of runs, from objects or paths."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.experiment.config import Experiment
from impossible_lms.experiment.reporting import findings_of_sources
from impossible_lms.experiment.store import Store
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.notebook.measuring import Evaluations
from impossible_lms.report.page import write_report
from impossible_lms.report.written import Written

Reported = Run | PublishedRun | Evaluation | Evaluations | Experiment | str | Path


def report(
    runs: Reported | Sequence[Reported],
    output: str | Path = "report.html",
    *,
    title: str | None = None,
    published: bool | None = None,
) -> Written:
    """Write one page of what was measured, that opens anywhere, and its figures as PDF, SVG and CSV beside it.

    >>> report(["runs/no-reverse", "runs/partial-reverse"], "report.html")  # doctest: +SKIP

    Args:
        runs: what `train` or `evaluate` returned, experiments, or paths of these; one, or several side by side.
        output: the page, an .html file.
        title: of the page.
        published: whether the curves of Kallini et al. (2024) are laid behind these; by default where the models are of
            their size.

    Raises:
        UserError: a source is none of these, or the output is taken by something else.
    """
    several = runs if isinstance(runs, Sequence) and not isinstance(runs, str | Evaluations) else (runs,)
    sources = list(dict.fromkeys(place for each in several for place in _places(each)))
    if not sources:
        raise UserError("report: no run is given.")
    command = shlex.join(["impossible", "report", *sources, "--output", str(output)])
    page, *figures = write_report(findings_of_sources(sources, command, title), Path(output), published=published)
    return Written(page, tuple(figures))


def _places(source: Any) -> Iterator[str]:
    """The folders or files that a source of a report is."""
    if isinstance(source, Run | PublishedRun):
        yield str(source.folder)
    elif isinstance(source, Evaluation):
        yield str(source.folder.parents[1])
    elif isinstance(source, Evaluations):
        for each in source:
            yield str(each.folder.parents[1])
    elif isinstance(source, Experiment):
        yield str(Store(Path(source.store)).experiment(source.name))
    else:
        yield str(source)
