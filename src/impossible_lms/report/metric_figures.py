"""Figures of metrics: curves over training in the paper's layout; or a statement where one would show nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.documents import upper_first
from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.driver import figure_places
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.files import write_text
from impossible_lms.languages.language import Style
from impossible_lms.models.model_name import OF
from impossible_lms.report.beside import draw_of_items, draw_of_model, name_marks
from impossible_lms.report.dots import dots
from impossible_lms.report.figures import language_order, pairs_of, save_figure, style_of, styles_of
from impossible_lms.report.intervals import draw_interval, intervals_of, seed_by_seed, sign_of
from impossible_lms.report.layer_maps import heat_maps
from impossible_lms.report.paper import paper_figure
from impossible_lms.report.picture import Picture, by_family, steps_across
from impossible_lms.report.told import axis_name, last_values_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNS = 10  # of a line, about
FEW_LINES = 4  # of a panel in which seeds are drawn one by one
THEIRS = "Kallini et al. (2024), thin lines without signs"
NAMED = 3  # samples in a caption
PUBLISHED = (
    "Thin lines without signs: Kallini et al. (2024), read off the authors' figures; their models learnt from 100 "
    "million words of BabyLM, so from other text than those here unless that is the corpus above."
)


def write_metric_figure(metric: Metric, tables: Sequence[Tables], beside: Path) -> Path:
    """Write the figure of a metric from the tables of one run or several (`Evaluation.tables`); returns its path.

    It has the name of `beside` with the ending .png; where there is nothing to be seen in a figure, what is said
    instead is written with the ending .txt. UserError where no checkpoint could be measured.
    """
    samples = sample_said([table.curve for table in tables])
    picture = metric_picture(metric, over_seeds(metric, tables), samples=samples)
    drawn, said = figure_places(beside)
    if picture.rows:
        save_figure(paper_figure(picture, captioned=True), drawn)
        said.unlink(missing_ok=True)
        return drawn
    write_text(said, f"{picture.text}\n")
    drawn.unlink(missing_ok=True)
    return said


def sample_said(curves: Sequence[pd.DataFrame]) -> str:
    """What captions say of samples that there were too few items for, and in which languages; empty for none."""
    found: dict[str, set[str]] = {}
    for curve in curves:
        for note, language in curve[["note", "data"]].dropna().itertuples(index=False):
            found.setdefault(note, set()).add(language)
    said = [f"{note} (in {', '.join(sorted(languages, key=language_order))})" for note, languages in found.items()]
    more = f"; {len(said) - NAMED} more in the tables" if len(said) > NAMED else ""
    return upper_first(f"{'; '.join(said[:NAMED])}{more}.") if said else ""


def metric_picture(
    metric: Metric,
    table: pd.DataFrame,
    name: str | None = None,
    published: pd.DataFrame | None = None,
    samples: str = "",
) -> Picture:
    """The picture of a metric from a table of `over_seeds`; without panels where there is nothing to be seen in one.

    Args:
        metric: which.
        table: its rows.
        name: of the files; the metric's where none is given.
        published: rows `language`, `architecture`, `step` and `value` to lay behind, in the metric's unit.
        samples: what the caption is to say of them, as `sample_said` does.

    Raises:
        UserError: no checkpoint could be measured.
    """
    shown = shown_of(metric, table)
    if shown.empty:
        raise UserError(f"no checkpoint has a value of {metric.name}: there is nothing to draw.")
    picture = PICTURES[metric.figure](metric, shown, published)
    caption = f"{picture.caption} {samples}".rstrip()
    return replace(picture, name=name or metric.name, caption=caption, table=table)


def shown_of(metric: Metric, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the groups that the metric's figure shows."""
    for column, group in metric.shown.items():
        table = table[table[column] == group]
    return table


def curves(metric: Metric, table: pd.DataFrame, published: pd.DataFrame | None) -> Picture:
    """Lines over training with 95 % intervals, or rows of dots where there is one step alone.

    Colours are the paper's; dash and sign do without colour.
    """
    if published is None and table["step"].nunique() == 1:
        return dots(metric, table)
    unit = axis_name(metric)
    rows = by_family(
        table,
        lambda mine, axes: draw_curves(metric, mine, published, axes),
        "training steps",
        unit,
        logarithmic="y" if metric.logarithmic else "",
        told=lambda mine: last_values_told(metric, mine),
    )
    caption = f"{metric.summary} ({metric.direction} is better); {intervals_of(metric, table)}."
    if published is not None:
        caption += f" {PUBLISHED}"
    return Picture(metric.name, caption, rows, table, shares=True)


def draw_curves(metric: Metric, table: pd.DataFrame, published: pd.DataFrame | None, axes: "Axes") -> None:
    """Draw the lines of one architecture, its languages' rows of `over_seeds`, with what is labelled for a legend."""
    if published is not None:
        _draw_published(table, published, axes)
    drawn = _lines(table)
    few = len(drawn) <= FEW_LINES
    for label, style, lines in drawn:
        look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "marker": style.sign, "markersize": 4}
        look |= sign_of(lines)
        for at, values in seed_by_seed(lines) if few else ():
            axes.plot(lines["step"].iloc[at], values, ".", color=style.colour, markersize=2, alpha=0.6)
        axes.plot(lines["step"], lines[metric.value], label=label, markevery=max(1, len(lines) // SIGNS), **look)
        draw_interval(axes, lines["step"], lines, style.colour)
        draw_of_model(metric, lines, list(lines["step"]), style.colour, axes)
    name_marks(metric, table, axes)
    draw_of_items(metric, table, axes)
    steps_across(axes)


def _lines(table: pd.DataFrame) -> list[tuple[str, Style, pd.DataFrame]]:
    """Label, look and rows of each language and test set, in the same order everywhere."""
    found = []
    pairs = pairs_of(table)
    for (language, data), style in zip(pairs, styles_of(pairs), strict=True):
        label = language if data == language else f"{language} on {data}"
        found.append((label, style, table[(table["language"] == language) & (table["data"] == data)]))
    return found


def _draw_published(table: pd.DataFrame, published: pd.DataFrame, axes: "Axes") -> None:
    """Their curves of the languages and the architecture of a panel."""
    theirs = published[published["architecture"].isin({name.partition(OF)[0] for name in table["architecture"]})]
    for language in sorted(set(table["language"]), key=language_order):
        line, style = theirs[theirs["language"] == language], style_of(language)
        axes.plot(line["step"], line["value"], color=style.colour, linestyle=style.dash, linewidth=0.8, alpha=0.6)
    if len(theirs):
        axes.plot([], [], color="0.5", linewidth=0.8, label=THEIRS)


PICTURES: Mapping[str, Callable[[Metric, pd.DataFrame, pd.DataFrame | None], Picture]] = {
    "curves": curves,
    "heat maps": heat_maps,
}
