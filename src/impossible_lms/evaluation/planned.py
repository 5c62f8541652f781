"""A run that is planned: what metrics ask of a run before there is one, to see whether its data serve them."""

from dataclasses import dataclass
from pathlib import Path

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.architectures import Architecture
from impossible_lms.models.checkpoints import Checkpoint


@dataclass(frozen=True)
class PlannedRun:
    """What a run will be: the dataset in the folder `data`, its architecture and the longest sequence it is trained on.

    `folder` is for what a metric keeps on the way.
    """

    data: Path
    folder: Path
    architecture: Architecture
    context: int
    seed: int = 0  # whichever it will be: what is drawn depends on it, not whether there is anything
    data_request: None = None

    @property
    def language(self) -> str:
        """The name of the language."""
        return self.dataset().language

    @property
    def name(self) -> str:
        """The name that its model will have."""
        return f"{self.language}-{self.architecture.name}"

    def dataset(self, folder: str | Path | None = None) -> TokenDataset:
        """The dataset it will be trained on, or the one in `folder`."""
        return TokenDataset.open(folder or self.data)

    def checkpoints(self) -> list[Checkpoint]:
        """None yet."""
        return []
