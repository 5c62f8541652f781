"""Values at one step: a row of dots for each language, a panel an architecture, with intervals and seeds."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.statistics import IDENTITY
from impossible_lms.report.beside import draw_of_items, draw_of_model, name_marks
from impossible_lms.report.figures import architecture_order, are_by_others, pairs_of, positions_of, styles_of
from impossible_lms.report.intervals import intervals_of, is_of_one_seed, seed_by_seed, sign_of
from impossible_lms.report.picture import LETTER, Panel, Picture
from impossible_lms.report.told import at_steps, axis_name, last_values_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW, AROUND = 0.21, 0.62  # inches of a language, and of the axis below and a margin above
APART = 0.27  # of a row, between a value and what stands beside it


Lines = list[tuple[str, str]]  # languages, each with that of the test set


def dots(metric: Metric, table: pd.DataFrame, name: str | None = None) -> Picture:
    """The languages below each other, in the same order in all panels, each with its value in `table`.

    Models by others, whose names stand where a language does, are all in one panel.
    """
    lines, panels = pairs_of(table), []
    for title, mine in by_architecture(table):
        panels.append(dot_panel(metric, mine, title, lines))
    caption = (
        f"{metric.summary}{at_steps(table['step'])} ({metric.direction} is better); {intervals_of(metric, table)}."
    )
    return Picture(name or metric.name, caption, [panels], table, shares=True)


def by_architecture(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each architecture with its title; of models by others all, for each may have one of its own."""
    names = sorted(set(table["architecture"]), key=architecture_order)
    if are_by_others(table):
        return [(", ".join(map(positions_of, names)), table)]
    return [(positions_of(name), table[table["architecture"] == name]) for name in names]


def dot_panel(metric: Metric, table: pd.DataFrame, title: str, lines: Lines | None = None) -> Panel:
    """A panel of one row for each of the `lines`, or for each language that the table has."""
    rows = lines if lines is not None else pairs_of(table)
    labels = [language if language == data else f"{language} on {data}" for language, data in rows]
    left = max(map(len, labels)) * LETTER * 1.1 + 0.2

    def draw(axes: "Axes") -> None:
        _draw(metric, table, rows, labels, axes)

    alt = f"{title}: {last_values_told(metric, table)}"
    scale = "x" if metric.logarithmic else ""
    height = AROUND + ROW * len(rows)
    return Panel(title, draw, axis_name(metric), "", left + 2.7, height, left, logarithmic=scale, alt=alt)


def _draw(metric: Metric, table: pd.DataFrame, lines: Lines, labels: list[str], axes: "Axes") -> None:
    if metric.scale == IDENTITY:
        axes.axvline(0, color="0.5", linewidth=0.8)
    for place, ((language, data), style) in enumerate(zip(lines, styles_of(lines), strict=True)):
        point = table[(table["language"] == language) & (table["data"] == data)]
        if point.empty:
            continue
        dash = ":" if is_of_one_seed(point) else "-"
        axes.hlines([place], point["low"], point["high"], color=style.colour, linewidth=1.5, linestyle=dash)
        look: dict[str, Any] = {"color": style.colour, "marker": style.sign, "linestyle": "none", "markersize": 5}
        axes.plot(point[metric.value], [place], **(look | sign_of(point)))
        for _, values in seed_by_seed(point):
            axes.plot(values, [place + APART], color=style.colour, marker=".", markersize=3.5, linestyle="none")
        draw_of_model(metric, point, [place], style.colour, axes, is_across=True)
    name_marks(metric, table, axes)
    draw_of_items(metric, table, axes, is_across=True)
    axes.set_yticks(range(len(lines)), labels)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(axis="x")
