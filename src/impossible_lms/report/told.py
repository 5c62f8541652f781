"""What a panel shows, in words: for those who cannot see it."""

from collections.abc import Iterable

import pandas as pd

from impossible_lms.evaluation.metric import Metric
from impossible_lms.report.figures import language_order
from impossible_lms.report.numbers import number

MOST = 12  # models that are named


def noun_of(metric: Metric) -> str:
    """What a metric's values are, in a sentence or on an axis: its unit without what stands in brackets."""
    return metric.unit.partition(" (")[0]


def bracket_of(metric: Metric) -> str:
    """What stands in the brackets of a metric's unit; empty where it has none."""
    return metric.unit.partition(" (")[2].rstrip(")")


def unit_of(metric: Metric) -> str:
    """The same where that is a unit; empty where it is an explanation."""
    unit = bracket_of(metric)
    return unit if unit.startswith("bits") else ""


def axis_name(metric: Metric) -> str:
    """What stands on an axis: what the values are, their unit, and whether it is logarithmic."""
    said = [unit_of(metric), "log scale" if metric.logarithmic else ""]
    return f"{noun_of(metric)} ({', '.join(filter(None, said))})" if any(said) else noun_of(metric)


def at_steps(steps: Iterable[int], several: str = "at the last step of each model") -> str:
    """` after 1,000 steps`, or `several` of the least and the most; nothing where no step is known.

    Models that stand alone, whose revisions say no number, have step 0 in tables.
    """
    there = sorted(set(steps))
    if there == [0]:
        return ""
    if len(there) == 1:
        return f" after {there[0]:,} steps"
    known = [step for step in there if step]
    return f" {several.format(f'{known[0]:,}', f'{known[-1]:,}')}"


def last_values_told(metric: Metric, table: pd.DataFrame) -> str:
    """The last value of each language with its interval, the best learnt first."""
    last = table[table["step"] == table.groupby(["language", "data"])["step"].transform("max")]
    last = last.sort_values(metric.value, ascending=metric.direction == "lower", kind="stable")
    said = []
    for row in last.head(MOST).to_dict("records"):
        on = f" on {row['data']}" if row["data"] != row["language"] else ""
        between = "" if pd.isna(row["low"]) else f" ({number(row['low'])} to {number(row['high'])})"
        said.append(f"{row['language']}{on} {number(row[metric.value])}{between}")
    at = at_steps(last["step"], "at the last step, {} to {}")
    more = f"; and {len(last) - MOST} more" if len(last) > MOST else ""
    return f"{metric.unit}{at}, {metric.direction} is better: {'; '.join(said)}{more}."


def field_told(field: pd.DataFrame) -> str:
    """The smallest and the largest value of a heat map, and where they stand."""
    cells = field.stack().dropna()
    if cells.empty:
        return "no values"
    low, high = cells.idxmin(), cells.idxmax()
    return f"largest {number(cells[high])} at {high[0]}, {high[1]}; smallest {number(cells[low])} at {low[0]}, {low[1]}"


def losses_told(table: pd.DataFrame) -> str:
    """The last loss of each language, the mean over its runs."""
    last = table[table["step"] == table.groupby("run")["step"].transform("max")].groupby("language")["loss"].mean()
    return "; ".join(
        f"{language} ends at {number(last[language])}" for language in sorted(last.index, key=language_order)
    )
