"""Picture: a figure as its panels, to be drawn together for a paper, or one by one for a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING

import pandas as pd

from impossible_lms.report.figures import architecture_order, family_of, family_order, positions_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 3.9, 2.25  # inches of a panel on a page
LEFT, BOTTOM, BESIDE = 0.66, 0.48, 0.12  # inches around its axes: names and numbers, and nothing
LETTER = 0.062  # inches of a letter, about
LETTERS = 12  # of an axis's name to the inch


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: what tells it from the other panels.
        draw: draws it; what it labels stands in a legend.
        x: the name of the axis, with its unit.
        y: the same.
        width: inches on a page.
        height: the same.
        left: inches left of the axes, for names and numbers.
        bottom: the same below them.
        logarithmic: the axis that is, `x` or `y`, if any.
        alt: what it shows, for those who cannot see it.
    """

    title: str
    draw: Callable[["Axes"], None]
    x: str = ""
    y: str = ""
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    bottom: float = BOTTOM
    logarithmic: str = ""
    alt: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether it fills the width of a page."""
        return self.width > WIDTH * 1.3


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        name: of its files.
        caption: what it shows and how it is read.
        rows: its panels in the paper's layout; None leaves a place empty. None at all where words say everything.
        table: what is drawn.
        shares: whether the panels of a row have the same axes.
        statements: what is to be said of models that have no panel, a sentence each.
    """

    name: str
    caption: str
    rows: Sequence[Sequence[Panel | None]]
    table: pd.DataFrame = field(repr=False)
    shares: bool = False
    statements: Sequence[str] = ()

    @property
    def text(self) -> str:
        """The caption and the statements."""
        return " ".join([self.caption, *self.statements])

    @property
    def panels(self) -> list[Panel]:
        """All panels."""
        return [panel for row in self.rows for panel in row if panel is not None]


def said_panel(title: str, said: str) -> Panel:
    """A sentence where there is nothing to draw."""

    def draw(axes: "Axes") -> None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, fill(said, int(WIDTH * LETTERS)), ha="center", va="center", transform=axes.transAxes)

    return Panel(title, draw, height=HEIGHT * 0.4, alt=f"{title}: {said}")


def by_family(
    table: pd.DataFrame,
    draw: Callable[[pd.DataFrame, "Axes"], None],
    x: str,
    y: str,
    *,
    logarithmic: str = "",
    told: Callable[[pd.DataFrame], str] = lambda part: "",
) -> list[list[Panel | None]]:
    """Panels in the paper's layout: one column a family of languages, one row an architecture.

    `draw` and `told`, which says what is to be seen, are given the part of the table that is a panel's.
    """
    families = table["language"].map(family_of)
    rows = []
    for architecture in sorted(set(table["architecture"]), key=architecture_order):
        row: list[Panel | None] = []
        for family in sorted(set(families), key=family_order):
            mine = table[(table["architecture"] == architecture) & (families == family)]
            if mine.empty:
                row.append(None)
                continue
            title = f"{family}, {positions_of(architecture)}"
            alt = f"{title}: {said}" if (said := told(mine)) else title
            row.append(Panel(title, lambda axes, mine=mine: draw(mine, axes), x, y, logarithmic=logarithmic, alt=alt))  # type: ignore[misc]
        rows.append(row)
    return rows


def draw_row(panels: Sequence[Panel], axes: Sequence["Axes"], *, shares: bool) -> list[dict[str, "Artist"]]:
    """Draw the panels of a row, on the same axes where it `shares` them; returns what is labelled in each, by label."""
    found = []
    for panel, mine in zip(panels, axes, strict=True):
        for name in panel.logarithmic:
            mine.set(**{f"{name}scale": "log"})
        panel.draw(mine)
        mine.set_xlabel(panel.x)
        mine.set_ylabel(fill(panel.y, max(10, int(panel.height * LETTERS))))
        handles, labels = mine.get_legend_handles_labels()
        found.append(dict(zip(labels, handles, strict=True)))
    for name in "xy" if shares else "":
        limits = [getattr(mine, f"get_{name}lim")() for mine in axes]
        is_down = any(low > high for low, high in limits)  # from top to bottom, as languages are listed
        ends = min(map(min, limits)), max(map(max, limits))
        for mine in axes:
            mine.set(**{f"{name}lim": ends[::-1] if is_down else ends})
    for panel, mine in zip(panels, axes, strict=True):
        for name in panel.logarithmic:
            _plain_numbers(mine, name)
    return found


def steps_across(axes: "Axes") -> None:
    """A grid, and whole numbers of steps below."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid()


def _plain_numbers(axes: "Axes", name: str) -> None:
    """Plain numbers at 1, 2 and 5 of each power of ten of a logarithmic axis, or evenly where it spans little."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, ScalarFormatter

    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(MaxNLocator(5) if high / low < 5 else LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_locator(NullLocator())  # each tick costs as much as a line to draw
