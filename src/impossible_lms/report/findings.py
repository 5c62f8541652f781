"""Findings: what a report is of; put together by an experiment, from the folders of runs, or of several."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.compare import is_manifold, tables_in
from impossible_lms.evaluation.contrasts import contrasts
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.tables import read_evaluation, read_evaluations
from impossible_lms.models.model_name import OF
from impossible_lms.models.published import PublishedRun, open_run
from impossible_lms.models.run import CHECKPOINTS, RECORD, Run
from impossible_lms.report.results import Result, results_of

TITLE = "Impossible languages: what was learnt"
MEASURED = "evaluation"  # the folder in that of a run, or of a published model
NOT_MEASURED = "not measured: `impossible evaluate METRIC` makes the tables."
NOT_HERE = "not measured here: name the folder that `impossible evaluate METRIC MODEL --output FOLDER` wrote, too."


@dataclass(frozen=True)
class Findings:
    """Everything that a report shows.

    Attributes:
        title: of the page.
        asked: the experiment as it was resolved, nested; None for runs that no experiment file asked for.
        runs: what was trained, or published by others.
        evaluations: what was measured of them.
        failures: what could not be done, and why.
        command: what remakes the report.
        experiments: of several beside each other, the names of those that a run's folder is of.
        humans: of an experiment with several corpora, the name of the one that a run's folder is of.
        parallel: the names of those whose test sentences are translations of each other.
        edges: in tokens, up to which stretches of sentences reach where values are shown by length, if it was said.
    """

    title: str
    runs: Sequence[Run | PublishedRun]
    evaluations: Sequence[Evaluation]
    command: str
    asked: Mapping[str, Any] | None = None
    failures: Sequence[tuple[str, str]] = field(default_factory=tuple)
    experiments: Mapping[Path, Sequence[str]] = field(default_factory=dict)
    humans: Mapping[Path, str] = field(default_factory=dict)
    parallel: Sequence[str] = ()
    edges: Sequence[int] = ()

    @property
    def given(self) -> list[str]:
        """The experiments and the human languages that models are of, in the order that they were given in."""
        experiments = (name for names in self.experiments.values() for name in names)
        return list(dict.fromkeys([*experiments, *self.humans.values()]))

    @cached_property
    def results(self) -> list[Result]:
        """The evaluations of each metric put together, as `results_of` does."""
        return results_of(self.evaluations)

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """Every language less its control on its own test set, of all metrics with one value a model, called as in
        `results`; an empty table if there is none.
        """
        several = [
            (each.name, each.metric, [evaluation.tables for evaluation in each.evaluations])
            for each in self.results
            if not any(map(is_manifold, each.evaluations))
        ]
        return contrasts(several) if several else pd.DataFrame()

    def architectures_of(self, run: Run) -> list[str]:
        """What figures call the kind of a run's model: its architecture, with each experiment's name that has it."""
        return [_named(run.architecture.name, name) for name in self.experiments.get(run.folder, ("",))]


def together(parts: Sequence[tuple[str, Findings]], command: str, title: str) -> Findings:
    """Several findings beside each other: their models are told apart by a name, and compared within it."""
    runs: dict[Path, Run | PublishedRun] = {}  # experiments of one store may share some
    evaluations: list[Evaluation] = []
    asked: dict[str, Any] = {}
    failures: list[tuple[str, str]] = []
    experiments: dict[Path, list[str]] = {}
    humans: dict[Path, str] = {}
    for name, part in parts:
        runs |= {run.folder: run for run in part.runs}
        failures += [(f"{name}: {what}", why) for what, why in part.failures]
        for run in part.runs:
            experiments.setdefault(run.folder, []).extend(
                _within(each, name) for each in part.experiments.get(run.folder, ("",))
            )
        humans |= part.humans
        asked |= {name: part.asked} if part.asked is not None else {}
        for each in part.evaluations:
            named = [_named(architecture, name) for architecture in each.curve["architecture"]]
            evaluations.append(replace(each, curve=each.curve.assign(architecture=named)))
    parallel = tuple(dict.fromkeys(name for _, part in parts for name in part.parallel))
    edges = tuple(sorted({edge for _, part in parts for edge in part.edges}))
    found = list(runs.values())
    return Findings(title, found, evaluations, command, asked or None, failures, experiments, humans, parallel, edges)


def findings_of_runs(sources: Sequence[str], command: str, title: str = TITLE) -> Findings:
    """The findings of run folders, of published models, and of the folders that `evaluate --output` wrote.

    Nothing is evaluated: the tables that are there are read, and damaged or missing ones stand among the failures.
    UserError for a source that is none of these.
    """
    runs: dict[Path, Run | PublishedRun] = {}
    evaluations: dict[Path, Evaluation] = {}
    failures: dict[str, str] = {}
    for source in sources:
        for run, tables in _opened(source):
            place = run.folder.resolve()
            runs.setdefault(place, run)
            found, faults = _read(run, tables)
            evaluations |= {each.folder.resolve(): each for each in found}
            failures |= {str(folder): why for folder, why in faults.items()}
    measured = {folder.parents[1] for folder in evaluations} | {
        Path(folder).resolve().parents[1] for folder in failures
    }
    named = {run.name: place for place, run in runs.items() if place in measured}
    for place, run in list(runs.items()):
        if place in measured:
            continue
        if isinstance(run, PublishedRun) and run.name in named:  # its results stand in another source
            del runs[place]
            home = named[run.name]
            if isinstance(runs[home], PublishedRun):  # there is more to it than what was measured
                runs[home] = replace(run, folder=runs[home].folder)
            continue
        failures[str(run.folder) if isinstance(run, Run) else run.source] = (
            NOT_MEASURED if isinstance(run, Run) else NOT_HERE
        )
    return Findings(title, list(runs.values()), list(evaluations.values()), command, failures=list(failures.items()))


def _within(inner: str, outer: str) -> str:
    """What a corpus of an experiment is called beside other experiments."""
    return f"{inner}{OF}{outer}" if inner else outer


def _named(architecture: str, experiment: str) -> str:
    return f"{architecture}{OF}{experiment}" if experiment else architecture


def _read(run: Run | PublishedRun, tables: Sequence[Path] | None) -> tuple[list[Evaluation], dict[Path, str]]:
    """What was measured of a run, or what of it is in some folders, and what cannot be read."""
    if tables is None:
        return read_evaluations(run)
    found, faults = [], {}
    for folder in tables:
        try:
            found.append(read_evaluation(folder, run))
        except UserError as error:
            faults[folder] = str(error)
    return found, faults


def _opened(source: str) -> Iterator[tuple[Run | PublishedRun, Sequence[Path] | None]]:
    """The runs and published models that a source names, each with the folders of its tables; None for all it has."""
    folder = Path(source)
    if (folder / RECORD).is_file() or (folder / CHECKPOINTS).is_dir():
        yield Run.open(folder), None
        return
    if (folder / MEASURED).is_dir():
        yield PublishedRun(folder.resolve().name, folder), None
        return
    if listed := tables_in(folder):
        tables: dict[Path, list[Path]] = {}
        for each in listed:
            tables.setdefault(each.resolve().parents[1], []).append(each.resolve())
        for home, mine in tables.items():
            yield _measured(home), mine
        return
    inside = sorted(path.parent for path in folder.glob(f"*/{MEASURED}")) if folder.is_dir() else []
    if inside:
        for home in inside:
            yield _measured(home), None
        return
    try:
        yield open_run(source, Path()), None
    except UserError as error:
        raise UserError(f"{error} Or one of `impossible evaluate --output`, with what was measured.") from error


def _measured(home: Path) -> Run | PublishedRun:
    return Run.open(home) if (home / RECORD).is_file() else PublishedRun(home.name, home)
