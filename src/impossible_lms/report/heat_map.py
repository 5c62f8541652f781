"""Heat maps: a table of values as coloured fields with the value written in each."""

from typing import TYPE_CHECKING

import pandas as pd

from impossible_lms.report.picture import BESIDE, LETTER, WIDTH, Panel
from impossible_lms.report.told import field_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL = 0.37, 0.24  # inches of a field at least
MORE, LESS = "#2a6fbb", "#bd5d09"  # above the lowest value, and below the middle one
STRONGEST = 0.8  # of a colour: the numbers in it, in the page's ink, are read on light and on dark paper


def heat_map(
    title: str,
    field: pd.DataFrame,
    *,
    x: str,
    y: str,
    low: float | None = None,
    high: float | None = None,
    logarithmic: bool = False,
    diverges: bool = False,
) -> Panel:
    """A panel of the values of `field`, rows from top to bottom; what is missing stays empty.

    Colours run from none at `low` to the strongest at `high`, without them from the smallest value to the largest;
    where it `diverges`, from one colour through none, half-way, to another.
    """
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, to_rgba

    low = float(field.min(axis=None)) if low is None else low
    high = float(field.max(axis=None)) if high is None else high
    scale = LogNorm(low, high) if logarithmic and 0 < low < high else Normalize(low, high)
    none, most = to_rgba(MORE, 0), to_rgba(MORE, STRONGEST)
    below = [to_rgba(LESS, STRONGEST), to_rgba(LESS, 0)] if diverges else []
    places = [0, 0.5, 0.5, 1] if diverges else [0, 1]
    colours = LinearSegmentedColormap.from_list("", list(zip(places, [*below, none, most], strict=True)))

    def draw(axes: "Axes") -> None:
        axes.pcolormesh(
            field.to_numpy(dtype=float),
            cmap=colours,
            norm=scale,
            edgecolor="0.5",
            linewidth=0.3,
        )
        for row, values in enumerate(field.to_numpy(dtype=float)):
            for column, value in enumerate(values):
                if value == value:  # no NaN
                    middle = column + 0.5, row + 0.5
                    axes.text(*middle, written(value), ha="center", va="center", fontsize=7)
        names = [str(name) for name in field.columns]
        slanted = max(map(len, names)) * LETTER > CELL[0]
        axes.set_xticks([at + 0.5 for at in range(len(names))], names, rotation=35 if slanted else 0)
        for tick in axes.get_xticklabels() if slanted else ():
            tick.set(ha="right", rotation_mode="anchor")
        axes.set_yticks([at + 0.5 for at in range(len(field.index))], [str(name) for name in field.index])
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    across, down = (max(len(str(name)) for name in names) * LETTER for names in (field.index, field.columns))
    left = across + (0.35 if y else 0.15)
    bottom = (0.3 if x else 0.15) + (min(down, 1.5) * 0.7 if down > CELL[0] else 0.2)
    width = left + BESIDE + max(CELL[0] * len(field.columns), WIDTH - left - BESIDE if len(field.columns) > 3 else 0)
    height = bottom + BESIDE + CELL[1] * len(field.index)
    alt = f"{title}: {field_told(field)}."
    return Panel(title, draw, x, y, max(width, WIDTH * 0.75), height, left, bottom, alt=alt)


def written(value: float) -> str:
    """A value in at most four letters or so: .53, 1, 12.3, 1,204."""
    if 0 < abs(value) < 1:
        return f"{value:.2f}".replace("0.", ".", 1) if abs(value) >= 0.005 else ".00"
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"
