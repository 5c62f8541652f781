"""Results: the evaluations of a metric put together over seeds, those on other test sets apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.evaluation.seeds import over_seeds

ON = "-on-"  # stands in the name of an evaluation on another test set
ENDINGS = ("-as-published", "-bf16")  # of evaluations that were made otherwise than usual, in the names' order


@dataclass(frozen=True)
class Result:
    """What a metric found in all runs.

    Attributes:
        name: the metric, and what is not as usual about the evaluations.
        metric: which.
        evaluations: one a run.
        table: one row a language, architecture, test set, step and group, as `over_seeds` makes it, with the means
            of the curves' other columns.
    """

    name: str
    metric: Metric
    evaluations: Sequence[Evaluation]
    table: pd.DataFrame


def results_of(evaluations: Iterable[Evaluation]) -> list[Result]:
    """The results on the runs' own test sets, metrics in the order of the registry."""
    groups: dict[str, list[Evaluation]] = {}
    for evaluation in evaluations:
        if not _is_crossed(evaluation):
            groups.setdefault(evaluation.folder.name, []).append(evaluation)
    order = {name: place for place, name in enumerate(METRICS)}
    found = [Result(name, group[0].metric, group, _table(group)) for name, group in groups.items()]
    measured = [result for result in found if len(result.table)]
    return sorted(measured, key=lambda result: (order.get(result.metric.name, len(order)), result.name))


def crossed(evaluations: Iterable[Evaluation]) -> list[Result]:
    """The results on other test sets: for each metric and precision one, `data` being how the test set is called.

    Test sets of one language that differ are called by their folders.
    """
    groups: dict[tuple[str, str], dict[str, list[Evaluation]]] = {}
    for evaluation in evaluations:
        if _is_crossed(evaluation):
            ending = _ending(evaluation.folder.name)
            folder = evaluation.folder.name.removeprefix(f"{evaluation.metric.name}{ON}").removesuffix(ending)
            groups.setdefault((evaluation.metric.name, ending), {}).setdefault(folder, []).append(evaluation)
    results = []
    for (name, ending), of_folder in groups.items():
        tables = {folder: table for folder, group in of_folder.items() if len(table := _table(group))}
        called = [language for table in tables.values() for language in set(table["data"])]
        for folder, table in tables.items():
            is_clear = table["data"].map(called.count) == 1
            table["data"] = table["data"].where(is_clear, table["data"] + f" ({folder})")
        if tables:
            group = [evaluation for each in of_folder.values() for evaluation in each]
            results.append(Result(f"{name}{ending}", group[0].metric, group, pd.concat(tables.values())))
    return results


def last_of(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each model's last step."""
    last = table.groupby(["language", "architecture", "data"])["step"].transform("max")
    return table[table["step"] == last]


def _table(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    metric, curves = evaluations[0].metric, [evaluation.curve for evaluation in evaluations]
    table = over_seeds(metric, curves)
    keys = ["language", "architecture", "data", "step", *metric.groups]
    known = {*keys, "seed", "items", metric.value, "low", "high", "fault"}
    numbers = {
        name: None
        for curve in curves
        for name in curve.select_dtypes("number")
        if name not in known and not name.endswith(("_low", "_high"))
    }
    for name in numbers:
        blank = [curve.assign(**{name: curve.get(name)}) for curve in curves]
        means = over_seeds(replace(metric, value=name), blank)[[*keys, name]]
        table = table.merge(means, on=keys, how="left")
    return table


def _is_crossed(evaluation: Evaluation) -> bool:
    return evaluation.folder.name.startswith(f"{evaluation.metric.name}{ON}")


def _ending(name: str) -> str:
    ending = ""
    for each in ENDINGS:
        if name.removesuffix(ending).endswith(each):
            ending = each + ending
    return ending
