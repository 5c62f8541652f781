"""The verb of the report."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer


def report(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Run folders, and folders of what was measured of published models (in `evaluate`'s --output)."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page; figures go beside it.")] = Path(
        "report.html"
    ),
    published: Annotated[
        bool, typer.Option("--published", help="Lay the curves of Kallini et al. (2024) behind these.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
) -> None:
    """Write one page of what was measured, that opens anywhere, and its figures as PDF, SVG and CSV."""
    from impossible_lms.report.findings import TITLE, findings_of_runs
    from impossible_lms.report.page import write_report

    command = shlex.join(["impossible", *sys.argv[1:]])
    findings = findings_of_runs(source, command, title or TITLE)
    for path in write_report(findings, output, published=published):
        print(path)
