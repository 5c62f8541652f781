"""Experiments beside each other: the same language and model in one less in another, where that is sound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.compare import is_manifold
from impossible_lms.evaluation.contrasts import contrasts
from impossible_lms.evaluation.driver import TABLES, Evaluation
from impossible_lms.evaluation.metric import Metric
from impossible_lms.files import read_manifest
from impossible_lms.models.model_name import OF
from impossible_lms.report.findings import Findings
from impossible_lms.report.results import Result

Model = tuple[str, str]  # a language and an architecture
SAME_RUNS = "the runs are the same"


@dataclass(frozen=True)
class SideBySide:
    """Two experiments: the table of `contrasts`, `one` less `other`, whose architectures are not told apart by them.

    `not_set` says, a line each, what is not set against each other, and why.
    """

    one: str
    other: str
    contrasts: pd.DataFrame
    not_set: Sequence[str]


def side_by_side(findings: Findings) -> list[SideBySide]:
    """Every experiment less the first, in the metrics that have one value a model; none where there is one alone.

    It is sound where both were measured on the same sentences in the same tokens, and the runs are not the same ones.
    """
    names = list(dict.fromkeys(name for several in findings.experiments.values() for name in several))
    return [_apart(one, names[0], findings.results) for one in names[1:]]


def _apart(one: str, other: str, results: Sequence[Result]) -> SideBySide:
    measured: list[tuple[str, Metric, list[Tables]]] = []
    between: dict[tuple[str, str], None] = {}
    said: list[str] = []
    for result in results:
        mine, theirs = _models(one, result), _models(other, result)
        if not mine or not theirs:
            where = one if not mine else other
            if mine or theirs:
                said.append(f"{_named(result)}: not measured in {where}.")
            continue
        if any(map(is_manifold, result.evaluations)):
            said.append(f"{_named(result)}: has many values a model; see its figure.")
            continue
        why: dict[str, list[str]] = {}
        sound: list[Evaluation] = []
        for model in [model for model in mine if model in theirs]:
            if reason := _unsound(mine[model], theirs[model]):
                why.setdefault(reason, []).append(model[0])
                continue
            sound += [*mine[model], *theirs[model]]
            between[f"{model[1]}{OF}{one}", f"{model[1]}{OF}{other}"] = None
        said += [f"{_named(result)}: {reason} ({', '.join(dict.fromkeys(of))})." for reason, of in why.items()]
        if sound:
            measured.append((result.name, result.metric, [each.tables for each in sound]))
    said += _alone(one, other, results)
    table = contrasts(measured, list(between)) if measured else pd.DataFrame()
    if len(table):
        table = table.assign(architecture=table["architecture"].str.partition(OF)[0], less=other)
    return SideBySide(one, other, table, said)


def _models(experiment: str, result: Result) -> dict[Model, list[Evaluation]]:
    """The evaluations of an experiment by the language and the architecture of their runs."""
    found: dict[Model, list[Evaluation]] = {}
    for each in result.evaluations:
        architecture, _, of = str(each.curve["architecture"].iloc[0]).partition(OF)
        if of == experiment:
            found.setdefault((str(each.curve["language"].iloc[0]), architecture), []).append(each)
    return found


def _alone(one: str, other: str, results: Sequence[Result]) -> Iterator[str]:
    """The languages that one of the two has alone."""
    sides = [{model[0] for result in results for model in _models(name, result)} for name in (one, other)]
    for name, mine, theirs in ((one, sides[0], sides[1]), (other, sides[1], sides[0])):
        if mine - theirs:
            yield f"In {name} alone: {', '.join(sorted(mine - theirs))}."


def _unsound(mine: Sequence[Evaluation], theirs: Sequence[Evaluation]) -> str:
    """Why models may not be set against each other; empty where they may."""
    if {each.folder.resolve() for each in mine} & {each.folder.resolve() for each in theirs}:
        return SAME_RUNS
    tested = [{name: _tested(side, name) for name in ("corpus", "tokenizer")} for side in (mine, theirs)]
    differing = [name for name in tested[0] if tested[0][name] != tested[1][name]]
    return f"the test sets are of another {' and another '.join(differing)}" if differing else ""


def _tested(evaluations: Sequence[Evaluation], name: str) -> set[str]:
    """The corpora of the items, or the tokenizers that cut them."""
    found = set()
    for each in evaluations:
        request: Mapping[str, object] = read_manifest(each.folder, TABLES)["record"]["request"]
        of_data = request["data"]["request"]  # type: ignore[index]
        items = (request.get("pairs") or request.get("corpus")) if name == "corpus" else None
        found.add(str(items or of_data[name]))
    return found


def _named(result: Result) -> str:
    return result.name.replace("-", " ")
