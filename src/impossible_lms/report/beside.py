"""What values are set beside in figures: chance and largest class in grey, each model's own as marks in its colour."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.evaluation.metric import Metric
from impossible_lms.report.heat_map import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREY = "0.5"
DASHES: tuple[Any, ...] = ((0, (6, 3)), (0, (1, 1.5)), (0, (3, 1, 1, 1)))  # of what is of the items alone
MARKS = ("_", "x", "+")  # of what is of a model
ALIKE = 0.005  # values that one line stands for


def draw_of_items(metric: Metric, table: pd.DataFrame, axes: "Axes", *, is_across: bool = False) -> None:
    """A grey line for each value that is of the items alone, named with it; a band where a panel's models differ.

    Values are read upwards, or, where the axis `is_across`, from left to right.
    """
    line, span = (axes.axvline, axes.axvspan) if is_across else (axes.axhline, axes.axhspan)
    for column, dash in zip(_columns(metric, table, of_model=False), DASHES, strict=False):
        low, high = float(table[column].min()), float(table[column].max())
        name = metric.beside[column].name
        if high - low < ALIKE:
            line(low, color=GREY, linewidth=1, linestyle=dash, label=f"{name} ({written(low)})")
        else:
            said = f"{name} ({written(low)} to {written(high)})"
            span(low, high, facecolor=GREY, alpha=0.4, linewidth=0, label=said)


def draw_of_model(
    metric: Metric, rows: pd.DataFrame, at: list[Any], colour: str, axes: "Axes", *, is_across: bool = False
) -> None:
    """The marks of one model's own, at the places of its rows; see `draw_of_items`."""
    for column, mark in zip(_columns(metric, rows, of_model=True), MARKS, strict=False):
        places = (rows[column], at) if is_across else (at, rows[column])
        axes.plot(*places, color=colour, linestyle="none", marker=mark, markersize=5, markeredgewidth=1)


def name_marks(metric: Metric, table: pd.DataFrame, axes: "Axes") -> None:
    """The marks in grey for the legend, once a panel."""
    for column, mark in zip(_columns(metric, table, of_model=True), MARKS, strict=False):
        look: dict[str, Any] = {"color": GREY, "linestyle": "none", "marker": mark, "markersize": 5}
        axes.plot([], [], **look, label=f"{metric.beside[column].name}, of each")


def _columns(metric: Metric, table: pd.DataFrame, *, of_model: bool) -> list[str]:
    """The columns of either kind that there are values of."""
    return [
        column
        for column, beside in metric.beside.items()
        if beside.of_model == of_model and column in table and table[column].notna().any()
    ]
