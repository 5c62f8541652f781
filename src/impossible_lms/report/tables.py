"""Tables of a page: cells with what they are sorted by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from impossible_lms.evaluation.seeds import OVER_ITEMS
from impossible_lms.report.figures import architecture_order, language_order
from impossible_lms.report.metric_figures import shown_of
from impossible_lms.report.numbers import number
from impossible_lms.report.results import Result, last_of
from impossible_lms.report.told import at_steps

HASH = re.compile("[0-9a-f]{40,64}")  # of a file, or a commit
SHOWN = 12  # digits of a hash
LAST = "the last step of each model"
# Columns that often say the same in all rows, and how it is told once.
SAME = {"step": "step {}", "seeds": "seeds: {}", "items": "items: {}", "interval": "interval over {}"}
ARROWS = {"lower": "↓", "higher": "↑"}


@dataclass(frozen=True)
class Cell:
    """A cell: its text, what it is sorted by (a number, or None for its text), and the whole of a text cut short."""

    text: str
    key: float | None = None
    whole: str = ""


@dataclass(frozen=True)
class Table:
    """A table with the names of its columns; `caption` says what it is, for those who cannot see it too."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def table_of(frame: pd.DataFrame, caption: str) -> Table:
    """Any table; `low` and `high` become one column."""
    rows = []
    names = [str(name) for name in frame if name != "high"]
    for entry in frame.to_dict("records"):
        rows.append(
            [
                _interval(entry["low"], entry["high"])
                if name == "low" and "high" in entry
                else _named(name, entry[name])
                for name in names
            ]
        )
    return Table(caption, ["95 % interval" if name == "low" else name.replace("_", " ") for name in names], rows)


def _named(name: str, value: Any) -> Cell:
    """A cell of the column `name`: a model that stands alone has step 0 in tables, which says nothing."""
    return Cell("") if name == "step" and value == 0 else _cell(value)


def last_values(result: Result) -> Table:
    """The last value of each model, of the groups that the metric's figure shows."""
    table = last_of(shown_of(result.metric, result.table))
    return of_last_steps(_ordered(table[table.columns.difference(list(result.metric.shown), sort=False)]))


def of_last_steps(table: pd.DataFrame) -> Table:
    """Values at the last step of each model; what is the same in all rows stands in the caption."""
    if (table["data"] == table["language"]).all():
        table = table.drop(columns="data")
    if (table["step"] == 0).all():
        table = table.drop(columns="step")
    same = [name for name in SAME if name in table and table[name].nunique(dropna=False) == 1]
    said = [SAME[name].format(_cell(table[name].iloc[0]).text) for name in same]
    return table_of(table.drop(columns=same), "; ".join([LAST, *said]))


def last_fields(result: Result) -> Table:
    """The last values of a metric with a value for each of several groups: the last of these from left to right."""
    metric, table = result.metric, _ordered(last_of(result.table))
    *down, across = metric.groups
    places = sorted(set(table[across]))
    is_own = (table["data"] == table["language"]).all()
    keys = ["language", "architecture", *([] if is_own else ["data"]), "step", *down]
    rows = []
    for key, mine in table.groupby(keys, sort=False):
        of_place = {row[across]: row for row in mine.to_dict("records")}
        cells = [
            Cell(f"{number(row[metric.value])} {_interval(row['low'], row['high']).text}".rstrip(), row[metric.value])
            if (row := of_place.get(place)) is not None
            else Cell("")
            for place in places
        ]
        rows.append([*map(_named, keys, key), *cells])
    return Table(LAST, [*keys, *(f"{across} {place}" for place in places)], rows)


def summary_frame(results: Sequence[Result]) -> pd.DataFrame:
    """One row a model and metric: the last value of what its figure shows; metrics of many values a model left out."""
    rows = []
    for result in results:
        last = last_of(shown_of(result.metric, result.table))
        if last.duplicated(["language", "architecture", "data"]).any():
            continue
        values = last.rename(columns={result.metric.value: "value"}).assign(metric=result.name, unit=result.metric.unit)
        rows.append(
            values[["language", "architecture", "metric", "step", "value", "low", "high", "unit", "seeds", "interval"]]
        )
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def summary_table(results: Sequence[Result], frame: pd.DataFrame) -> Table:
    """The same with one row a model and one column a metric."""
    shown = [result for result in results if result.name in set(frame["metric"])]
    columns = [f"{_title(result)} {ARROWS[result.metric.direction]}" for result in shown]
    rows = []
    models = _ordered(frame[["language", "architecture"]].drop_duplicates())
    for language, architecture in models.itertuples(index=False):
        mine = frame[(frame["language"] == language) & (frame["architecture"] == architecture)].set_index("metric")
        cells = [Cell(language), Cell(architecture)]
        for result in shown:
            if result.name not in mine.index:
                cells.append(Cell(""))
                continue
            row = mine.loc[result.name]
            alone = " (one seed)" if row["interval"] == OVER_ITEMS else ""
            said = f"{number(row['value'])} {_interval(row['low'], row['high']).text}{alone}"
            cells.append(Cell(said, float(row["value"])))
        rows.append(cells)
    at = at_steps(frame["step"], "at the last step measured ({} to {})")
    return Table(
        f"Values{at} with 95 % intervals; ↓ lower is better, ↑ higher", ["language", "architecture", *columns], rows
    )


def contrast_table(frame: pd.DataFrame) -> Table:
    """Contrasts, one row each."""
    count = int(frame["contrasts"].max())
    rows = []
    for entry in frame.to_dict("records"):
        sides = f"{number(entry['value'])}" + (
            f" against {number(entry['less_value'])}" if entry["less_value"] == entry["less_value"] else ""
        )
        alone = " (one seed)" if entry["interval"] == OVER_ITEMS else ""
        rows.append(
            [
                Cell(
                    ", ".join(
                        filter(None, (entry["metric"], entry["what"] * (entry["what"] != "value"), entry["groups"]))
                    )
                ),
                Cell(f"{entry['language']} less {entry['less']}"),
                Cell(entry["architecture"]),
                Cell(sides),
                Cell(entry["contrast"]),
                Cell(
                    f"{number(entry['estimate'])} {_interval(entry['low'], entry['high']).text}{alone}",
                    entry["estimate"],
                ),
                Cell(_p(entry["p"]), entry["p"]),
                Cell(_p(entry["p_holm"]), entry["p_holm"]),
                Cell(f"{entry['seeds']}, {entry['less_seeds']}"),
                Cell(f"{entry['items']:,}", float(entry["items"])),
                Cell(entry["paired"]),
            ]
        )
    columns = ["metric", "model less what", "architecture", "values", "contrast", "95 % interval", "p", "p (Holm)"]
    caption = f"{count} contrasts with 95 % intervals; p corrected for all {count} after Holm"
    if count == 1:
        caption = "1 contrast with a 95 % interval"
    return Table(caption, [*columns, "seeds", "items of both", "paired by"], rows)


def _p(value: float) -> str:
    return "" if value != value else f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Languages as they are listed, architectures of each beside each other; what was in order within them stays so."""
    order = [
        (language_order(language), architecture_order(architecture))
        for language, architecture in zip(frame["language"], frame["architecture"], strict=True)
    ]
    return frame.iloc[sorted(range(len(frame)), key=order.__getitem__)]


def _title(result: Result) -> str:
    return result.name.replace("-", " ")


def _interval(low: Any, high: Any) -> Cell:
    if pd.isna(low) or pd.isna(high):
        return Cell("")
    return Cell(f"[{number(low)}, {number(high)}]", float(low))


def _cell(value: Any) -> Cell:
    if isinstance(value, list | tuple):
        value = ", ".join(number(each) if isinstance(each, float) else str(each) for each in value)
    if value is None or value != value:  # NaN
        return Cell("")
    if isinstance(value, str):
        short = HASH.sub(lambda match: f"{match[0][:SHOWN]}…", value)
        return Cell(short, None, value if short != value else "")
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    return Cell(number(value), float(value))
