"""The parts of the page: the main picture, and for each metric how it is read, its pictures and its tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from impossible_lms.documents import upper_first
from impossible_lms.evaluation.contrasts import contrasts
from impossible_lms.evaluation.lengths import SERVED
from impossible_lms.models.run import Run
from impossible_lms.report.differs import is_of_the_papers_size
from impossible_lms.report.findings import Findings
from impossible_lms.report.length_figure import BEYOND_READING, READING, by_lengths
from impossible_lms.report.losses import losses
from impossible_lms.report.metric_figures import metric_picture, sample_said, shown_of
from impossible_lms.report.picture import Picture
from impossible_lms.report.published import published_curves
from impossible_lms.report.results import Result, crossed, last_of
from impossible_lms.report.special_figures import SPECIAL, at_the_end, cross_tests
from impossible_lms.report.tables import Table, contrast_table, last_fields, last_values, of_last_steps

LINES = 3  # steps that make a curve worth drawing


@dataclass(frozen=True)
class Section:
    """A part of the page: `anchor`, `title`, how it is read, pictures, and tables below them."""

    anchor: str
    title: str
    reading: str
    pictures: Sequence[Picture]
    tables: Sequence[Table] = field(default_factory=tuple)


@dataclass(frozen=True)
class Parts:
    """The page's main picture, None where nothing was measured, and its sections."""

    main: Picture | None
    sections: Sequence[Section]

    @property
    def pictures(self) -> list[Picture]:
        """All of them."""
        first = [self.main] if self.main is not None else []
        return [*first, *(picture for section in self.sections for picture in section.pictures)]


def parts_of(
    findings: Findings, results: Sequence[Result], published: bool | None, together: Sequence[Section] = ()
) -> Parts:
    """The parts of a page; `published`: whether those curves are laid behind, None for where models are like theirs.

    Sections that put the metrics `together` stand after those of each.
    """
    trained = [run for run in findings.runs if isinstance(run, Run)]
    is_laid = published if published is not None else bool(trained) and all(map(is_of_the_papers_size, trained))
    main, sections = None, []
    for result in results:
        pictures = _pictures(result, is_laid)
        if main is None and result.metric.figure == "curves":
            main, *pictures = pictures
        elif result.metric.name not in SPECIAL and not result.metric.is_contrast:
            pictures = pictures[:1]
        heading, metric = _title(result), result.metric
        reading = metric.reading or f"{metric.summary}: {metric.unit}, {metric.direction} is better."
        tables = [of_last_steps(each.table) for each in pictures if each.name != result.name]
        if not tables:
            tables = [last_values(result) if metric.figure == "curves" else last_fields(result)]
        if metric.adds_up:
            of_runs = [evaluation.tables for evaluation in result.evaluations]
            found = contrasts([(result.name, metric, of_runs)], by_part=True)
            tables += [contrast_table(found)] if len(found) else []
        sections.append(Section(result.name, heading, reading, pictures, tables))
        if metric in SERVED and (picture := by_lengths(result, findings.edges)):
            is_limited = picture.table["beyond"].notna().any()
            name = result.name.replace("-", " ")
            title = f"Longer than what was trained on: {name}" if is_limited else f"By the length of sentences: {name}"
            sections.append(
                Section(
                    picture.name,
                    title,
                    READING + (BEYOND_READING if is_limited else ""),
                    [picture],
                    [of_last_steps(last_of(picture.table))],
                )
            )
    sections += [*together, *_of_cross_tests(findings, results)]
    if trained and (lost := losses(findings)):
        reading = (
            "How surprised each model was by the text that it was being trained on: it should fall, and end level."
        )
        sections.append(Section("training-loss", "How training went", reading, [lost]))
    return Parts(main, sections)


def _pictures(result: Result, is_laid: bool) -> list[Picture]:
    """Curves where there are steps enough, and the values at the last step, or what a metric has in their place."""
    metric = result.metric
    behind = published_curves(metric.name) if is_laid else None
    samples = sample_said([evaluation.curve for evaluation in result.evaluations])
    over_training = metric_picture(metric, result.table, result.name, behind, samples)
    if metric.figure != "curves":
        return [over_training]
    last = SPECIAL[metric.name](result) if metric.name in SPECIAL else at_the_end(result)
    has_curves = behind is not None or shown_of(metric, result.table)["step"].nunique() >= LINES
    if has_curves:
        return [over_training, last]
    return [last if metric.name in SPECIAL else replace(last, name=result.name)]


def _of_cross_tests(findings: Findings, results: Sequence[Result]) -> list[Section]:
    sections = []
    for result in crossed(findings.evaluations):
        alike = (own for own in results if own.metric.name == result.metric.name and own.asked == result.asked)
        picture = cross_tests(result, next(alike, None))
        reading = (
            "Each model, in a row, on the sentences of other languages, in the columns; where both are the same "
            "it is its own."
        )
        title = f"On other languages: {result.name.replace('-', ' ')}"
        sections.append(Section(picture.name, title, reading, [picture], [of_last_steps(picture.table)]))
    return sections


def _title(result: Result) -> str:
    """The metric's question, with its name; or what tells it from others of the same metric."""
    name = upper_first(re.sub("[-_]", " ", result.name))
    return f"{name}: {result.metric.heading[0].lower()}{result.metric.heading[1:]}" if result.metric.heading else name
