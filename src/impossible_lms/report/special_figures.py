"""Figures beside a metric's curves: values at the last step, probes by layer, pairs by field, cross-tests."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.evaluation.sentence_bits import PARTS
from impossible_lms.report.beside import draw_of_items, draw_of_model, name_marks
from impossible_lms.report.dots import by_architecture, dot_panel, dots
from impossible_lms.report.figures import language_order, pairs_of, style_of
from impossible_lms.report.heat_map import heat_map
from impossible_lms.report.intervals import (
    draw_interval,
    intervals_beside,
    intervals_of,
    seed_by_seed,
    sign_of,
)
from impossible_lms.report.metric_figures import shown_of
from impossible_lms.report.picture import Picture, by_family
from impossible_lms.report.results import Result, last_of
from impossible_lms.report.told import last_values_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def at_the_end(result: Result) -> Picture:
    """The languages by their value at the last step, and in the table what the metric says of their curves."""
    table = last_of(shown_of(result.metric, result.table))
    picture = dots(result.metric, table, f"{result.name}-last-step")
    closed = _closed(result) if result.metric.is_contrast else pd.DataFrame()
    return replace(picture, table=table.merge(closed, how="left")) if len(closed) else picture


def by_layer(result: Result) -> Picture:
    """Accuracy by layer at the last step, means pooled, one panel a family and architecture."""
    metric = result.metric
    table = last_of(result.table[result.table["pooling"] == metric.shown["pooling"]])
    layers = sorted(set(table["layer"]), key=lambda layer: (not layer.isdigit(), int(layer) if layer.isdigit() else 0))

    def draw(mine: pd.DataFrame, axes: "Axes") -> None:
        for language in sorted(set(mine["language"]), key=language_order):
            line = mine[mine["language"] == language].set_index("layer").reindex(layers).dropna(subset=metric.value)
            at, style = [layers.index(layer) for layer in line.index], style_of(language)
            look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash}
            look |= sign_of(line)
            for places, values in seed_by_seed(line):
                axes.plot([at[place] for place in places], values, ".", color=style.colour, markersize=2, alpha=0.6)
            axes.plot(at, line[metric.value], label=language, marker=style.sign, markersize=4, **look)
            draw_interval(axes, at, line, style.colour)
            draw_of_model(metric, line, at, style.colour, axes)
        name_marks(metric, mine, axes)
        draw_of_items(metric, mine, axes)
        axes.set_xticks(range(len(layers)), layers)
        axes.set_xlim(-0.25, len(layers) - 0.75)  # for names of layers that are longer than numbers
        axes.grid()

    def told(mine: pd.DataFrame) -> str:
        return last_values_told(metric, shown_of(metric, mine))

    caption = f"Probes by layer at the last step, {metric.shown['pooling']} pooling; {intervals_of(metric, table)}."
    rows = by_family(table, draw, "layer", metric.unit, told=told)
    return Picture(f"{result.name}-by-layer", caption, rows, table, shares=True)


def by_field(result: Result) -> Picture:
    """Languages by fields of grammar at the last step, one panel an architecture."""
    metric = result.metric
    table = last_of(result.table)
    shown = table[(table["paradigm"] == metric.shown["paradigm"]) & (table["tokens"] == metric.shown["tokens"])]
    panels = []
    for title, mine in by_architecture(shown):
        field = _ordered(mine.pivot_table(index="language", columns="field", values=metric.value))
        panels.append(heat_map(title, field, x="", y="", low=0, high=1))
    caption = (
        f"{metric.unit.capitalize()}, by field, at the last step; chance is .50. Pairs of {metric.shown['tokens']} "
        f"token count; {intervals_beside(shown)}."
    )
    return Picture(f"{result.name}-by-field", caption, [[panel] for panel in panels], shown)


def by_part(result: Result) -> Picture:
    """What each part of a sentence costs at the last step: a row of panels an architecture, a panel a part."""
    metric, table = result.metric, last_of(result.table)
    lines = pairs_of(table)
    rows = [
        [
            dot_panel(metric, mine[mine["part"] == part], f"{part}, {title}", lines)
            for part in PARTS
            if (mine["part"] == part).any()
        ]
        for title, mine in by_architecture(table)
    ]
    most = max(map(len, rows))
    caption = f"{metric.unit.capitalize()} by part at the last step, {metric.direction} is better; "
    caption += f"{intervals_of(metric, table)}."
    padded = [[*row, *[None] * (most - len(row))] for row in rows]
    return Picture(f"{result.name}-by-part", caption, padded, table, shares=True)


def cross_tests(crossed: Result, own: Result | None) -> Picture:
    """Models (rows) on test sets (columns) at the last step, one panel an architecture."""
    metric = crossed.metric
    tables = [last_of(shown_of(metric, each.table)) for each in (crossed, own) if each is not None]
    table = pd.concat([tables[0], *(each[each["language"].isin(tables[0]["language"])] for each in tables[1:])])
    panels = []
    for title, mine in by_architecture(table):
        field = _ordered(mine.pivot_table(index="language", columns="data", values=metric.value))
        field = field[sorted(field.columns, key=language_order)]
        panels.append(
            heat_map(
                title,
                field,
                x="test set",
                y="model",
                logarithmic=metric.logarithmic,
            )
        )
    caption = (
        f"{metric.summary}, of the language in the column by a model of the language in the row, at the last step: "
        f"{metric.unit} ({metric.direction} is better); {intervals_beside(table)}."
    )
    return Picture(f"{crossed.name}-cross-tests", caption, [[panel] for panel in panels], table)


SAID = {"None": "never", "True": "yes", "False": "no"}  # of notes
SPECIAL: Mapping[str, Callable[[Result], Picture]] = {
    "sentence-bits": by_part,
    "probes": by_layer,
    "minimal-pairs": by_field,
}


def _closed(result: Result) -> pd.DataFrame:
    """What the metric says of each language's curves, runs side by side."""
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for evaluation in result.evaluations:
        first = evaluation.curve.iloc[0]
        said = rows.setdefault((str(first["language"]), str(first["architecture"])), {})
        for name, value in evaluation.notes.items():
            said.setdefault(name, []).append(SAID.get(repr(value), str(value)))
    return pd.DataFrame(
        [
            {"language": language, "architecture": architecture}
            | {name: ", ".join(dict.fromkeys(values)) for name, values in said.items()}
            for (language, architecture), said in rows.items()
        ]
    )


def _ordered(field: pd.DataFrame) -> pd.DataFrame:
    return field.loc[sorted(field.index, key=language_order)]
