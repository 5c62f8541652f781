"""Figures of metrics: curves over training in the paper's layout, and heat maps of layers by positions."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.documents import upper_first
from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.seeds import OVER_BOTH, OVER_ITEMS, over_seeds
from impossible_lms.languages.language import Style
from impossible_lms.report.figures import language_order, positions_of, style_of
from impossible_lms.report.heat_map import heat_map
from impossible_lms.report.picture import Panel, Picture, by_family, paper_figure, steps_across

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW = 5  # seeds that are drawn one by one
SIGNS = 15  # of a line, about
MAPS = 4  # of a model, from the first checkpoint to the last
NAMED = 3  # samples in a caption
PUBLISHED = "Thin lines without signs: Kallini et al. (2024), read off the authors' figures."


def metric_figure(metric: Metric, tables: Sequence[Tables]) -> "Figure":
    """The figure of a metric from the tables of one run or several (`Evaluation.tables`).

    UserError where no checkpoint could be measured.
    """
    samples = sample_said([table.curve for table in tables])
    return paper_figure(metric_picture(metric, over_seeds(metric, tables), samples=samples))


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
    """The picture of a metric from a table of `over_seeds`.

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


def heat_maps(metric: Metric, table: pd.DataFrame, published: pd.DataFrame | None) -> Picture:
    """Layers by positions: one row a model, a few checkpoints from left to right, the value written in each field."""
    rows = []
    for (architecture, language, _), of_model in table.groupby(["architecture", "language", "data"], sort=True):
        steps = sorted(set(of_model["step"]))
        last = len(steps) - 1
        row: list[Panel | None] = []
        for step in dict.fromkeys(steps[round(last * part / (MAPS - 1))] for part in range(MAPS)):
            field = of_model[of_model["step"] == step].pivot(index="layer", columns="position", values=metric.value)
            title = f"{language}, {positions_of(architecture)}, step {step:,}"
            row.append(
                heat_map(
                    f"{title}{_made_of(of_model[of_model['step'] == step])}",
                    field.iloc[::-1],
                    x="position (token of the prefix)",
                    y="layer",
                    low=0,
                    high=1,
                )
            )
        rows.append(row)
    most = max(len(row) for row in rows)  # panels
    caption = (
        f"{metric.summary}: {metric.unit} ({metric.direction} is better); {intervals_of(metric, table)} (in the CSV)."
    )
    return Picture(metric.name, caption, [[*row, *[None] * (most - len(row))] for row in rows], table)


def _made_of(table: pd.DataFrame) -> str:
    """Of how many items and seeds the cells of a map are."""
    items = sorted(set(table["items"]))
    said = f"{items[0]}" if len(items) == 1 else f"{items[0]} to {items[-1]}"
    seeds = int(table["seeds"].max())
    return f"\n{said} items a cell, {seeds} seed{'s' if seeds > 1 else ': others may differ'}"


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
