"""Provenance: what exactly each run and each evaluation was, what they share said once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from impossible_lms.evaluation.driver import TABLES, Evaluation
from impossible_lms.files import read_manifest
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.report.findings import Findings

# Of a run's request: the order of its data's training sentences, and what is in that order.
ORDER, ORDERED = "dataset.request.seed", "dataset.shards.train-"
UNIQUE = ("run", "folder")  # are told one by one even where there is one alone


def provenance_of_runs(runs: Sequence[Run | PublishedRun]) -> pd.DataFrame:
    """One row a run: everything that decided it, what it was made with, and what it took."""
    rows = []
    for run in runs:
        row: dict[str, Any] = {"run": str(run.folder), "language": run.language}
        if isinstance(run, PublishedRun):
            rows.append(row | {"source": run.source})
            continue
        request = run.record["request"]
        row |= {"model": request["model"], "size": request.get("size"), "seed": run.seed}
        row |= _flat(run.finished or {}) | _flat(request) | _flat({"started with": run.record.get("versions", {})})
        rows.append(row)
    return pd.DataFrame(rows, dtype=object)


def cost_of(runs: Sequence[Run | PublishedRun]) -> str:
    """How many runs there are, and what they took in all, as far as it is known."""
    finished = [run.finished for run in runs if isinstance(run, Run) and run.finished is not None]
    said = f"{len(runs)} runs" if len(runs) != 1 else "1 run"
    if not finished:
        return said
    energy = [each["kilowatt_hours"] for each in finished if each.get("kilowatt_hours") is not None]
    known = f"{sum(energy):,.3g} kWh in {len(energy)} of them" if energy else "energy not readable"
    return f"{said}, {len(finished)} finished, {sum(each['hours'] for each in finished):,.3g} hours, {known}"


def provenance_of_evaluations(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """One row an evaluation: what was asked, and what it was made with."""
    rows = []
    for evaluation in evaluations:
        record = read_manifest(evaluation.folder, TABLES)["record"]
        request = dict(record["request"])
        counts = {name: len(request.pop(name)) for name in ("checkpoints", "skipped")}
        rows.append(
            {"folder": str(evaluation.folder)} | counts | _flat(request) | _flat({"versions": record["versions"]})
        )
    return pd.DataFrame(rows, dtype=object)


def split(table: pd.DataFrame) -> tuple[list[tuple[str, Any]], pd.DataFrame]:
    """What all rows of a table share, and the table without it."""
    shared = [name for name in table if name not in UNIQUE and table[name].map(repr).nunique() == 1]
    said = [(name, table[name].iloc[0]) for name in shared]
    return said, table.drop(columns=shared)


def mixtures(findings: Findings) -> list[tuple[str, str]]:
    """Runs that count as seeds of one model and differ in more than their seed, or not even in it."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in findings.runs:
        if isinstance(run, Run):
            for architecture in findings.architectures_of(run):
                groups.setdefault((run.language, architecture), []).append(run)
    found = []
    for (language, architecture), group in groups.items():
        name, flat = f"{language}-{architecture}", [_flat(run.record["request"]) for run in group]
        differ = {key for one in flat for key in one if len({repr(each.get(key)) for each in flat}) > 1} - {"seed"}
        if ORDER in differ:  # each seed has an order of the training sentences: an experiment makes one for each
            differ -= {ORDER, *(key for key in differ if key.startswith(ORDERED))}
        if keys := sorted(differ):
            found.append(
                (name, f"its runs differ in {', '.join(keys)}, and are averaged like seeds. Report them apart.")
            )
        seeds = [run.seed for run in group]
        if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
            found.append(
                (name, f"several runs have the seed {', '.join(map(str, twice))}, and are averaged like others.")
            )
    return found


def flattened(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The entries of a nested mapping by their paths: `("train.recipe.steps", 3000)`."""
    return list(_pairs(value, ""))


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_pairs(value, ""))


def _pairs(value: Any, path: str) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _pairs(inner, f"{path}.{number}")
    else:
        yield path, value
