"""Run: a folder with one training run; its record, its metrics and its checkpoints."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.documents import parsed_json, read_json
from impossible_lms.errors import UserError
from impossible_lms.files import to_json, write_text
from impossible_lms.models.architectures import Architecture, architecture_named
from impossible_lms.models.checkpoints import Checkpoint, list_checkpoints

RECORD = "run.json"
FINISHED = "finished.json"
METRICS = "metrics.jsonl"
LOCK = ".lock"  # held by the process that trains


@dataclass(frozen=True)
class Run:
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
        try:
            record = read_json(path)
            record["request"], record["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: damaged ({type(error).__name__}).") from error
        return cls(folder, record)

    @classmethod
    def begin(cls, folder: Path, data: Path, request: dict[str, Any], facts: dict[str, Any]) -> "Run":
        """Write the record of a new run."""
        record = {"request": request, "data": os.path.relpath(data.resolve(), folder.resolve()), **facts}
        write_text(folder / RECORD, to_json(record))
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
    def name(self) -> str:
        """The published name of such a model: `<language>-<architecture>`."""
        return f"{self.language}-{self.architecture.name}"

    def checkpoints(self) -> list[Checkpoint]:
        """The finished checkpoints in order; UserError where there is none yet."""
        found = list_checkpoints(self.folder / "checkpoints")
        if not found:
            raise UserError(f"{self.folder}: no checkpoint yet. Train further with `impossible train`.")
        return found

    def dataset(self, folder: str | Path | None = None) -> TokenDataset:
        """The dataset it was trained on, or another one of the same tokenizer at `folder`."""
        dataset = TokenDataset.open(folder or self.folder / self.record["data"])
        if dataset.record["request"]["tokenizer"] != self.data_request["tokenizer"]:
            raise UserError(f"{dataset.folder}: built with another vocabulary than the model of {self.folder}.")
        return dataset

    @property
    def finished(self) -> dict[str, Any] | None:
        """What was recorded at its end (`steps`, `seconds`, `loss`, energy ...); None while it is not finished."""
        path = self.folder / FINISHED
        return dict(read_json(path)) if path.is_file() else None

    def metrics(self) -> list[dict[str, Any]]:
        """One entry a step, as in `metrics.jsonl`."""
        path = self.folder / METRICS
        if not path.is_file():
            return []
        return [parsed_json(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
