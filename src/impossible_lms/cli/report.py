"""The verb of the report."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impossible_lms.cli.options import Changes
from impossible_lms.errors import UserError

if TYPE_CHECKING:
    from impossible_lms.report.findings import Findings


def report(
    source: Annotated[
        list[str],
        typer.Argument(
            help="An experiment file; or run folders, and folders of what was measured of published models (in "
            "`evaluate`'s --output)."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page; figures go beside it.")] = Path(
        "report.html"
    ),
    published: Annotated[
        bool, typer.Option("--published", help="Lay the curves of Kallini et al. (2024) behind these.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
    changes: Changes = None,
) -> None:
    """Write one page of what was measured, that opens anywhere, and its figures as PDF, SVG and CSV."""
    from impossible_lms.report.page import write_report

    command = shlex.join(["impossible", *sys.argv[1:]])
    for path in write_report(_findings(source, changes, command, title), output, published=published):
        print(path)


def _findings(source: list[str], changes: list[str] | None, command: str, title: str | None) -> "Findings":
    """Of an experiment, or of folders."""
    from impossible_lms.report.findings import TITLE, findings_of_runs

    files = [each for each in source if each.endswith(".toml")]
    if files and len(source) > 1:
        raise UserError(f"{files[0]}: an experiment file is reported alone. Leave the others out.")
    if files:
        from impossible_lms.experiment.config import load_experiment
        from impossible_lms.experiment.plan import Plan
        from impossible_lms.experiment.reporting import findings_of_experiment

        return findings_of_experiment(Plan.of(load_experiment(files[0], changes or ())), command, title)
    if changes:
        raise UserError(f"--set {changes[0]}: changes an experiment file, and none is given.")
    return findings_of_runs(source, command, title or TITLE)
