"""The task that publishes a finished run, with all that is measured of it by then."""

from dataclasses import dataclass, replace
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.experiment.keys import Publish
from impossible_lms.experiment.store import AGAIN, fault_of, short
from impossible_lms.experiment.tasks import Measure, Say
from impossible_lms.files import read_record, write_record
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress
from impossible_lms.publishing.model import model_publication
from impossible_lms.publishing.naming import with_seed
from impossible_lms.publishing.repository import CACHE, publish, publish_to_hub
from impossible_lms.publishing.upload import Hub


@dataclass(frozen=True)
class PublishRun:
    """Publish one finished model with its checkpoints and results, those that there are."""

    run: str
    folder: Path
    publish: Publish
    record: Path  # is written once it is done
    faults: Path  # the folder of what the tasks that failed said last
    measures: tuple[Measure, ...]
    human: str = ""  # the name of its corpus, of several
    seed: int | None = None  # where the name is to say it
    uses_device: bool = False
    locks: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        return f"publish.{self.run}"

    @property
    def makes(self) -> tuple[Path, ...]:
        return (self.record,)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"train.{self.run}",)

    @property
    def after(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.measures)

    @property
    def _request(self) -> str:
        return short({"run": self.run, "to": self.publish.model_dump(), "with": sorted(self.after)})

    def named(self, name: str) -> str:
        """What it is published as: models of several human languages, and of several seeds, are told apart."""
        named = f"{self.human}-{name}" if self.human else name
        return named if self.seed is None else with_seed(named, self.seed)

    def is_done(self) -> bool:
        """Whether it is published with all that is measured by now."""
        if not self.record.is_file():
            return False
        found = read_record(self.record, {"request": str, "missing": list}, AGAIN)
        return found["request"] == self._request and sorted(found["missing"]) == sorted(self._missing())

    def refused(self) -> str | None:
        return None

    def check(self) -> None:
        """UserError where it cannot be published to the Hub for want of a token or a name that serves."""
        if self.publish.to == "hub":
            Hub(f"{self.publish.namespace}/{self.run}", "model")

    def perform(self, progress: Progress, say: Say) -> None:
        asked, run, missing = self.publish, Run.open(self.folder), self._missing()
        publication = model_publication(run, missing)
        publication = replace(publication, name=self.named(publication.name))
        if asked.to == "hub":
            where = publish_to_hub(publication, asked.namespace, private=asked.private, progress=progress)
        else:
            cache = Path(asked.cache) if asked.cache else None
            to = CACHE if asked.to == CACHE else asked.to
            where = "{} in {}".format(*publish(publication, to, asked.namespace, cache=cache))
        write_record(self.record, {"request": self._request, "where": where, "missing": sorted(missing)})
        say(f"published: {where}")

    def _missing(self) -> dict[str, str]:
        """What was to be measured and is not, by the name of its tables, with the reason as far as it is known."""
        found: dict[str, str] = {}
        for measure in self.measures:
            try:
                if measure.is_done():
                    continue
            except UserError as error:
                why = str(error)
            else:
                why = measure.refused() or fault_of(self.faults, measure.name) or "not measured yet"
            found[str(measure.request.name)] = why
        return found
