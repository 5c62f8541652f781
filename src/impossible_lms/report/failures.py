"""What failed or is missing, the same of many things said once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from impossible_lms.models.run import Run
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
        if isinstance(run, Run) and run.finished is None:
            found.append((str(run.folder), "not finished: `impossible train` goes on with it."))
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
