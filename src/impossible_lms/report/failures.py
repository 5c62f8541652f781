"""What failed or is missing, the same of many things said once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from impossible_lms.models.run import METRICS, Run
from impossible_lms.report.findings import Findings
from impossible_lms.report.provenance import mixtures

OF_IT = "…"  # stands for the name of what failed, in what is said of it


@dataclass(frozen=True)
class Failure:
    """`why` something is not there, and of what: of one thing, or of all that the same is to be said of."""

    why: str
    of: Sequence[str]

    @property
    def count(self) -> int:
        """Of how many things."""
        return len(self.of)


def failures_of(findings: Findings) -> list[tuple[str, str]]:
    """What failed, and why: what the findings say, and what the runs and evaluations themselves say was not done."""
    found = [(str(one.folder), f"{name}: {why}") for one in findings.evaluations for name, why in one.skipped.items()]
    for run in findings.runs:
        if isinstance(run, Run):
            found += ((str(run.folder), why) for why in _left_of(run))
    return [*findings.failures, *found, *mixtures(findings)]


def grouped(failures: Iterable[tuple[str, str]]) -> list[Failure]:
    """The failures, those together of which the same is said but for their names, in the order of the first of each."""
    groups: dict[str, list[str]] = {}
    alone: dict[str, str] = {}
    for what, why in failures:
        same = why.replace(what, OF_IT)
        groups.setdefault(same, []).append(what)
        alone.setdefault(same, why)
    return [Failure(same if len(of) > 1 else alone[same], of) for same, of in groups.items()]


def _left_of(run: Run) -> Iterator[str]:
    """What is not done or not there of a run."""
    if run.finished is None:
        yield "not finished: `impossible train` goes on with it."
    elif not (lines := run.metrics()) or lines[0]["step"] > 1:
        before = f"steps before {lines[0]['step']}" if lines else "its steps"
        yield f"{METRICS} has no losses of {before}, which are not shown. Only training it again gives them."
