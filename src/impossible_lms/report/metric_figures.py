"""Figures of metrics in the paper's layout: one column a family of languages, one row an architecture."""

from collections.abc import Callable, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.languages import LANGUAGES, get_language
from impossible_lms.report.figures import style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.6, 3.6  # inches of one panel
LEGEND = 0.32  # inches of a line of a legend below
ROWS = {"gpt2": "with positions", "gpt2-no-pos": "without positions"}
OWN = "own"  # the family of languages that are not part of this package


def metric_figure(metric: Metric, curves: Sequence[pd.DataFrame]) -> "Figure":
    """The figure of a metric from the curves of one run or several (tables of `evaluate`).

    UserError where no checkpoint could be measured.
    """
    table = over_seeds(metric, curves)
    for column, group in metric.shown.items():
        table = table[table[column] == group]
    if table.empty:
        raise UserError(f"no checkpoint has a value of {metric.name}: there is nothing to draw.")
    return FIGURES[metric.figure](metric, table)


def curves_figure(metric: Metric, table: pd.DataFrame) -> "Figure":
    """Lines over training with 95 % intervals. Colours are the paper's; dash and sign do without colour."""
    from matplotlib.figure import Figure

    families = table["language"].map(_family)
    columns, rows = sorted(set(families), key=_families().index), sorted(set(table["architecture"]), key=_order)
    most = max(table[families == family].groupby(["language", "data"]).ngroups for family in columns)
    below = 0.4 + LEGEND * (most + 1) / 2
    figure = Figure(figsize=(WIDTH * max(len(columns), 1.3), HEIGHT * len(rows) + below), layout="constrained")
    panels = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True, sharey="row")
    for row, architecture in enumerate(rows):
        for column, family in enumerate(columns):
            axes = panels[row][column]
            mine = table[(table["architecture"] == architecture) & (families == family)]
            _draw(metric, mine, axes)
            axes.set_title(f"{family}, {ROWS.get(architecture, architecture)}")
            axes.grid(alpha=0.3)
            if row == len(rows) - 1:
                axes.set_xlabel("training steps")
                handles, labels = axes.get_legend_handles_labels()
                axes.legend(
                    handles, labels, frameon=False, fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17)
                )
            if column == 0:
                axes.set_ylabel(metric.unit)
    seeds = table["seeds"].max()
    over = f"means over up to {seeds} seeds, 95 % intervals of t" if seeds > 1 else "95 % intervals over items"
    said = fill(f"{metric.summary} ({metric.direction} is better)", 60 * max(len(columns), 1))
    figure.suptitle(f"{said}\n{over}", fontsize=11)
    return figure


MAPS = 4  # of a model, from the first checkpoint to the last


def heat_maps_figure(metric: Metric, table: pd.DataFrame) -> "Figure":
    """Layers by positions: one row a model, a few checkpoints from left to right, the value written in each field."""
    from matplotlib.figure import Figure

    models = list(table.groupby(["architecture", "language", "data"], sort=True))
    steps = sorted(set(table["step"]))
    last = len(steps) - 1
    shown = [steps[at] for at in sorted({round(last * part / (MAPS - 1)) for part in range(MAPS)})]
    figure = Figure(figsize=(1.0 + 3.1 * len(shown), 0.9 + 2.6 * len(models)), layout="constrained")
    panels = figure.subplots(len(models), len(shown), squeeze=False)
    for row, ((architecture, language, _), of_model) in enumerate(models):
        for axes, step in zip(panels[row], shown, strict=True):
            field = of_model[of_model["step"] == step].pivot(index="layer", columns="position", values=metric.value)
            picture = axes.imshow(field, vmin=0, vmax=1, cmap="cividis", origin="lower", aspect="auto")
            for y, values in enumerate(field.to_numpy()):
                for x, value in enumerate(values):
                    colour = "black" if value > 0.6 else "white"
                    axes.text(
                        x,
                        y,
                        f"{value:.2f}"[1:] if 0 < value < 1 else f"{value:.0f}",
                        ha="center",
                        va="center",
                        fontsize=6,
                        color=colour,
                    )
            axes.set_xticks(range(len(field.columns)), field.columns)
            axes.set_yticks(range(len(field.index)), field.index)
            axes.set_title(f"{language}, {ROWS.get(architecture, architecture)}\nstep {step:,}", fontsize=8)
            axes.set_xlabel("position (token of the prefix)", fontsize=8)
        panels[row][0].set_ylabel("layer")
    figure.colorbar(picture, ax=panels, label=metric.unit, shrink=0.8)
    figure.suptitle(f"{metric.summary} ({metric.direction} is better)", fontsize=11)
    return figure


def _draw(metric: Metric, table: pd.DataFrame, axes: "Axes") -> None:
    last = {key: lines[metric.value].iloc[-1] for key, lines in table.groupby(["language", "data"])}
    for language, data in sorted(last, key=lambda key: -last[key]):  # the legend in the lines' order
        lines = table[(table["language"] == language) & (table["data"] == data)]
        style = style_of(data if data != language else language)
        look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash}
        label = language if data == language else f"{language} on {data}"
        axes.plot(
            lines["step"],
            lines[metric.value],
            label=label,
            marker=style.sign,
            markersize=4,
            markevery=max(1, len(lines) // 15),
            **look,
        )
        if len(lines) == 1:  # a band has no width there
            axes.vlines(lines["step"], lines["low"], lines["high"], color=style.colour, linewidth=1)
        axes.fill_between(lines["step"], lines["low"], lines["high"], color=style.colour, alpha=0.15, linewidth=0)
    if metric.logarithmic:
        _logarithmic(axes, table[metric.value])


def _logarithmic(axes: "Axes", values: pd.Series) -> None:
    """A logarithmic scale with plain numbers, between the powers of ten too where the values span little."""
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(ScalarFormatter())
    spans_little = len(values) and values.max() / values.min() < 30
    axes.yaxis.set_minor_formatter(ScalarFormatter() if spans_little else NullFormatter())


def _family(language: str) -> str:
    try:
        name = get_language(language).family.name
    except UserError:
        return OWN
    return name if name in _families() else OWN


def _families() -> list[str]:
    """All families, in the order of the languages' list, which is the paper's."""
    return [*dict.fromkeys(language.family.name for language in LANGUAGES.values()), OWN]


def _order(architecture: str) -> tuple[int, str]:
    known = list(ROWS)
    return (known.index(architecture) if architecture in known else len(known), architecture)


FIGURES: Mapping[str, "Callable[[Metric, pd.DataFrame], Figure]"] = {
    "curves": curves_figure,
    "heat maps": heat_maps_figure,
}
