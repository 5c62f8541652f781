"""The kinds of things that commands write: how each is told from its files, and what it is in a few words."""

from pathlib import Path

from impossible_lms.corpora.annotated import KIND as ANNOTATED
from impossible_lms.data.dataset import DATASET
from impossible_lms.errors import UserError
from impossible_lms.experiment.store import TOKENIZER
from impossible_lms.experiment.work import RECORD as EXPERIMENT_RECORD
from impossible_lms.files import MANIFEST, read_record
from impossible_lms.models.run import RECORD as RUN_RECORD
from impossible_lms.report.made import FIGURES
from impossible_lms.unfinished import PART, is_of_the_dead

RUN, CHECK, EXPERIMENT, LEFT = "run", "check", "experiment", "left by killed processes"
PUBLISHED, REPORT = "published models", "report"
MEANS = {
    RUN: "a trained model: its checkpoints and what was measured of them",
    DATASET: "a corpus in one language, as token ids",
    TOKENIZER: "",
    CHECK: "which metrics a dataset can be measured with",
    EXPERIMENT: "its plan, logs and report",
    REPORT: "a page and its figures",
    PUBLISHED: "a Hugging Face cache: what is not of a run here by a hard link",
    ANNOTATED: "",
    LEFT: "",
}


def kind_of(path: Path) -> str | None:
    """What a path is, as its record says; None for a folder or file that is nothing by itself."""
    if path.name.startswith(".") and PART in path.name:
        return LEFT if is_of_the_dead(path) else None
    if path.is_file():
        if path.suffix == ".html" and (figures_of(path) / MANIFEST).is_file():
            return REPORT
        return CHECK if path.parent.name == "checks" and path.suffix == ".json" else None
    if (path / RUN_RECORD).is_file():
        return RUN
    if (path / EXPERIMENT_RECORD).is_file() and path.parent.name == "experiments":
        return EXPERIMENT
    if (path / MANIFEST).is_file():
        try:
            return str(read_record(path / MANIFEST, {"kind": str}, "")["kind"])
        except UserError:
            return None  # damaged: what it was is not known
    return PUBLISHED if is_cache(path) else None


def is_cache(folder: Path) -> bool:
    """Whether a folder is a Hugging Face cache with a model or dataset in it."""
    return any(folder.glob("models--*/refs")) or any(folder.glob("datasets--*/refs"))


def figures_of(page: Path) -> Path:
    """The folder of a report's figures, beside its page."""
    return page.with_name(f"{page.stem}-figures")


def is_part_of_report(folder: Path, kind: str | None) -> bool:
    """Whether a folder holds the figures of a page beside it."""
    return kind == FIGURES and folder.with_name(f"{folder.name.removesuffix('-figures')}.html").is_file()
