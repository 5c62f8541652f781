"""Figures of metrics: curves over training in the paper's layout; or a statement where one would show nothing."""

from collections.abc import Callable, Mapping, Sequence
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
from impossible_lms.report.beside import draw_of_items, draw_of_model, name_marks
from impossible_lms.report.figures import language_order, save_figure, style_of
from impossible_lms.report.intervals import draw_interval, intervals_of, seed_by_seed, sign_of
from impossible_lms.report.layer_maps import heat_maps
from impossible_lms.report.picture import Picture, by_family, paper_figure, steps_across

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNS = 15  # of a line, about
NAMED = 3  # samples in a caption
PUBLISHED = "Thin lines without signs: Kallini et al. (2024), read off the authors' figures."


def write_metric_figure(metric: Metric, tables: Sequence[Tables], beside: Path) -> Path:
    """Write the figure of a metric from the tables of one run or several (`Evaluation.tables`); returns its path.

    It has the name of `beside` with the ending .png; where there is nothing to be seen in a figure, what is said
    instead is written with the ending .txt. UserError where no checkpoint could be measured.
    """
    samples = sample_said([table.curve for table in tables])
    picture = metric_picture(metric, over_seeds(metric, tables), samples=samples)
    drawn, said = figure_places(beside)
    if picture.rows:
        save_figure(paper_figure(picture), drawn)
        said.unlink(missing_ok=True)
        return drawn
    write_text(said, f"{picture.caption}\n")
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
    return Picture(name or metric.name, caption, picture.rows, table, picture.shares_y)


def shown_of(metric: Metric, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the groups that the metric's figure shows."""
    for column, group in metric.shown.items():
        table = table[table[column] == group]
    return table


def curves(metric: Metric, table: pd.DataFrame, published: pd.DataFrame | None) -> Picture:
    """Lines over training with 95 % intervals, or points beside each other where there is one step alone.

    Colours are the paper's; dash and sign do without colour.
    """
    if published is None and table["step"].nunique() == 1:
        step = f"after {table['step'].iloc[0]:,} steps"
        rows = by_family(table, lambda mine, axes: _draw_points(metric, mine, axes), step, metric.unit)
    else:
        rows = by_family(table, lambda mine, axes: _draw(metric, mine, published, axes), "training steps", metric.unit)
    caption = f"{metric.summary} ({metric.direction} is better); {intervals_of(metric, table)}."
    if published is not None:
        caption += f" {PUBLISHED}"
    return Picture(metric.name, caption, rows, table, shares_y=True)


def _draw(metric: Metric, table: pd.DataFrame, published: pd.DataFrame | None, axes: "Axes") -> None:
    if published is not None:
        _draw_published(table, published, axes)
    for label, style, lines in _lines(metric, table):
        look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "marker": style.sign, "markersize": 4}
        look |= sign_of(lines)
        for at, values in seed_by_seed(lines):
            axes.plot(lines["step"].iloc[at], values, color=style.colour, linewidth=0.5, alpha=0.5)
        axes.plot(lines["step"], lines[metric.value], label=label, markevery=max(1, len(lines) // SIGNS), **look)
        draw_interval(axes, lines["step"], lines, style.colour)
        draw_of_model(metric, lines, list(lines["step"]), style.colour, axes)
    name_marks(metric, table, axes)
    draw_of_items(metric, table, axes)
    steps_across(axes)
    if metric.logarithmic:
        _logarithmic(axes)


def _draw_points(metric: Metric, table: pd.DataFrame, axes: "Axes") -> None:
    lines = _lines(metric, table)
    for place, (label, style, point) in enumerate(lines):
        look: dict[str, Any] = {"color": style.colour, "marker": style.sign, "linestyle": "none"} | sign_of(point)
        axes.plot([place], point[metric.value], label=label, **look)
        draw_interval(axes, [place], point, style.colour)
        for _, values in seed_by_seed(point):
            axes.plot([place + 0.2], values, color=style.colour, marker=".", markersize=4, linestyle="none")
        draw_of_model(metric, point, [place], style.colour, axes)
    name_marks(metric, table, axes)
    draw_of_items(metric, table, axes)
    axes.set_xlim(-0.7, len(lines) - 0.3)
    axes.set_xticks([])
    axes.grid(axis="y")
    if metric.logarithmic:
        _logarithmic(axes)


def _lines(metric: Metric, table: pd.DataFrame) -> list[tuple[str, Style, pd.DataFrame]]:
    """Label, look and rows of each language and test set, in the order in which their lines end."""
    last = {key: lines[metric.value].iloc[-1] for key, lines in table.groupby(["language", "data"])}
    found = []
    for language, data in sorted(last, key=lambda key: (-last[key], language_order(key[0]))):
        label = language if data == language else f"{language} on {data}"
        found.append((label, style_of(data), table[(table["language"] == language) & (table["data"] == data)]))
    return found


def _draw_published(table: pd.DataFrame, published: pd.DataFrame, axes: "Axes") -> None:
    """Their curves of the languages and the architecture of a panel."""
    theirs = published[published["architecture"].isin(table["architecture"])]
    for language in sorted(set(table["language"]), key=language_order):
        line, style = theirs[theirs["language"] == language], style_of(language)
        axes.plot(line["step"], line["value"], color=style.colour, linestyle=style.dash, linewidth=0.8, alpha=0.6)


def _logarithmic(axes: "Axes") -> None:
    """A logarithmic scale with plain numbers at 1, 2 and 5 of each power of ten, or evenly where it spans little."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    spans_little = high / low < 5
    axes.yaxis.set_major_locator(MaxNLocator(6) if spans_little else LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


PICTURES: Mapping[str, Callable[[Metric, pd.DataFrame, pd.DataFrame | None], Picture]] = {
    "curves": curves,
    "heat maps": heat_maps,
}
