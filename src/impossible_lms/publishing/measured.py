"""What was measured of a run, for its card: each evaluation's last value with its interval, items and comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from impossible_lms.evaluation.driver import CURVE, TABLES, Evaluation, figure_places
from impossible_lms.evaluation.metric import LOWER, Metric
from impossible_lms.evaluation.tables import read_evaluations
from impossible_lms.files import read_manifest
from impossible_lms.models.run import Run

LEVEL = "95 %"
UNUSUAL = {"precision": "fp32", "as_published": False}  # of what is asked, with what is usual
RESULTS = "results"  # the folder in a repository


@dataclass(frozen=True)
class Measured:
    """What a metric found at a run's last measured step.

    Attributes:
        evaluation: where from.
        step: the last step that could be measured.
        value: of the metric, in its unit.
        low: of the interval over items, or None.
        high: of the same.
        items: how many there were; None where the metric does not count them.
        where: the part of the result that is told, where there are several; the best one.
        against: what it is compared with; empty for nothing.
        asked: how it was asked for: the sample's number and seed, and what is not as usual.
        note: what there was where the sample asked for more.
        statement: the sentence where the value shows nothing.
    """

    evaluation: Evaluation
    step: int
    value: float
    low: float | None
    high: float | None
    items: int | None
    where: str
    against: str
    asked: Mapping[str, Any]
    note: str | None
    statement: str | None = None

    @property
    def metric(self) -> Metric:
        """Which metric."""
        return self.evaluation.metric

    @property
    def name(self) -> str:
        """The name of its tables, which tells it from all others of the run."""
        return self.evaluation.folder.name

    @property
    def data(self) -> str:
        """The language of the test set."""
        return str(self.evaluation.curve["data"].iloc[0])

    @property
    def curve(self) -> Path:
        """Its table of all steps."""
        return self.evaluation.folder / f"{CURVE}.csv"

    @property
    def figure(self) -> Path | None:
        """Its figure; None where there is none."""
        figure, _ = figure_places(self.evaluation.folder)
        return figure if figure.is_file() else None

    @property
    def interval(self) -> str:
        """The interval in words."""
        return "" if self.low is None or self.high is None else f"{self.low:.4g} to {self.high:.4g}"

    @property
    def said(self) -> str:
        """How it was asked for, in words."""
        sample = self.asked["sample"]
        words = [f"sample of {sample:,} at most" if sample else "all items", f"seed {self.asked['seed']}"]
        words += [str(name).replace("_", " ") for name, value in self.asked.items() if value is True]
        words += [self.asked["precision"]] if "precision" in self.asked else []
        return ", ".join(words)


@dataclass(frozen=True)
class Results:
    """All that was measured of a run, and by name what was to be and is not, with the reason."""

    measured: list[Measured]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def perplexity(self) -> Measured | None:
        """The perplexity on the run's own test sentences, whose curve the card shows."""
        own = [each for each in self.measured if each.metric.name == "perplexity" and not _is_crossed(each.evaluation)]
        return next(iter(own), None)

    def files(self) -> dict[str, Path]:
        """The curves and figures by their path in the repository."""
        found = {f"{RESULTS}/{each.name}.csv": each.curve for each in self.measured}
        figures = {f"{RESULTS}/{each.name}.png": each.figure for each in self.measured}
        return found | {name: path for name, path in figures.items() if path is not None}


def results_of(run: Run, missing: Mapping[str, str] | None = None) -> Results:
    """All that was measured of a run; `missing` says what more there should be, and tables that are damaged do too."""
    evaluations, faults = read_evaluations(run)
    left = {folder.name: why for folder, why in faults.items()}
    for one in evaluations:
        if one.skipped:
            left[one.folder.name] = "; ".join(f"{revision} skipped: {why}" for revision, why in one.skipped.items())
    found = [measured for one in evaluations if (measured := _measured(one)) is not None]
    return Results(found, left | dict(missing or {}))


def _measured(evaluation: Evaluation) -> Measured | None:
    metric, curve = evaluation.metric, evaluation.curve
    for column, group in metric.shown.items():
        curve = curve[curve[column] == group]
    curve = curve[curve["fault"].isna() & curve[metric.value].notna()]
    if curve.empty:
        return None
    last = curve[curve["step"] == curve["step"].max()]
    values = last[metric.value].to_numpy(dtype=float)
    row = last.iloc[int(values.argmin() if metric.direction == LOWER else values.argmax())]
    statement = metric.statement(last)
    free = [name for name in metric.groups if name not in metric.shown] if len(last) > 1 and not statement else []
    request = read_manifest(evaluation.folder, TABLES)["record"]["request"]
    return Measured(
        evaluation,
        step=int(row["step"]),
        value=float(row[metric.value]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        items=None if pd.isna(row.get("items")) else int(row["items"]),
        where=", ".join(f"{name} {row[name]}" for name in free),
        against="; ".join([*_against(request), *_beside(metric, row)]),
        asked={"sample": evaluation.notes.get("sample", request.get("sample")), "seed": request.get("seed", 0)}
        | {name: request[name] for name, usual in UNUSUAL.items() if request.get(name, usual) != usual},
        note=row["note"],
        statement=statement,
    )


def _against(request: Mapping[str, Any]) -> list[str]:
    """The control that a metric compared with, as its records name it."""
    if "control" in request:
        return [f"the model of {request['control']['request']['language']} at the same step"]
    return ["the control's last model, as judge"] if "judge" in request else []


def _beside(metric: Metric, row: pd.Series) -> list[str]:
    """What stands beside the value, each with its name."""
    return [f"{beside.name} {row[name]:.3g}" for name, beside in metric.beside.items() if not pd.isna(row.get(name))]


def _is_crossed(evaluation: Evaluation) -> bool:
    return bool((evaluation.curve["data"] != evaluation.curve["language"]).any())


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
