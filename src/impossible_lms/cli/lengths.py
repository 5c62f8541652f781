"""The verb of lengths: what was measured, by the length of sentences."""

from pathlib import Path
from typing import Annotated

import typer

from impossible_lms.cli.options import Changes, Json
from impossible_lms.errors import UserError


def lengths(
    source: Annotated[
        list[str],
        typer.Argument(help="Run folders that were measured, folders of `evaluate --output`, or an experiment file."),
    ],
    metric: Annotated[str, typer.Option(help="perplexity, or sentence-bits, which are bits a token here.")] = (
        "perplexity"
    ),
    edges: Annotated[
        str | None,
        typer.Option(
            metavar="N,N",
            help="The lengths in tokens up to which each stretch reaches, but for the last; without them those of "
            "the experiment, or the longest that was trained on, twice and four times that.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for the figure, and the table of all steps.")
    ] = None,
    as_json: Json = False,
    changes: Changes = None,
) -> None:
    """Show what was measured by the length of sentences. Beyond the lengths that were trained on, too."""
    from impossible_lms.cli.comparison import measured_in
    from impossible_lms.evaluation.compare import write_table
    from impossible_lms.evaluation.lengths import over_lengths
    from impossible_lms.evaluation.registry import get_metric
    from impossible_lms.report.figures import save_figure
    from impossible_lms.report.length_figure import length_picture
    from impossible_lms.report.paper import paper_figure
    from impossible_lms.report.results import results_of

    wanted = get_metric(metric)
    if output and output.exists() and not output.is_dir():
        raise UserError(f"--output {output}: is a file. A folder is expected.")
    found = [result for result in results_of(measured_in(source, changes)) if result.metric is wanted]
    if not found:
        raise UserError(f"lengths: {metric} was not measured. `impossible evaluate {metric} RUNS` does it.")
    if len(found) > 1:
        raise UserError(f"lengths: {', '.join(each.name for each in found)} were measured. Name runs of one of them.")
    table = over_lengths(found[0].evaluations, _edges(edges) or _edges_of(source, changes))
    if output:
        write_table(table, output, f"{metric}-by-length")
        save_figure(paper_figure(length_picture(wanted, table)), output / f"{metric}-by-length.png")
    if as_json:
        print(table.to_json(orient="records"))
        return
    last = table[table["step"] == table.groupby(["language", "architecture", "data"])["step"].transform("max")]
    hidden = ["each", "interval", *(["data"] if (last["data"] == last["language"]).all() else [])]
    print(last.drop(columns=hidden).to_string(index=False, float_format="{:.3f}".format, na_rep="-"))


def _edges_of(source: list[str], changes: list[str] | None) -> list[int]:
    """Those that an experiment file names."""
    from impossible_lms.experiment.config import load_experiment

    return load_experiment(source[0], changes or ()).length_edges if source[0].endswith(".toml") else []


def _edges(said: str | None) -> list[int]:
    if said is None:
        return []
    parts = [each.strip() for each in said.split(",")]
    if not all(each.isdecimal() and int(each) > 1 for each in parts):
        raise UserError(f"--edges {said}: numbers of tokens from 2 on are expected, as 8,16.")
    return [int(each) for each in parts]
