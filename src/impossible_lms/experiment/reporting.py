"""The report of an experiment: what was asked, what is there of it, and what is not."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError, UserErrors
from impossible_lms.evaluation.compare import CONTRASTS, write_contrasts
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.tables import read_evaluation
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.run import failures_of
from impossible_lms.experiment.store import has_tables
from impossible_lms.experiment.tasks import Measure, Train
from impossible_lms.experiment.work import RECORD, read_plan
from impossible_lms.models.run import Run
from impossible_lms.report.findings import Findings, findings_of_runs, together
from impossible_lms.report.page import write_report

REPORT = "report.html"
OTHERS = "other runs"  # what is no experiment, beside some


def findings_of_experiment(plan: Plan, command: str, title: str | None = None) -> Findings:
    """What the experiment has made so far; its failures, and what is not done yet, stand among the failures.

    Models on several corpora are told apart by the names of these, as those of several experiments are. UserError where
    none of its runs is finished.
    """
    # Not where things went: folders mean nothing to who reads the page.
    asked = plan.experiment.model_dump(exclude_defaults=True, exclude={"store", "publish"})
    title = title or plan.experiment.name
    if not plan.experiment.corpora:
        return _findings_of_part(plan, failures_of(plan), command, title, asked)
    failures, named, humans = failures_of(plan), list[tuple[str, Findings]](), dict[Path, str]()
    for part in plan.parts:
        mine = {name: why for name, why in failures.items() if name in part.tasks}
        found = _findings_of_part(part, mine, command, title, asked, may_be_empty=True)
        named.append((part.human, found))
        humans |= {run.folder: part.human for run in found.runs}
    found = together(named, command, title)
    if not found.runs:
        raise _nothing_done(plan)
    said = dict.fromkeys(failure for _, part in named for failure in part.failures)  # tasks have the corpora's names
    return replace(
        found, asked=asked, failures=list(said), humans=humans, parallel=tuple(plan.experiment.parallel_corpora)
    )


def _findings_of_part(
    plan: Plan,
    failures: dict[str, str],
    command: str,
    title: str,
    asked: dict[str, Any],
    may_be_empty: bool = False,
) -> Findings:
    """What it has made on one corpus."""
    runs: list[Run] = []
    evaluations: list[Evaluation] = []
    for name, task in plan.tasks.items():
        try:
            if not task.is_done():
                failures.setdefault(name, "not done yet: `impossible run` does it.")
            elif isinstance(task, Train):
                runs.append(Run.open(task.folder))
            if isinstance(task, Measure) and has_tables(task.tables):
                evaluations.append(read_evaluation(task.tables, Run.open(task.folder)))
        except UserError as error:
            failures[name] = str(error)
    if not runs and not may_be_empty:
        raise _nothing_done(plan)
    edges = tuple(plan.experiment.length_edges)
    return Findings(title, runs, evaluations, command, asked, tuple(failures.items()), edges=edges)


def _nothing_done(plan: Plan) -> UserError:
    return UserError(
        f"{plan.folder}: no run of this experiment is finished. "
        "`impossible run` makes them; one that was run with --set is reported with the same --set."
    )


def has_results(plan: Plan) -> bool:
    """Whether there is anything to report."""
    return any(isinstance(task, Train) and task.is_done() for task in plan.tasks.values())


def report_experiment(plan: Plan, command: str, output: Path | None = None) -> Path:
    """Write the report to `output`, or into the experiment's folder, and every language less its control beside it."""
    findings = findings_of_experiment(plan, command)
    page = write_report(findings, output or plan.folder / REPORT)[0]
    is_new = "contrasts" in vars(findings)  # a page that was there needs none
    if (is_new or not (plan.folder / f"{CONTRASTS}.csv").is_file()) and len(findings.contrasts):
        write_contrasts(findings.contrasts, plan.folder)
    return page


def findings_of_sources(
    sources: Sequence[str], command: str, title: str | None = None, changes: Sequence[str] = ()
) -> Findings:
    """The findings of experiments (their files or folders), runs, published models and folders of `evaluate --output`.

    Several experiments stand beside each other, and all that is no experiment beside them. `changes` are of the
    experiment files. UserError for a source that is none of these, and for changes without a file.
    """
    files = [each for each in sources if each.endswith(".toml")]
    if changes and not files:
        raise UserError(f"--set {changes[0]}: changes an experiment file, and none is given.")
    parts: list[tuple[str, Findings]] = []
    faults: list[tuple[str, str]] = []
    for each in sources:
        if each in files or (Path(each) / RECORD).is_file():
            plan = Plan.of(load_experiment(each, changes)) if each in files else read_plan(Path(each))
            try:
                parts.append((plan.experiment.name, findings_of_experiment(plan, command)))
            except UserError as error:  # nothing of it is finished; others may be
                if len(sources) == 1:
                    raise
                faults.append((plan.experiment.name, str(error)))
    rest = [each for each in sources if each not in files and not (Path(each) / RECORD).is_file()]
    if rest:
        parts.append((OTHERS, findings_of_runs(rest, command)))
    if not parts:
        raise UserErrors([why for _, why in faults])
    if len(parts) == 1:
        found = parts[0][1]
        return replace(found, title=title or found.title, failures=[*found.failures, *faults])
    names = [name for name, _ in parts]
    told = [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, 1)]
    named = [(name, part) for name, (_, part) in zip(told, parts, strict=True)]
    found = together(named, command, title or f"{', '.join(told[:-1])} and {told[-1]}")
    return replace(found, failures=[*found.failures, *faults])
