"""Hugging Face datasets: the rows of one string column, one sentence a row, through the library `datasets`."""

import contextlib
import hashlib
import importlib.util
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from impossible_lms.corpora.lines import ROW, Lines
from impossible_lms.corpora.options import Options, read_options
from impossible_lms.errors import UserError
from impossible_lms.files import to_json
from impossible_lms.network import cache_if_offline

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

HUB = "hub"
SHAPE = f"{HUB}:NAME[:config][:split][:column]"
ROWS = 1000  # in a block; each may be a whole text
TEXT = "text"
STRINGS = ("string", "large_string", "string_view")
# What the library calls a split, and what we do. A split called anything else is a corpus that is not divided.
OURS = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}
WHOLE = "all"
LONGEST_REASON = 300  # characters of the library's own message that are passed on


@dataclass(frozen=True)
class HubRows:
    """One split of a Hugging Face dataset. Its Arrow cache is memory-mapped, so nothing is held.

    Attributes:
        dataset: the dataset's name, or that of the local folder.
        config: its configuration.
        part: the split, as the dataset calls it.
        column: the column that holds the sentences.
        rows: the split, opened.
    """

    dataset: str
    config: str
    part: str
    column: str
    rows: "Dataset" = field(repr=False, compare=False)
    unit: str = ROW
    has_rows: bool = True

    @property
    def split(self) -> str:
        return OURS.get(self.part, WHOLE)

    @property
    def genre(self) -> str:
        return self.dataset.rpartition("/")[2]

    @property
    def where(self) -> str:
        return f"{HUB}:{self.dataset} split {self.part} (rows from 0)"

    def digest(self) -> str:
        """sha256 over the name, configuration, split and column, and every row.

        Not over the library's fingerprint: for files on disk it follows their paths and times, not their content.
        """
        origin = [self.dataset, self.config, self.part, self.column]
        content = hashlib.sha256(to_json(origin).encode())
        for lines in self.lines(0):
            content.update(b"".join(b"%b\n" % (value or b"") for value in lines.values.to_pylist()))
        return content.hexdigest()

    def lines(self, longest: int) -> Iterator[Lines]:
        first = 0
        for table in self.rows.with_format("arrow", columns=[self.column]).iter(batch_size=ROWS):
            # Wide offsets: a row may be a whole book.
            values = table.column(self.column).cast(pa.large_binary()).combine_chunks()
            yield Lines(values, np.arange(first, first + len(values)))
            first += len(values)


def hub_rows(spec: str) -> tuple[str, tuple[HubRows, ...], Options]:
    """The full name of the dataset that `spec` (SHAPE) names, the splits of it to read, opened, and its options.

    What the spec leaves out is chosen: the only or default configuration; train, validation and test, or a split of
    another name if it is the only one; the column `text`, or the only column of strings. The dataset is downloaded,
    or read from its cache.

    Raises:
        UserError: `datasets` is not installed, there is no such dataset, configuration, split or column, it takes a
            choice, or the dataset cannot be loaded.
    """
    name, config, part, column, options = _parts(spec)
    folder = Path(name)
    # An absolute path is never taken for a file format (`json`) or for a name on the Hub.
    data = _load(spec, str(folder.resolve()) if folder.is_dir() else name, config)
    parts = _splits(spec, list(data), part)
    column = _column(spec, data[parts[0]].features, column)
    config = str(data[parts[0]].info.config_name)
    dataset = folder.resolve().name if folder.is_dir() else name
    if empty := [split for split in parts if not len(data[split])]:
        raise _refusal(spec, f"its split '{empty[0]}' has no rows. Name another")
    sources = tuple(HubRows(dataset, config, split, column, data[split]) for split in parts)
    written = f":{options.written()}" if options.written() else ""
    return f"{HUB}:{dataset}:{config}:{part}:{column}{written}", sources, options


def _parts(spec: str) -> tuple[str, str, str, str, Options]:
    """Name, config, split, column and options; those that the spec leaves out are empty."""
    _, *parts = spec.split(":")
    options = read_options(spec, parts.pop()) if len(parts) > 1 and "=" in parts[-1] else Options()
    if not 1 <= len(parts) <= 4 or not parts[0]:
        raise _refusal(spec, f"not of the form {SHAPE}")
    name, config, split, column = parts + [""] * (4 - len(parts))
    if options.size or (options.column and column):
        raise _refusal(spec, f"not of the form {SHAPE}, with sentences= and bad-lines= behind it")
    return name, config, split, column or options.column or "", replace(options, column=None)


def _load(spec: str, path: str, config: str) -> "DatasetDict":
    try:
        import datasets
        from datasets.exceptions import DatasetNotFoundError
    except ModuleNotFoundError as error:
        what = f"needs the library `datasets` ({error}). Install it: pip install impossible-lms[hub]"
        raise _refusal(spec, what) from error
    # The library would take these for "whatever files of this format are in the working directory".
    if path.isidentifier() and importlib.util.find_spec(f"datasets.packaged_modules.{path}"):
        raise _refusal(spec, f"'{path}' is a file format. Name a dataset on the Hub or a folder of files (./{path})")
    try:
        offline = contextlib.nullcontext() if Path(path).exists() else cache_if_offline()
        with _bars_on_a_terminal_only(), offline:
            return datasets.load_dataset(path, config or None)
    except DatasetNotFoundError as error:
        advice = "Check the name; for a private or gated one, ask for access on its page and run `hf auth login`"
        raise _refusal(
            spec, f"no folder, and no dataset to be had from the Hub ({_reason(error)}). {advice}"
        ) from error
    except ConnectionError as error:
        advice = "Check the network and HF_HUB_OFFLINE, or name a local folder"
        raise _refusal(spec, f"no folder, and the Hub cannot be reached ({_reason(error)}). {advice}") from error
    except Exception as error:  # of yaml, httpx, pyarrow, fsspec: whatever the dataset's files can be wrong in
        fault = _fault_of_config(path, config) or f"cannot be loaded ({_reason(error)})"
        raise _refusal(spec, fault) from error


def _fault_of_config(path: str, config: str) -> str | None:
    """Whether a dataset with several configurations could not be loaded because none or another was named."""
    import datasets

    try:
        names = datasets.get_dataset_config_names(path)
        default = datasets.get_dataset_default_config_name(path)
    except Exception:  # the fault is another one, which loading has named
        return None
    if len(names) < 2 or (config or default) in names:
        return None
    fault = f"no config '{config}'" if config else "several configs"
    return f"{fault}. Name one: {', '.join(names)}"


def _splits(spec: str, available: list[str], asked: str) -> list[str]:
    """The splits to read, as the dataset calls them."""
    if asked:
        if asked not in available:
            raise _refusal(spec, f"no split '{asked}'. Name one: {', '.join(available)}")
        return [asked]
    known = [split for split in OURS if split in available]
    if not known and len(available) > 1:
        raise _refusal(spec, f"several splits, and none is train, validation or test. Name one: {', '.join(available)}")
    return known or available


def _column(spec: str, features: "Features", asked: str) -> str:
    """The column of sentences."""
    strings: list[str] = [name for name, feature in features.items() if getattr(feature, "dtype", None) in STRINGS]
    if asked:
        if asked not in strings:
            fault = "is not of strings" if asked in features else "is not there"
            raise _refusal(spec, f"the column '{asked}' {fault}. Name one: {_listed(strings, features)}")
        return asked
    if TEXT in strings:
        return TEXT
    if len(strings) != 1:
        raise _refusal(spec, f"no column '{TEXT}' of strings. Name one: {_listed(strings, features)}")
    return strings[0]


def _listed(strings: Sequence[str], features: "Features") -> str:
    return ", ".join(strings) or f"there is none of strings among {', '.join(features)}"


def _refusal(spec: str, what: str) -> UserError:
    return UserError(f"--corpus {spec}: {what}.")


def _reason(error: BaseException) -> str:
    """The first cause of the error, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return textwrap.shorten(f"{type(error).__name__}: {error}", LONGEST_REASON).rstrip(".")


@contextlib.contextmanager
def _bars_on_a_terminal_only() -> Iterator[None]:
    """The library's progress bars are for a terminal; in a log they are noise."""
    import datasets

    decided = datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS is not None or datasets.are_progress_bars_disabled()
    if sys.stderr.isatty() or decided:
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()
