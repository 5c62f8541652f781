"""Checks: whether data serve what is to be measured on them, seen once they are built and before any training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.planned import PlannedRun
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.experiment.store import AGAIN
from impossible_lms.files import read_record, write_record
from impossible_lms.models.architectures import Architecture
from impossible_lms.progress import Progress

FIELDS = {"faults": dict}  # of a record


class Checked(NamedTuple):
    """Where the outcome of a check stands: the record of all those of a language, and the key in it."""

    record: Path
    key: str

    def fault(self) -> str | None:
        """Why the data do not serve; None where they do, or where nobody has looked."""
        if not self.record.is_file():
            return None
        found: dict[str, str] = read_record(self.record, FIELDS, AGAIN)["faults"]
        return found.get(self.key)


@dataclass(frozen=True)
class Asked:
    """What is asked of a language's data: a metric with a request (without control), for runs of some architectures.

    `control` is the folder of the control's data, where the metric compares.
    """

    metric: str
    request: Request
    control: Path | None
    architectures: tuple[Architecture, ...]


def key_of(request: Request, architecture: Architecture) -> str:
    """What tells one of these from all others of its language."""
    return f"{request.name} of {architecture.name}"


@dataclass(frozen=True)
class CheckData:
    """See which metrics the data of a language serve; fails where one does not, and its record says which and why."""

    language: str
    data: Path
    context: int
    asked: tuple[Asked, ...]
    record: Path
    needs: tuple[str, ...]
    after: tuple[str, ...] = ()
    run: None = None
    uses_device: bool = False
    locks: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        return f"check.{self.language}"

    @property
    def makes(self) -> tuple[Path, ...]:
        return (self.record,)

    def is_done(self) -> bool:
        """Whether all serve; what does not is looked at again, for it may have been mended."""
        return self.record.is_file() and not read_record(self.record, FIELDS, AGAIN)["faults"]

    def refused(self) -> str | None:
        return None

    def perform(self, progress: Progress, say: object) -> None:
        faults: dict[str, str] = {}
        progress.start(f"{self.language}: checked for metrics", len(self.asked))
        try:
            for count, asked in enumerate(self.asked, 1):
                faults |= self._faults(asked)
                progress.at(count)
        finally:
            progress.end()
        write_record(self.record, {"faults": faults})
        if faults:
            raise UserError(" ".join(_said(self.asked, faults)))

    def _faults(self, asked: Asked) -> dict[str, str]:
        """Why the data do not serve a metric, by the keys of its runs; those with positions take the least in."""
        faults: dict[str, str] = {}
        metric = get_metric(asked.metric)
        for architecture in sorted(asked.architectures, key=lambda each: not each.has_positions):
            run = PlannedRun(self.data, self.record.parent, architecture, self.context)
            try:
                control = None if asked.control is None else TokenDataset.open(asked.control)
                metric.refuse(Subject(run, asked.request), control)
            except UserError as error:
                faults[key_of(asked.request, architecture)] = str(error)
            else:
                break
        return faults


def _said(asked: Sequence[Asked], faults: dict[str, str]) -> list[str]:
    """One sentence for each metric that is not served."""
    said = [
        f"{each.request.name} cannot be measured: {faults[key]}"
        for each in asked
        for architecture in each.architectures
        if (key := key_of(each.request, architecture)) in faults
    ]
    return list(dict.fromkeys(said))
