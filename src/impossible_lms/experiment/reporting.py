"""The report of an experiment: what was asked, what is there of it, and what is not."""

from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.evaluation.compare import write_contrasts
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.tables import read_evaluation
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.run import failures_of
from impossible_lms.experiment.store import has_tables
from impossible_lms.experiment.tasks import Measure, Train
from impossible_lms.models.run import Run
from impossible_lms.report.findings import Findings
from impossible_lms.report.page import contrasts_of, write_report

REPORT = "report.html"


def findings_of_experiment(plan: Plan, command: str, title: str | None = None) -> Findings:
    """What the experiment has made so far; its failures, and what is not done yet, stand among the failures.

    UserError where none of its runs is finished.
    """
    runs: list[Run] = []
    evaluations: list[Evaluation] = []
    failures = failures_of(plan)
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
    if not runs:
        raise UserError(
            f"{plan.folder}: no run of this experiment is finished. "
            "`impossible run` makes them; one that was run with --set is reported with the same --set."
        )
    # Not where things went: folders mean nothing to who reads the page.
    asked = plan.experiment.model_dump(exclude_defaults=True, exclude={"store", "publish"})
    return Findings(title or plan.experiment.name, runs, evaluations, command, asked, tuple(failures.items()))


def has_results(plan: Plan) -> bool:
    """Whether there is anything to report."""
    return any(isinstance(task, Train) and task.is_done() for task in plan.tasks.values())


def report_experiment(plan: Plan, command: str, output: Path | None = None) -> Path:
    """Write the report to `output`, or into the experiment's folder, and every language less its control beside it."""
    findings = findings_of_experiment(plan, command)
    contrasts = contrasts_of(findings.evaluations)
    if len(contrasts):
        write_contrasts(contrasts, plan.folder)
    return write_report(findings, output or plan.folder / REPORT)[0]
