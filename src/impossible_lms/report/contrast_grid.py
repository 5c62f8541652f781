"""The table of contrasts: a language less its control in each row, a metric in each column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from impossible_lms.evaluation.contrasts import KINDS, VALUE
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.statistics import IDENTITY
from impossible_lms.report.figures import architecture_order, language_order, positions_of
from impossible_lms.report.headline import LEVEL, UNSURE, verdict_of
from impossible_lms.report.numbers import number
from impossible_lms.report.told import bracket_of

OF_LANGUAGES, OF_MODELS = "language less its control", "model less another"
SIGNS = {"worse": "▼", "better": "▲", UNSURE: "·"}


@dataclass(frozen=True)
class Contrast:
    """A cell: what it says, which way it points (`worse`, `better`, `unsure`), its sign, and the rest for who asks."""

    text: str
    verdict: str
    sign: str
    whole: str


@dataclass(frozen=True)
class Row:
    """A language less its control; `models` by what tells them apart, each with a cell a metric, None for none."""

    language: str
    less: str
    models: Sequence[tuple[str, Sequence[Contrast | None]]]


@dataclass(frozen=True)
class Grid:
    """`heading`: what a row is; `columns`: metrics, each with what its contrasts are; `rows`."""

    heading: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]


def contrast_grid(contrasts: pd.DataFrame, metrics: Mapping[str, Metric], heading: str = "") -> Grid | None:
    """The grid of the values in a table of contrasts; None where it has none. `metrics` by the table's names."""
    shown = contrasts[contrasts["what"] == VALUE] if len(contrasts) else contrasts
    if shown.empty:
        return None
    is_own = shown["language"] == shown["data"]  # models by others have none
    found = dict.fromkeys(is_own.map({True: OF_LANGUAGES, False: OF_MODELS}))
    heading = heading or " or ".join(sorted(found))
    names = [name for name in metrics if name in set(shown["metric"])]
    cells = {
        (row["language"], row["less"], row["architecture"], row["metric"]): _cell(row, metrics[row["metric"]])
        for row in shown.to_dict("records")
    }
    rows: dict[tuple[str, str], list[str]] = {}
    for language, less, architecture, _ in cells:
        mine = rows.setdefault((language, less), [])
        if architecture not in mine:
            mine.append(architecture)
    return Grid(
        heading,
        [(name.replace("-", " "), _kind(metrics[name], shown[shown["metric"] == name])) for name in names],
        [
            Row(
                language,
                less,
                [
                    (positions_of(each), [cells.get((language, less, each, name)) for name in names])
                    for each in sorted(rows[language, less], key=architecture_order)
                ],
            )
            for language, less in sorted(rows, key=lambda key: (language_order(key[0]), key[1]))
        ],
    )


def _cell(row: Mapping[str, Any], metric: Metric) -> Contrast:
    verdict = verdict_of(row, metric)
    has_interval = not (pd.isna(row["low"]) or pd.isna(row["high"]))
    is_ratio = row["contrast"] != KINDS[IDENTITY]
    estimate = (
        f"× {number(row['estimate'])}" if is_ratio else f"{'+' if row['estimate'] > 0 else ''}{number(row['estimate'])}"
    )
    between = f" [{number(row['low'])}, {number(row['high'])}]" if has_interval else ""
    mark = "°" if verdict != UNSURE and row["p_holm"] >= LEVEL else ""
    sides = number(row["value"]) + (f" against {number(row['less_value'])}" if not pd.isna(row["less_value"]) else "")
    p = "" if pd.isna(row["p"]) else f"; p {number(row['p'])}, corrected {number(row['p_holm'])}"
    seeds = f"{row['seeds']} and {row['less_seeds']} seeds, {row['items']:,} items, paired by {row['paired']}"
    return Contrast(f"{estimate}{mark}{between}", verdict, SIGNS[verdict], f"{verdict}: {sides}{p}; {seeds}")


def _kind(metric: Metric, rows: pd.DataFrame) -> str:
    kind = "against 0" if rows["less_value"].isna().all() else KINDS[metric.scale]
    unit = bracket_of(metric)
    return f"{kind}, {unit}" if metric.scale == IDENTITY and unit else kind
