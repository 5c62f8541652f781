"""The report: one page that needs nothing beside it, and its figures and tables as files."""

import base64
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.files import folder_beside, read_manifest, write_text
from impossible_lms.languages.language import Style
from impossible_lms.locks import writing
from impossible_lms.report.colours import DARK, LIGHT, on_paper
from impossible_lms.report.contrast_grid import contrast_grid
from impossible_lms.report.differs import differs
from impossible_lms.report.done import what_was_done
from impossible_lms.report.examples import SHADES, datasets_of, examples_of, said_of
from impossible_lms.report.failures import failures_of, grouped
from impossible_lms.report.figures import is_own, orders_of, save_figures, style_of
from impossible_lms.report.findings import Findings
from impossible_lms.report.headline import Headline, headline
from impossible_lms.report.inline_svg import InlinePicture, inline_picture, variable_of
from impossible_lms.report.made import FIGURES, is_made, made_from
from impossible_lms.report.own import Described, drawing
from impossible_lms.report.paper import paper_figure
from impossible_lms.report.paths import Placeless
from impossible_lms.report.provenance import (
    cost_of,
    flattened,
    provenance_of_evaluations,
    provenance_of_runs,
    split,
)
from impossible_lms.report.results import Result, plain
from impossible_lms.report.sections import Parts, parts_of
from impossible_lms.report.separated import separation_of, separation_sections
from impossible_lms.report.side_by_side import SideBySide, side_by_side
from impossible_lms.report.tables import contrast_table, summary_frame, summary_table, table_of
from impossible_lms.versions import versions

TEMPLATES = "templates"
HEADLINE = "headline.txt"  # what the page's first screen says
PATIENCE = 60.0  # seconds to wait for another process that writes the same report


def write_report(findings: Findings, output: Path, *, published: bool | None = None) -> list[Path]:
    """Write the page to `output`, and each figure as PDF, SVG and CSV into `<stem>-figures` beside it.

    Args:
        findings: what it shows.
        output: the page, an .html file.
        published: whether the published curves are laid behind ours; where models are of their size, if None.

    Returns the paths of what was written, the page first; what is there already is left as it is. UserError where the
    output is taken by something else.
    """
    folder = figures_beside(output)
    if output.suffix != ".html" or output.is_dir():
        raise UserError(f"--output {output}: a file that ends in .html is expected.")
    if folder.exists():
        read_manifest(folder, FIGURES)  # refuses to replace anything else
    datasets = datasets_of(findings.runs, findings.evaluations)
    languages = _languages(findings)
    known = [style_of(language) for language in languages if not is_own(language)]
    own = {each.name: each for each in _own(languages, datasets)}
    request = made_from(findings, own, published, datasets)
    if is_made(folder, output, request):
        return [output, *_files_in(folder)]
    with drawing(own.values(), known, findings.given):
        results = findings.results
        separated = separation_of(findings)
        parts = parts_of(findings, results, published, separation_sections(findings, separated))
        placeless = Placeless([run.folder for run in findings.runs])
        tables = {
            "summary": summary_frame(results),
            "contrasts": findings.contrasts,
            "separation": separated,
            "runs": _placeless(provenance_of_runs(findings.runs), placeless),
            "evaluations": _placeless(provenance_of_evaluations(findings.evaluations), placeless),
        }
        beside = side_by_side(findings)
        tables |= {f"contrasts-{plain(each.one)}-less-{plain(each.other)}": each.contrasts for each in beside}
        said = headline(findings.contrasts, {result.name: result.metric for result in results})
        page = _rendered(findings, parts, results, tables, said, beside, datasets, placeless)
        record = {"request": request, "page": hashlib.sha256(page.encode()).hexdigest()}
        _write_figures(folder, parts, tables, said, record)
    write_text(output, page)
    return [output, *_files_in(folder)]


def headline_of(page: Path) -> str:
    """What the first screen of a page that `write_report` wrote says was found, a line a sentence."""
    path = figures_beside(page) / HEADLINE
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def figures_beside(page: Path) -> Path:
    """The folder of a page's figures and tables."""
    return page.with_name(f"{page.stem}-figures")


def _placeless(table: pd.DataFrame, placeless: Placeless) -> pd.DataFrame:
    return pd.DataFrame({name: [placeless.all_in(value) for value in table[name]] for name in table}, dtype=object)


def _languages(findings: Findings) -> list[str]:
    """All languages that are drawn."""
    curves = [each.curve for each in findings.evaluations]
    measured = [str(name) for curve in curves for column in ("language", "data") for name in curve[column].unique()]
    return list(dict.fromkeys([*(run.language for run in findings.runs), *measured]))


def _own(languages: Iterable[str], datasets: dict[str, TokenDataset | None]) -> Iterator[Described]:
    """What the data say of the languages that are no part of this package."""
    for name in languages:
        if is_own(name):
            dataset = datasets.get(name)
            said = dataset.record["described"] if dataset is not None else {}
            yield Described(name, said.get("control"), *([Style(**said["style"])] if "style" in said else []))


def _rendered(
    findings: Findings,
    parts: Parts,
    results: Sequence[Result],
    tables: dict[str, pd.DataFrame],
    said_first: Headline,
    beside: Sequence[SideBySide],
    datasets: dict[str, TokenDataset | None],
    placeless: Placeless,
) -> str:
    import jinja2

    colours = {style_of(language).colour.lower() for language in _languages(findings)}
    numbers = itertools.count()
    examples, whose = examples_of(findings.runs, datasets)
    script = _shipped("report.js")
    metrics = {result.name: result.metric for result in results}
    measured = {metric.name for metric in metrics.values()}
    provenance = [(name, split(tables[name.lower()])) for name in ("Runs", "Evaluations") if len(tables[name.lower()])]
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )

    def inline(picture: Any) -> InlinePicture:
        return inline_picture(picture, numbers, colours)

    return environment.from_string(_shipped("report.html.j2")).render(
        title=placeless(findings.title),
        command=placeless(findings.command),
        done=what_was_done(findings.runs, datasets),
        headline=said_first,
        orders=orders_of(name for each in findings.evaluations for name in each.curve["architecture"].unique()),
        grid=contrast_grid(tables["contrasts"], metrics),
        beside=[_told(each, metrics) for each in beside],
        main=inline(parts.main) if parts.main is not None else None,
        sections=parts.sections,
        drawn={section.anchor: [inline(picture) for picture in section.pictures] for section in parts.sections},
        summary=summary_table(results, tables["summary"]) if len(tables["summary"]) else None,
        contrasts=contrast_table(tables["contrasts"]) if len(tables["contrasts"]) else None,
        asked=flattened(placeless.all_in(findings.asked)) if findings.asked is not None else None,
        differs=differs(findings.runs, datasets),
        examples=examples,
        whose=whose,
        said=said_of(findings.evaluations),
        style_of=style_of,
        variable_of=variable_of,
        failures=grouped(placeless.all_in(failures_of(findings))),
        placeless=placeless,
        not_measured=[metric for name, metric in METRICS.items() if name not in measured],
        provenance=[
            (name, shared, table_of(rest, f"{name}, what differs between them")) for name, (shared, rest) in provenance
        ],
        cost=cost_of(findings.runs),
        versions=versions("matplotlib", "pandas"),
        shades=SHADES,
        colours={variable_of(each): (on_paper(each, LIGHT), on_paper(each, DARK)) for each in sorted(colours)},
        styles=Markup(_shipped("report.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _told(beside: SideBySide, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """What a page says of two experiments."""

    def sides(row: Mapping[str, Any]) -> tuple[str, str]:
        return f"{row['language']} in {beside.one}", f"the same in {beside.other}"

    table, than = beside.contrasts, f"in {beside.one} than in {beside.other}"
    return {
        "one": beside.one,
        "other": beside.other,
        "findings": headline(table, metrics, sides, than).findings,
        "grid": contrast_grid(table, metrics, f"language in {beside.one}, less in {beside.other}"),
        "table": contrast_table(table) if len(table) else None,
        "not_set": beside.not_set,
    }


def _write_figures(
    folder: Path, parts: Parts, tables: dict[str, pd.DataFrame], said: Headline, record: dict[str, Any]
) -> None:
    made = record | {"versions": versions("matplotlib")}
    with writing(folder, patience=PATIENCE), folder_beside(folder, FIGURES, made) as part:
        for picture in parts.pictures:
            if picture.rows:
                save_figures(paper_figure(picture), [part / f"{picture.name}.{ending}" for ending in ("pdf", "svg")])
            write_text(part / f"{picture.name}.txt", f"{picture.text}\n")
            _write_csv(picture.table, part / f"{picture.name}.csv")
        if said.findings:
            write_text(part / HEADLINE, "".join(f"{sentence}\n" for sentence in (*said.findings, *said.cautions)))
        for name, table in tables.items():
            if len(table):
                _write_csv(table, part / f"{name}.csv")


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".pdf", ".svg", ".csv", ".txt"))


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")


def _shipped(name: str) -> str:
    return resources.files("impossible_lms.report").joinpath(TEMPLATES, name).read_text(encoding="utf-8")
