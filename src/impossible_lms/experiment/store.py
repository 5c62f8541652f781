"""The store: where everything that experiments make lies, under names with a hash of what went into it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impossible_lms import __version__
from impossible_lms.corpora.options import TEST, options_text, path_of
from impossible_lms.data.dataset import DATASET
from impossible_lms.evaluation.driver import TABLES, has_figure
from impossible_lms.files import MANIFEST, digest_of, read_manifest, read_record, sha256_of, write_record
from impossible_lms.models.run import FINISHED

TOKENIZER = "tokenizer"  # a kind of artefact
AGAIN = "Remove it: the same command writes it anew."  # what mends a damaged record of an experiment
FAULTS = "faults"  # of an experiment: the folder of what the tasks that failed said
DIGITS = 12  # of a hash, in names


def short(value: Any) -> str:
    """A hash of what went into something, short enough for a name."""
    return digest_of(value)[:DIGITS]


@dataclass(frozen=True)
class Store:
    """A folder of tokenizers, datasets, runs and experiments.

    What went into an artefact is hashed into its path, so that two experiments that ask for the same share it, and one
    that asks for something else never finds it in its way.
    """

    folder: Path

    def tokenizer(self, key: str) -> Path:
        """The folder of a tokenizer."""
        return self.folder / "tokenizers" / key

    def data(self, key: str) -> Path:
        """The folder of the datasets of one corpus, tokenizer, context and order, one in it a language."""
        return self.folder / "data" / key

    def check(self, key: str) -> Path:
        """The record of a check of data."""
        return self.folder / "checks" / f"{key}.json"

    def run(self, name: str) -> Path:
        """The folder of a run."""
        return self.folder / "runs" / name

    def experiment(self, name: str) -> Path:
        """The folder of an experiment: its record, what its tasks say, and its report."""
        return self.folder / "experiments" / name


def is_tokenizer(folder: Path) -> bool:
    """Whether a tokenizer is there."""
    return _is_whole(folder, TOKENIZER)


def is_dataset(folder: Path) -> bool:
    """Whether a token dataset is there."""
    return _is_whole(folder, DATASET)


def is_trained(folder: Path) -> bool:
    """Whether a finished run is there."""
    return (folder / FINISHED).is_file()


def has_tables(tables: Path) -> bool:
    """Whether the tables of an evaluation by this version are there."""
    return _is_whole(tables, TABLES) and _request(tables).get("version") == __version__


def is_measured(tables: Path) -> bool:
    """Whether these tables are there, and no checkpoint was skipped."""
    return has_tables(tables) and not _request(tables).get("skipped")


def is_evaluated(tables: Path) -> bool:
    """Whether they have their figure, too."""
    return is_measured(tables) and has_figure(tables)


def _request(tables: Path) -> dict[str, Any]:
    return dict(read_manifest(tables, TABLES)["record"].get("request", {}))


def _is_whole(folder: Path, kind: str) -> bool:
    """Whether a folder holds a finished artefact of the kind; UserError where it is damaged or of another."""
    if not (folder / MANIFEST).is_file():
        return False
    read_manifest(folder, kind)
    return True


def content_of(spec: str) -> Any:
    """What is behind a path, for hashing: the hash of each file, and options; of a spec that is no path, the spec."""
    path = path_of(spec)
    content: Any = spec
    if path.is_file():
        content = sha256_of(path)
    elif path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        content = {file.relative_to(path).as_posix(): sha256_of(file) for file in files}
    options = options_text(spec)
    tested = TEST.search(f":{options}")
    if tested and content != spec:
        return [content, options.replace(tested[0], ""), content_of(tested[2])]
    return [content, options] if options and content != spec else content


def fault_of(folder: Path, task: str) -> str | None:
    """The message with which a task last failed, as kept in `folder`; None where it did not."""
    path = folder / f"{task}.json"
    return str(read_record(path, {"fault": str}, AGAIN)["fault"]) if path.is_file() else None


def keep_fault(folder: Path, task: str, fault: str | None) -> None:
    """Keep the message of a task that failed, or (None) remove it."""
    path = folder / f"{task}.json"
    if fault is not None:
        write_record(path, {"fault": fault})
    else:
        path.unlink(missing_ok=True)
