"""Picture: a figure as its panels, to be drawn together for a paper, or one by one for a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

import pandas as pd

from impossible_lms.report.figures import STYLE, architecture_order, family_of, family_order, positions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 3.9, 2.8  # inches of a panel without its legend
LINE = 0.19  # inches of a line of a legend
LETTER = 0.062  # inches of a letter, about
LETTERS = 11  # of an axis's name to the inch
CAPTION = 14  # letters of a caption to the inch


@dataclass(frozen=True)
class Panel:
    """One pair of axes: `title`, what draws it, the names of its axes, and its size in inches.

    Its legend stands below, where what is drawn has labels.
    """

    title: str
    draw: Callable[["Axes"], None]
    x: str = ""
    y: str = ""
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        name: of its files.
        caption: what it shows and how it is read.
        rows: its panels in the paper's layout; None leaves a place empty. None at all where the caption says
            everything.
        table: what is drawn.
        shares_y: whether the panels of a row have one scale.
    """

    name: str
    caption: str
    rows: Sequence[Sequence[Panel | None]]
    table: pd.DataFrame
    shares_y: bool = False

    @property
    def panels(self) -> list[Panel]:
        """All panels."""
        return [panel for row in self.rows for panel in row if panel is not None]


def said_panel(title: str, said: str) -> Panel:
    """A sentence where there is nothing to draw."""

    def draw(axes: "Axes") -> None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, fill(said, int(WIDTH * LETTERS)), ha="center", va="center", transform=axes.transAxes)

    return Panel(title, draw, height=HEIGHT * 0.4)


def by_family(
    table: pd.DataFrame, draw: Callable[[pd.DataFrame, "Axes"], None], x: str, y: str
) -> list[list[Panel | None]]:
    """Panels in the paper's layout: one column a family of languages, one row an architecture.

    `draw` is given the part of the table that is a panel's.
    """
    families = table["language"].map(family_of)
    rows = []
    for architecture in sorted(set(table["architecture"]), key=architecture_order):
        row: list[Panel | None] = []
        for family in sorted(set(families), key=family_order):
            mine = table[(table["architecture"] == architecture) & (families == family)]
            title = f"{family}, {positions_of(architecture)}"
            row.append(None if mine.empty else Panel(title, lambda axes, mine=mine: draw(mine, axes), x, y))  # type: ignore[misc]
        rows.append(row)
    return rows


def paper_figure(picture: Picture) -> "Figure":
    """All panels of a picture in one figure, with its caption above."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(dict(STYLE)):
        heights = [max(panel.height for panel in row if panel is not None) for row in picture.rows]
        columns = max(len(row) for row in picture.rows)
        width = max(panel.width for panel in picture.panels) * columns
        caption = fill(picture.caption, int(CAPTION * max(width, WIDTH * 1.3)))
        figure = Figure(layout="constrained")
        grid = figure.subplots(
            len(picture.rows),
            columns,
            squeeze=False,
            sharey="row" if picture.shares_y else "none",
            height_ratios=heights,
        )
        below = 0.0
        for row, places in zip(picture.rows, grid, strict=True):
            lines = 0
            for panel, axes in zip(row, places, strict=True):
                if panel is None:
                    axes.set_visible(False)
                    continue
                lines = max(lines, draw_panel(panel, axes))
                axes.set_title(panel.title)
                if picture.shares_y and axes is not places[0]:
                    axes.set_ylabel("")
            below += lines * LINE
        figure.set_size_inches(max(width, WIDTH * 1.3), sum(heights) + below + 0.2 * (caption.count("\n") + 2))
        figure.suptitle(caption, fontsize=10)
    return figure


def draw_panel(panel: Panel, axes: "Axes") -> int:
    """Draw a panel with its legend below; returns the legend's lines."""
    panel.draw(axes)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(fill(panel.y, int(panel.height * LETTERS)))
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return 0
    longest = max(map(len, labels)) * LETTER + 0.55
    columns = max(1, min(len(labels), int(panel.width / longest)))
    axes.legend(handles, labels, ncols=columns, loc="upper center", bbox_to_anchor=(0.5, -0.2), borderaxespad=0)
    return -(-len(labels) // columns)


def steps_across(axes: "Axes") -> None:
    """A grid, and whole numbers of steps below."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid()
