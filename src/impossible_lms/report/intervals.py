"""Intervals in figures: drawn and said, of one seed otherwise than of several, and each seed where they are few."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.seeds import OVER_BOTH, OVER_ITEMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 5  # seeds that are drawn one by one


def intervals_of(metric: Metric, table: pd.DataFrame) -> str:
    """What the intervals of a table are over."""
    over = table["interval"] == OVER_BOTH
    said = []
    if over.any():
        seeds = sorted(set(table.loc[over, "seeds"]))
        count = f"{seeds[0]} seeds" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
        said.append(f"means over {count} with 95 % intervals over seeds and items{_of_items(table[over])}")
    if not over.all():
        said.append(
            f"one seed, drawn hollow with dots for the 95 % interval over its items (each a {metric.item}"
            f"{_of_items(table[~over])}): other seeds may differ"
        )
    return "; elsewhere ".join(said)


def intervals_beside(table: pd.DataFrame) -> str:
    """What the intervals of a table are over, where the figure has no room for them."""
    seeds = sorted(set(table["seeds"]))
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    if seeds[-1] == 1:
        return "one seed: other seeds may differ; 95 % intervals over its items in the CSV"
    alone = ", of one seed over its items" if seeds[0] == 1 else ""
    return f"means over {count} seeds; 95 % intervals over seeds and items{alone} in the CSV"


def is_of_one_seed(table: pd.DataFrame) -> bool:
    """Whether a line is of one seed, of which its interval says nothing about others."""
    return bool((table["interval"] == OVER_ITEMS).any())


def draw_interval(axes: "Axes", x: Any, table: pd.DataFrame, colour: str) -> None:
    """The band of a line, or the bar of a point; of one seed without a filling, its edges dotted."""
    is_one = is_of_one_seed(table)
    if len(table) == 1:
        axes.vlines(x, table["low"], table["high"], color=colour, linewidth=1.5, linestyle=":" if is_one else "-")
    elif is_one:
        for bound in ("low", "high"):
            axes.plot(x, table[bound], color=colour, linewidth=0.9, linestyle=":")
    else:
        axes.fill_between(x, table["low"], table["high"], color=colour, alpha=0.15, linewidth=0)


def sign_of(table: pd.DataFrame) -> dict[str, str]:
    """The sign of one seed is hollow."""
    return {"markerfacecolor": "none"} if is_of_one_seed(table) else {}


def seed_by_seed(table: pd.DataFrame) -> list[tuple[list[Any], list[float]]]:
    """Each seed's rows and values, where they are few and more than one."""
    if not 2 <= table["seeds"].max() <= FEW:
        return []
    rows = range(len(table))
    values = table["each"].tolist()
    return [
        (
            [at for at in rows if number < len(values[at])],
            [values[at][number] for at in rows if number < len(values[at])],
        )
        for number in range(int(table["seeds"].max()))
    ]


def _of_items(table: pd.DataFrame) -> str:
    """How many items, where all have as many."""
    counts = sorted(set(table["items"]))
    said = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f", {said} of them"
