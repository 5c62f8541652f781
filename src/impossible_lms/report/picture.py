"""Picture: a figure as its panels, to be drawn together for a paper, or one by one for a page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.report.figures import STYLE, architecture_order, family_of, family_order, positions_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 3.9, 2.25  # inches of a panel on a page
LEFT, BOTTOM, BESIDE = 0.66, 0.48, 0.12  # inches around its axes: names and numbers, and nothing
COLUMN, TEXT = 3.03, 6.3  # inches of a column and of the text of a paper
LEAST = 1.35  # inches that a panel in a paper is high
LINE = 0.14  # inches of a line of a legend
LETTER = 0.062  # inches of a letter, about
LETTERS = 12  # of an axis's name to the inch
CAPTION = 15  # letters of a caption to the inch
PAPER: Mapping[str, Any] = {"font.size": 7, "axes.titlesize": 7, "legend.fontsize": 6.5, "lines.linewidth": 1.1}


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
        rows: its panels in the paper's layout; None leaves a place empty. None at all where the caption says
            everything.
        table: what is drawn.
        shares: whether the panels of a row have the same axes.
    """

    name: str
    caption: str
    rows: Sequence[Sequence[Panel | None]]
    table: pd.DataFrame = field(repr=False)
    shares: bool = False

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


def paper_figure(picture: Picture, *, captioned: bool = False) -> "Figure":
    """All panels in one figure, as wide as a column or the text of a paper; its caption above, if asked for."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(dict(STYLE) | dict(PAPER)):
        columns = max(len(row) for row in picture.rows)
        width = TEXT if columns > 1 or any(panel.is_wide for panel in picture.panels) else COLUMN
        own = max(panel.width for panel in picture.panels)
        heights = [max(max(p.height for p in row if p) * width / columns / own, LEAST) for row in picture.rows]
        figure = Figure(layout="constrained")
        grid = figure.subplots(len(picture.rows), columns, squeeze=False, height_ratios=heights)
        legends: list[dict[str, Artist]] = [{} for _ in range(columns)]
        lowest: list[Axes | None] = [None] * columns
        for row, places in zip(picture.rows, grid, strict=True):
            there = [at for at, panel in enumerate(row) if panel is not None]
            panels = [panel for panel in row if panel is not None]
            drawn = draw_row(panels, [places[at] for at in there], shares=picture.shares)
            for at, panel, labelled in zip(there, panels, drawn, strict=True):
                legends[at] |= labelled
                lowest[at] = places[at]
                places[at].set_title(fill(panel.title, int(width / columns * CAPTION)) if panel.title else "")
                if picture.shares and at != there[0]:
                    places[at].set_ylabel("")
            for at in set(range(columns)) - set(there):
                places[at].set_visible(False)
        most = 0
        for labelled, below in zip(legends, lowest, strict=True):
            if labelled and below is not None:
                longest = max(map(len, labelled)) * LETTER * 0.75 + 0.45
                across = max(1, min(len(labelled), int(width / columns / longest)))
                place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.32), "borderaxespad": 0.0}
                below.legend(labelled.values(), labelled.keys(), ncols=across, **place)
                most = max(most, -(-len(labelled) // across))
        caption = fill(picture.caption, int(CAPTION * width)) if captioned else ""
        above = 0.14 * (caption.count("\n") + 2) if caption else 0.0
        figure.set_size_inches(width, sum(heights) + most * LINE + above)
        if caption:
            figure.suptitle(caption, fontsize=7)
    return figure


def steps_across(axes: "Axes") -> None:
    """A grid, and whole numbers of steps below."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid()


def _plain_numbers(axes: "Axes", name: str) -> None:
    """Plain numbers at 1, 2 and 5 of each power of ten of a logarithmic axis, or evenly where it spans little."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(MaxNLocator(5) if high / low < 5 else LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())
