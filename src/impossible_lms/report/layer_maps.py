"""Layers by positions, a heat map a checkpoint: the value, and below it what shows something where the value is 0."""

import pandas as pd

from impossible_lms.documents import upper_first
from impossible_lms.evaluation.metric import Metric
from impossible_lms.report.figures import architecture_order, language_order, positions_of
from impossible_lms.report.heat_map import heat_map
from impossible_lms.report.intervals import intervals_beside
from impossible_lms.report.picture import Panel, Picture, said_panel

MAPS = 4  # of a model, from the first checkpoint to the last
X, Y = "position (token of the prefix)", "layer"


def heat_maps(metric: Metric, table: pd.DataFrame, published: pd.DataFrame | None) -> Picture:
    """A row a model and column, some checkpoints from left to right, the value written in each field; of one
    checkpoint a row a model.

    A checkpoint, or a model with all of its checkpoints, of which the metric has a statement to make has no map.
    """
    rows: list[list[Panel | None]] = []
    statements = []
    models = dict(iter(table.groupby(["architecture", "language", "data"])))
    for key in sorted(models, key=lambda key: (architecture_order(key[0]), language_order(key[1]), key[2])):
        (architecture, language, data), of_model = key, models[key]
        name = f"{language}{f' on {data}' if data != language else ''}, {positions_of(architecture)}"
        if said := metric.statement(of_model):
            statements.append(upper_first(f"{name}: {said}."))
            continue
        maps = {step: of_model[of_model["step"] == step] for step in _some(sorted(set(of_model["step"])))}
        titles = {step: name if [*maps] == [0] else f"{name}, step {step:,}" for step in maps}
        of_metric: list[list[Panel | None]] = [[_share(metric, titles[step], mine) for step, mine in maps.items()]]
        for column, beside in metric.beside.items():
            if column in of_model and of_model[column].notna().any():
                most = max(beside.least, float(pd.concat(maps)[column].abs().max())) or 1.0
                of_metric.append(
                    [_moved(f"{titles[step]}\n{beside.name}", mine, column, most) for step, mine in maps.items()]
                )
        rows += [[panel for row in of_metric for panel in row]] if len(maps) == 1 else of_metric
    most_maps = max((len(row) for row in rows), default=0)
    caption = f"{metric.summary}."
    if rows:
        drawn = ", and ".join(
            [f"{metric.unit} ({metric.direction} is better)", *(each.name for each in metric.beside.values())]
        )
        caption = f"{metric.summary}: {drawn}; {intervals_beside(table)}."
    padded = [[*row, *[None] * (most_maps - len(row))] for row in rows]
    return Picture(metric.name, caption, padded, table, statements=statements)


def _share(metric: Metric, title: str, table: pd.DataFrame) -> Panel:
    said = metric.statement(table)
    if said is not None:
        return said_panel(title, upper_first(f"{said}."))
    title = f"{title}\n{metric.unit}\n{_made_of(table)}"
    return heat_map(title, _field(table, metric.value), x=X, y=Y, low=0, high=1)


def _moved(title: str, table: pd.DataFrame, column: str, most: float) -> Panel:
    return heat_map(title, _field(table, column), x=X, y=Y, low=-most, high=most, diverges=True)


def _field(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Layers from the last to the first, by positions."""
    return table.pivot(index="layer", columns="position", values=column).iloc[::-1]


def _some(steps: list[int]) -> list[int]:
    """A few of the steps, the first and the last among them."""
    last = len(steps) - 1
    return list(dict.fromkeys(steps[round(last * part / (MAPS - 1))] for part in range(MAPS)))


def _made_of(table: pd.DataFrame) -> str:
    """Of how many items and seeds the cells of a map are."""
    items = sorted(set(table["items"]))
    said = f"{items[0]}" if len(items) == 1 else f"{items[0]} to {items[-1]}"
    seeds = int(table["seeds"].max())
    return f"{said} items a cell, {seeds} seed{'s' if seeds > 1 else ': others may differ'}"
