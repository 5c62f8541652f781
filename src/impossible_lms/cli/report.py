"""The verb of the report."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from impossible_lms.cli.options import Changes


def report(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Experiments (file or folder; several stand side by side), run folders, published models, and folders "
            "that `evaluate --output` wrote."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page; figures go beside it.")] = Path(
        "report.html"
    ),
    published: Annotated[
        bool | None,
        typer.Option(
            help="Lay the curves of Kallini et al. (2024) behind these; by default where the models are of their size."
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
    changes: Changes = None,
) -> None:
    """Write one page of all results, that opens anywhere. Its figures are PDF, SVG and CSV, too."""
    from impossible_lms.experiment.reporting import findings_of_sources
    from impossible_lms.report.page import write_report

    command = shlex.join(["impossible", *sys.argv[1:]])
    for path in write_report(findings_of_sources(source, command, title, changes or ()), output, published=published):
        print(path)
