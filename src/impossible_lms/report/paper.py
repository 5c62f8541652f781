"""A picture as one figure for a paper. Places are laid out here: matplotlib's own layout draws all several times."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

from impossible_lms.report.figures import STYLE
from impossible_lms.report.picture import LETTER, Panel, Picture, draw_row

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, TEXT = 3.03, 6.3  # inches of a column and of the text of a paper
LEAST, LEAST_AXES = 1.35, 0.4  # inches that a panel is high, and its axes alone
LINE, ASIDE, RIGHT = 0.14, 0.1, 0.17  # inches of a line of text, above and below things, and right of axes
SMALLER = 7 / 8.5  # letters than on a page
TICKS = 0.08  # inches of ticks and the air beside them, which are not smaller
TO_THE_INCH = 15  # letters
KEY = 0.45  # inches of a line in a legend beside its name
PAPER: Mapping[str, Any] = {"font.size": 7, "axes.titlesize": 7, "legend.fontsize": 6.5, "lines.linewidth": 1.1}


class Place(NamedTuple):
    """Where axes lie, in inches: `left` of the figure's left edge, `top` below its upper one, and how `high`."""

    axes: "Axes"
    left: float
    top: float
    high: float


def paper_figure(picture: Picture, *, captioned: bool = False) -> "Figure":
    """All panels in one figure, as wide as a column or the text of a paper; its caption above, if asked for."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    columns = max(len(row) for row in picture.rows)
    width = TEXT if columns > 1 or any(panel.is_wide for panel in picture.panels) else COLUMN
    margins = _margins(picture, columns)
    across = (width - sum(margins) - columns * RIGHT) / columns  # of axes
    starts = [sum(margins[: at + 1]) + at * (across + RIGHT) for at in range(columns)]
    scale = width / columns / max(panel.width for panel in picture.panels)
    caption = fill(picture.text, int(TO_THE_INCH * width)) if captioned else ""
    below = LINE * (caption.count("\n") + 2) if caption else 0.0
    legends: list[dict[str, Artist]] = [{} for _ in range(columns)]
    places: list[Place] = []
    with rc_context(dict(STYLE) | dict(PAPER)):
        figure = Figure()
        for row in picture.rows:
            there = {at: panel for at, panel in enumerate(row) if panel is not None}
            axes = [figure.add_axes((0, 0, 1, 1)) for _ in there]
            for at, mine, labelled in zip(
                there, axes, draw_row(list(there.values()), axes, shares=picture.shares), strict=True
            ):
                legends[at] |= labelled
                if picture.shares and mine is not axes[0]:
                    mine.set_ylabel("")
                    mine.tick_params(labelleft=False)
            over = _titled(axes, list(there.values()), across)
            under = SMALLER * max(panel.bottom for panel in there.values())
            high = max(scale * max(panel.height for panel in there.values()), LEAST) - over - under
            high = max(high, LEAST_AXES)
            places += [Place(mine, starts[at], below + over, high) for at, mine in zip(there, axes, strict=True)]
            below += over + high + under
        rooms = [margin + across for margin in margins]
        lines = max(-(-len(labelled) // _beside(labelled, room)) for labelled, room in zip(legends, rooms, strict=True))
        height = below + (lines * LINE + ASIDE if lines else 0.0)
        figure.set_size_inches(width, height)
        for place in places:
            bottom = 1 - (place.top + place.high) / height
            place.axes.set_position((place.left / width, bottom, across / width, place.high / height))
        for labelled, room, start in zip(legends, rooms, starts, strict=True):
            if labelled:
                middle = ((start + across - room / 2) / width, 1 - below / height)
                look: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": middle, "borderaxespad": 0.0}
                figure.legend(labelled.values(), labelled.keys(), ncols=_beside(labelled, room), **look)
        if caption:
            figure.text(0.5, 1 - ASIDE / height, caption, ha="center", va="top")
    return figure


def _margins(picture: Picture, columns: int) -> list[float]:
    """Inches left of the axes of each column: nothing but air where the axes are those of the row's first."""
    found = [ASIDE] * columns
    for row in picture.rows:
        first = next(at for at, panel in enumerate(row) if panel is not None)
        for at, panel in enumerate(row):
            if panel is not None and (at == first or not picture.shares):
                found[at] = max(found[at], panel.left * SMALLER + TICKS)
    return found


def _titled(axes: Sequence["Axes"], panels: Sequence[Panel], across: float) -> float:
    """Set the titles of a row, in lines as long as its axes, and return how high they are in inches."""
    letters = max(12, int(across * TO_THE_INCH))
    titles = ["\n".join(fill(line, letters) for line in panel.title.split("\n")) for panel in panels]
    for mine, title in zip(axes, titles, strict=True):
        mine.set_title(title, y=1.0, pad=4)
    return LINE * max(title.count("\n") + bool(title) for title in titles) + ASIDE


def _beside(labelled: Mapping[str, "Artist"], room: float) -> int:
    """How many entries of a legend stand beside each other in so many inches."""
    longest = max(map(len, labelled), default=0) * LETTER * 0.75 + KEY
    return max(1, min(len(labelled), int(room / longest)))
