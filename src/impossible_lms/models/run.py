"""Run: a folder with one training run; its record, its metrics and its checkpoints."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, read_record, write_record
from impossible_lms.models.architectures import Architecture, architecture_named
from impossible_lms.models.checkpoints import Checkpoint, list_checkpoints
from impossible_lms.models.metric_lines import MEND, lines_of
from impossible_lms.shown import Shown

RECORD = "run.json"
FINISHED = "finished.json"
METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints"  # a folder
STATES = "state"  # a folder of training states, of no use once the run is finished
AGAIN = "Remove the folder and train again."  # what mends a damaged run
FIELDS = {  # of its record
    "data": str,
    "request": {
        "model": str,
        "seed": int,
        "recipe": dict,
        "dataset": {"request": {"corpus": str, "language": str, "tokenizer": str, "context": int}, "shards": dict},
    },
}
TOTALS = {"steps": int, "seconds": float, "hours": float, "loss": float, "hardware": dict, "versions": dict}
LOCK = ".lock"  # held by the process that trains


@dataclass(frozen=True, repr=False)
class Run(Shown):
    """A run folder and the record it was started with.

    `record["request"]` is what decides the result (dataset, architecture, size, recipe, seed); `record["data"]` the
    dataset's folder, relative to the run's; beside them the versions and the hardware.
    """

    folder: Path
    record: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """The run in `folder`; UserError where there is none."""
        folder = Path(folder)
        path = folder / RECORD
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder. A run made by `impossible train` is expected here.")
        if not path.is_file():
            raise UserError(f"{folder}: not a run (no {RECORD}). A folder made by `impossible train` is expected.")
        return cls(folder, read_record(path, FIELDS, AGAIN))

    @classmethod
    def begin(cls, folder: Path, data: Path, request: dict[str, Any], facts: dict[str, Any]) -> "Run":
        """Write the record of a new run."""
        record = {"request": request, "data": os.path.relpath(data.resolve(), folder.resolve()), **facts}
        write_record(folder / RECORD, record)
        return cls(folder, record)

    @property
    def language(self) -> str:
        """The name of the language it was trained on."""
        return str(self.data_request["language"])

    @property
    def architecture(self) -> Architecture:
        """What was trained."""
        request = self.record["request"]
        return architecture_named(request["model"], request.get("configuration"))

    @property
    def seed(self) -> int:
        """The seed of weights, data order and dropout."""
        return int(self.record["request"]["seed"])

    @property
    def context(self) -> int:
        """The most tokens it was trained on at a time."""
        return int(self.data_request["context"])

    @property
    def data_request(self) -> dict[str, Any]:
        """What its dataset was asked for by."""
        return dict(self.record["request"]["dataset"]["request"])

    @property
    def identity(self) -> str:
        """What tells its files from those of any other run: the hash of all that decides its result."""
        return digest_of(self.record["request"])

    @property
    def name(self) -> str:
        """The published name of such a model: `<language>-<architecture>`."""
        return f"{self.language}-{self.architecture.name}"

    def title(self) -> str:
        return self.name

    def facts(self) -> dict[str, object]:
        recipe, finished = self.record["request"]["recipe"], self.finished
        done = f"{recipe['steps']:,}, loss {finished['loss']:.3f}" if finished else f"of {recipe['steps']:,} some"
        kept = list_checkpoints(self.folder / CHECKPOINTS, self.identity)
        found: dict[str, object] = {"seed": self.seed, "steps": done, "checkpoints": len(kept)}
        measured = sorted(each.name for each in (self.folder / "evaluation").glob("[!.]*/") if each.name != "parts")
        return found | ({"measured": ", ".join(measured)} if measured else {}) | {"folder": self.folder}

    def checkpoints(self) -> list[Checkpoint]:
        """The finished checkpoints in order; UserError where there is none yet."""
        found = list_checkpoints(self.folder / CHECKPOINTS, self.identity)
        if not found:
            raise UserError(f"{self.folder}: no checkpoint yet. Train further with `impossible train`.")
        return found

    def dataset(self, folder: str | Path | None = None) -> TokenDataset:
        """The dataset it was trained on, or another one of the same tokenizer at `folder`.

        UserError where it is neither.
        """
        dataset = TokenDataset.open(folder or self.folder / self.record["data"])
        if dataset.record["request"]["tokenizer"] != self.data_request["tokenizer"]:
            raise UserError(f"{dataset.folder}: built with another vocabulary than the model of {self.folder}.")
        if folder is None and dataset.identity != self.record["request"]["dataset"]:
            raise UserError(f"{dataset.folder}: not the data that {self.folder / RECORD} says it was trained on.")
        return dataset

    @property
    def finished(self) -> dict[str, Any] | None:
        """What was recorded at its end (`steps`, `seconds`, `loss`, energy ...); None while it is not finished."""
        path = self.folder / FINISHED
        if not path.is_file():
            return None
        anew = f"writes it anew from {self.folder}" if (self.folder / STATES).is_dir() else "trains the model again"
        found = read_record(path, TOTALS, f"Remove it: the same `impossible train` {anew}.")
        if found.get("run") != self.identity:
            raise UserError(f"{path}: of another run than {self.folder / RECORD}. {AGAIN}")
        return found

    def metrics(self) -> list[dict[str, Any]]:
        """One entry a step, as in `metrics.jsonl`; UserError where it is damaged."""
        path, finished = self.folder / METRICS, self.finished
        found = [values for *_, values in lines_of(path, self.identity)] if path.is_file() else []
        if path.is_file() and finished is not None and (not found or found[-1]["step"] != finished["steps"]):
            raise UserError(f"{path}: does not reach step {finished['steps']}, where the run ended. {MEND}")
        return found
