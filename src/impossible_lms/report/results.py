"""Results: the evaluations of a metric put together over seeds, those on other test sets apart."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from impossible_lms.evaluation.driver import ON, TABLES, Evaluation
from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.files import read_manifest
from impossible_lms.models.model_name import OF

ASKED = {"precision": "fp32", "as_published": False}  # what changes values beyond the sample, with what is usual


@dataclass(frozen=True)
class Result:
    """What a metric found in all runs.

    Attributes:
        name: the metric; where it was asked in several ways, with what tells this one from the others.
        metric: which.
        evaluations: one a run.
        table: one row a language, architecture, test set, step and group, as `over_seeds` makes it, with the means
            of the curves' other columns.
    """

    name: str
    metric: Metric
    evaluations: Sequence[Evaluation]
    table: pd.DataFrame

    @property
    def asked(self) -> dict[str, Any]:
        """How the metric was asked for."""
        return _asked(self.evaluations[0])


def results_of(evaluations: Iterable[Evaluation]) -> list[Result]:
    """The results on the runs' own test sets, and of models by others on any; metrics in the order of the registry.

    Evaluations of one name belong together: the name says what is not as usual about them.
    """
    groups: dict[str, list[Evaluation]] = {}
    for evaluation in evaluations:
        if not _is_crossed(evaluation):
            groups.setdefault(evaluation.group, []).append(evaluation)
    groups = _of_experiments(groups)
    order = {name: place for place, name in enumerate(METRICS)}
    metrics = [group[0].metric.name for group in groups.values()]
    found = []
    for name, group in groups.items():
        metric = group[0].metric
        found.append(
            Result(metric.name if metrics.count(metric.name) == 1 else plain(name), metric, group, _table(group))
        )
    measured = [result for result in found if len(result.table)]
    return sorted(measured, key=lambda result: (order.get(result.metric.name, len(order)), result.name))


def crossed(evaluations: Iterable[Evaluation]) -> list[Result]:
    """The results on other test sets, one for each metric and way it was asked; `data` is how the test set is called.

    Test sets of one language that differ are called by the evaluations' names, too.
    """
    groups: dict[tuple[str, str], dict[str, list[Evaluation]]] = {}
    for evaluation in evaluations:
        if _is_crossed(evaluation):
            key = (evaluation.metric.name, _words(_asked(evaluation)))
            groups.setdefault(key, {}).setdefault(evaluation.folder.name, []).append(evaluation)
    metrics = [name for name, _ in groups]
    results = []
    for (name, words), of_folder in groups.items():
        tables = {folder: table for folder, group in of_folder.items() if len(table := _table(group))}
        called = [language for table in tables.values() for language in set(table["data"])]
        for folder, table in tables.items():
            is_clear, said = table["data"].map(called.count) == 1, folder.removeprefix(f"{name}{ON}")
            table["data"] = table["data"].where(is_clear, table["data"] + f" ({said})")
        if tables:
            group = [evaluation for each in of_folder.values() for evaluation in each]
            named = name if metrics.count(name) == 1 else f"{name}{words}"
            results.append(Result(named, group[0].metric, group, pd.concat(tables.values())))
    return results


def last_of(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each model's last step."""
    last = table.groupby(["language", "architecture", "data"])["step"].transform("max")
    return table[table["step"] == last]


def _of_experiments(groups: dict[str, list[Evaluation]]) -> dict[str, list[Evaluation]]:
    """The groups, those of one metric put together that are of different experiments: one may have another sample.

    They stay apart where an experiment has several itself, for which of them belong together is not known then.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for name, group in groups.items():
        alike.setdefault((group[0].metric.name, _words(_asked(group[0]))), []).append(name)
    found: dict[str, list[Evaluation]] = {}
    for names in alike.values():
        experiments = [experiment for name in names for experiment in {_experiment(each) for each in groups[name]}]
        if "" in experiments or len(set(experiments)) < len(experiments):
            found |= {name: groups[name] for name in names}
        else:
            found[names[0]] = [evaluation for name in names for evaluation in groups[name]]
    return found


def _experiment(evaluation: Evaluation) -> str:
    """The name of the experiment that an evaluation is of, where there are several."""
    return str(evaluation.curve["architecture"].iloc[0]).partition(OF)[2]


def _table(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    metric, curves = evaluations[0].metric, [evaluation.curve for evaluation in evaluations]
    table = over_seeds(metric, [evaluation.tables for evaluation in evaluations])
    keys = ["language", "architecture", "data", "step", *metric.groups]
    known = {*keys, "seed", "items", metric.value, "low", "high", "fault", *metric.beside}
    numbers = {
        name: None
        for curve in curves
        for name in curve.select_dtypes("number")
        if name not in known and not name.endswith(("_low", "_high"))
    }
    measured = pd.concat([curve[curve["fault"].isna()] for curve in curves], ignore_index=True)
    if numbers and len(table):
        means = measured.groupby(keys, sort=False)[list(numbers)].mean().reset_index()
        table = table.merge(means, on=keys, how="left")
    return table


def _is_crossed(evaluation: Evaluation) -> bool:
    if evaluation.is_foreign:  # it has no language of its own
        return False
    is_named_so = evaluation.folder.name.startswith(f"{evaluation.metric.name}{ON}")
    return is_named_so or bool((evaluation.curve["data"] != evaluation.curve["language"]).any())


def _asked(evaluation: Evaluation) -> dict[str, Any]:
    request = read_manifest(evaluation.folder, TABLES)["record"]["request"]
    return {name: request.get(name, usual) for name, usual in ASKED.items()}


def _words(asked: dict[str, Any]) -> str:
    """What is not as usual, for a name."""
    return "".join(f"-{plain(name)}-{value}" for name, value in asked.items() if value != ASKED[name])


def plain(name: str) -> str:
    """A name of nothing but letters, digits and hyphens, for files and anchors."""
    return re.sub("[^A-Za-z0-9.]+", "-", name).strip("-")
