"""The report: one page that needs nothing beside it, and its figures and tables as files."""

import base64
import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from impossible_lms.errors import UserError
from impossible_lms.evaluation.compare import is_manifold, measured_of
from impossible_lms.evaluation.contrasts import contrasts
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.files import folder_beside, read_manifest, write_text
from impossible_lms.locks import writing
from impossible_lms.models.run import Run
from impossible_lms.report.examples import examples_of
from impossible_lms.report.figures import save_figure, style_of
from impossible_lms.report.findings import Findings
from impossible_lms.report.inline_svg import inline_svg, on_dark, variable_of
from impossible_lms.report.losses import losses
from impossible_lms.report.metric_figures import metric_picture, sample_said
from impossible_lms.report.picture import WIDTH, Panel, Picture, paper_figure
from impossible_lms.report.provenance import (
    cost_of,
    flattened,
    mixtures,
    provenance_of_evaluations,
    provenance_of_runs,
    split,
)
from impossible_lms.report.published import published_curves
from impossible_lms.report.results import Result, crossed, results_of
from impossible_lms.report.special_figures import SPECIAL, cross_tests
from impossible_lms.report.tables import Table, contrast_table, last_values, summary_frame, summary_table, table_of
from impossible_lms.versions import versions

FIGURES = "figures of a report"  # kind of artefact
TEMPLATES = "templates"
PATIENCE = 60.0  # seconds to wait for another process that writes the same report


@dataclass(frozen=True)
class Section:
    """A part of the page: `anchor`, `title`, how it is read, pictures, and tables below them."""

    anchor: str
    title: str
    reading: str
    pictures: Sequence[Picture]
    tables: Sequence[Table] = field(default_factory=tuple)


def write_report(findings: Findings, output: Path, *, published: bool = False) -> list[Path]:
    """Write the page to `output`, and each figure as PDF, SVG and CSV into `<stem>-figures` beside it.

    Args:
        findings: what it shows.
        output: the page, an .html file.
        published: whether the published curves are laid behind ours.

    Returns the paths of what was written, the page first. UserError where the output is taken by something else.
    """
    folder = output.with_name(f"{output.stem}-figures")
    if output.suffix != ".html" or output.is_dir():
        raise UserError(f"--output {output}: a file that ends in .html is expected.")
    if folder.exists():
        read_manifest(folder, FIGURES)  # refuses to replace anything else
    results = results_of(findings.evaluations)
    sections = [*_of_metrics(results, published), *_of_cross_tests(findings, results)]
    if trained := losses(findings.runs):
        sections.append(Section("training-loss", "Training losses", trained.caption, [trained]))
    summary = summary_frame(results)
    tables = {
        "summary": summary,
        "contrasts": contrasts_of(findings.evaluations),
        "runs": provenance_of_runs(findings.runs),
        "evaluations": provenance_of_evaluations(findings.evaluations),
    }
    page = _rendered(findings, sections, results, tables)
    files = _write_figures(folder, sections, tables, findings.command)
    write_text(output, page)
    return [output, *files]


def contrasts_of(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Every language less its control, of all metrics with one value a model; an empty table where there is none."""
    several = [each for each in evaluations if not is_manifold(each)]
    return contrasts(measured_of(several)) if several else pd.DataFrame()


def _of_metrics(results: Sequence[Result], published: bool) -> list[Section]:
    sections = []
    for result in results:
        metric = result.metric
        behind = published_curves(metric.name) if published else None
        samples = sample_said([evaluation.curve for evaluation in result.evaluations])
        picture = metric_picture(metric, result.table, result.name, behind, samples)
        pictures = [picture, *([SPECIAL[metric.name](result)] if metric.name in SPECIAL else [])]
        tables = [table_of(each.table, "the last step of each model") for each in pictures[1:]]
        if not tables and metric.figure == "curves":
            tables = [last_values(result)]
        if metric.adds_up:
            of_runs = [evaluation.tables for evaluation in result.evaluations]
            found = contrasts([(result.name, metric, of_runs)], by_part=True)
            tables += [contrast_table(found)] if len(found) else []
        reading = f"{picture.caption} Unit: {metric.unit}. One item is a {metric.item}."
        sections.append(Section(result.name, _title(result.name), reading, pictures, tables))
    return sections


def _of_cross_tests(findings: Findings, results: Sequence[Result]) -> list[Section]:
    sections = []
    for result in crossed(findings.evaluations):
        alike = (own for own in results if own.metric.name == result.metric.name and own.asked == result.asked)
        picture = cross_tests(result, next(alike, None))
        table = table_of(picture.table, "the last step of each model")
        reading = f"{picture.caption} Where both are the same language, it is the model's own test set."
        title = f"Cross-tests: {_title(result.name).lower()}"
        sections.append(Section(picture.name, title, reading, [picture], [table]))
    return sections


def _rendered(
    findings: Findings, sections: Sequence[Section], results: Sequence[Result], tables: dict[str, pd.DataFrame]
) -> str:
    import jinja2

    colours = {style_of(run.language).colour.lower() for run in findings.runs}
    colours |= {style_of(language).colour.lower() for result in results for language in set(result.table["language"])}
    numbers = itertools.count()
    drawn = {
        section.anchor: [
            [
                [(panel, inline_svg(panel, f"f{next(numbers)}-", colours)) for panel in row if panel is not None]
                for row in _rows_on_page(picture)
            ]
            for picture in section.pictures
        ]
        for section in sections
    }
    examples, whose = examples_of(findings.runs)
    script = _shipped("report.js")
    measured = {result.metric.name for result in results}
    provenance = [(name, split(tables[name.lower()])) for name in ("Runs", "Evaluations") if len(tables[name.lower()])]
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_shipped("report.html.j2")).render(
        findings=findings,
        sections=sections,
        drawn=drawn,
        usual_width=WIDTH,
        summary=summary_table(results, tables["summary"]) if len(tables["summary"]) else None,
        contrasts=contrast_table(tables["contrasts"]) if len(tables["contrasts"]) else None,
        asked=flattened(findings.asked) if findings.asked is not None else None,
        examples=examples,
        whose=whose,
        style_of=style_of,
        variable_of=variable_of,
        failures=[*findings.failures, *_failures(findings)],
        not_measured=[metric for name, metric in METRICS.items() if name not in measured],
        provenance=[
            (name, shared, table_of(rest, f"{name}, what tells them apart")) for name, (shared, rest) in provenance
        ],
        cost=cost_of(findings.runs),
        versions=versions("matplotlib", "pandas"),
        colours={variable_of(colour): (colour, on_dark(colour)) for colour in sorted(colours)},
        styles=Markup(_shipped("report.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _rows_on_page(picture: Picture) -> Sequence[Sequence[Panel | None]]:
    """The rows of a picture; those of one panel each beside each other."""
    return [picture.panels] if all(len(row) == 1 for row in picture.rows) else picture.rows


def _failures(findings: Findings) -> list[tuple[str, str]]:
    """What the runs and evaluations themselves say was not done."""
    found = [(str(one.folder), f"{name}: {why}") for one in findings.evaluations for name, why in one.skipped.items()]
    for run in findings.runs:
        if isinstance(run, Run) and run.finished is None:
            found.append((str(run.folder), "not finished: `impossible train` goes on with it."))
    return [*found, *mixtures(findings.runs)]


def _write_figures(
    folder: Path, sections: Sequence[Section], tables: dict[str, pd.DataFrame], command: str
) -> list[Path]:
    made = {"command": command, "versions": versions("matplotlib")}
    with writing(folder, patience=PATIENCE), folder_beside(folder, FIGURES, made) as part:
        for section in sections:
            for picture in section.pictures:
                if picture.rows:
                    figure = paper_figure(picture)
                    for ending in ("pdf", "svg"):
                        save_figure(figure, part / f"{picture.name}.{ending}")
                else:
                    write_text(part / f"{picture.name}.txt", f"{picture.caption}\n")
                _write_csv(picture.table, part / f"{picture.name}.csv")
        for name, table in tables.items():
            if len(table):
                _write_csv(table, part / f"{name}.csv")
    return sorted(path for path in folder.iterdir() if path.suffix in (".pdf", ".svg", ".csv", ".txt"))


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")


def _title(name: str) -> str:
    return re.sub("[-_]", " ", name).capitalize()


def _shipped(name: str) -> str:
    return resources.files("impossible_lms.report").joinpath(TEMPLATES, name).read_text(encoding="utf-8")
