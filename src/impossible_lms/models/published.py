"""Published models, anybody's, on the Hub or in folders: read as data, without running code that comes with them.

Kallini et al. (2024) published `mission-impossible-lms/<language>-gpt2[-no-pos]` with branches `checkpoint-100` to
`checkpoint-3000`. Those without positions have no `wpe` in the weights, and a class of their own in a Python file that
current transformers no longer imports: they are read tensor by tensor (`weights.py`). Any other causal language model
is loaded by transformers itself (`foreign.py`). Nothing but configuration, weights and tokenizer is fetched.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.documents import shown
from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST, read_record, sha256_of
from impossible_lms.models.architectures import Architecture, get_architecture
from impossible_lms.models.cached import cached_folder, cached_models, cached_revisions, id_of_cached, own_cache
from impossible_lms.models.checkpoints import architecture_of, config_of
from impossible_lms.models.foreign import SINGLE, WEIGHTS, load_foreign, room_of, weight_files
from impossible_lms.models.from_hub import CARD, branches, card_of, fetched
from impossible_lms.models.model_name import Said, said_by, said_by_card
from impossible_lms.models.run import RECORD, Run
from impossible_lms.models.series import MAIN, Series, named, series_in, split_source, step_of
from impossible_lms.models.weights import build_model
from impossible_lms.tokenizer import Tokenizer, load_marked_tokenizer

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class PublishedCheckpoint:
    """One revision of a published model; `folder` holds its files, fetched when it is asked for."""

    source: str
    revision: str

    @property
    def step(self) -> int:
        """The number in its name, which counts steps, or whatever its authors count by; 0 where there is none."""
        return step_of(self.revision)

    @cached_property
    def folder(self) -> Path:
        """The folder with its configuration, weights and tokenizer; UserError where they cannot be had."""
        local = Path(self.source)
        if not local.is_dir():
            return fetched(self.source, self.revision)
        if id_of_cached(local):
            return cached_folder(local, self.revision)
        if (local / self.revision / "config.json").is_file() or not (local / "config.json").is_file():
            return local / self.revision
        if self.revision not in (MAIN, local.resolve().name):
            raise UserError(f"{local}: one model, with no revision {self.revision}.")
        return local

    @property
    def weights(self) -> list[Path]:
        """The files with its weights; UserError where there are none."""
        return weight_files(self.folder, f"{self.source}@{self.revision}")

    @property
    def architecture(self) -> Architecture:
        """What its configuration says it is."""
        return architecture_of(self.folder)

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, with the markers it has; UserError where there is none."""
        return load_marked_tokenizer(self.folder)

    def digests(self) -> dict[str, str]:
        """The sha256 of its weights and of its configuration."""
        files = (*self.weights, self.folder / "config.json")
        return {file.name: sha256_of(file) for file in files}

    def load(self) -> Any:
        """The model, in evaluation mode and float32; UserError where the weights are not those of its configuration."""
        weights, architecture = self.weights, self.architecture
        if architecture.is_of_transformers or weights[0].name not in SINGLE:
            return load_foreign(self.folder)
        return build_model(self.folder / "config.json", weights[0], architecture)


@dataclass(frozen=True)
class PublishedRun:
    """A published model with its checkpoints, where a run is asked for. What is measured goes to `folder`.

    `wanted` is the one revision, or the pattern of revisions (`step{}`), that is asked for of several.
    """

    source: str
    folder: Path
    wanted: str | None = None

    @property
    def name(self) -> str:
        """Its name, of ours `<language>-<architecture>`, or that and `-seedN`; with an `@` and what is wanted of it."""
        return _name_of(self.source, self.wanted)

    @cached_property
    def said(self) -> Said:
        """What is said of it: where it was measured, else in its card if this package wrote it, else by its name."""
        for path in sorted(self.folder.glob(f"evaluation/[!.]*/{MANIFEST}")):
            record = read_record(path, {"record": dict}, "Remove its folder and measure again.")["record"]
            if "said" in record:
                return Said(**record["said"])
        card = self._card()
        return (said_by_card(card, self.name) if card is not None else None) or said_by(self.name)

    @property
    def language(self) -> str:
        """The name of the language; its own name where nothing says one."""
        return self.said.language

    @property
    def human(self) -> str:
        """The name of the corpus that it was trained on, where there are several; else empty."""
        return self.said.human

    @property
    def identity(self) -> None:
        """The hash of all that decides its result, which a published model does not say."""
        return

    @property
    def architecture(self) -> Architecture:
        """What its last checkpoint says it is."""
        return self.checkpoints()[-1].architecture

    @property
    def seed(self) -> None:
        """The seed it was trained with, which a published model does not say."""
        return

    @property
    def context(self) -> int | None:
        """The most tokens it takes, as its configuration says; None where it takes any number."""
        last = self.checkpoints()[-1]
        if last.architecture.is_of_transformers:
            return room_of(last.folder)
        found = config_of(last.folder).get("n_positions")
        if not isinstance(found, int) or isinstance(found, bool):
            raise UserError(f"{last.folder / 'config.json'}: n_positions {shown(found)}, a number expected.")
        return found

    @property
    def data_request(self) -> None:
        """What its dataset was asked for by, which a published model does not say."""
        return

    @cached_property
    def series(self) -> Series:
        """Which of its revisions are its checkpoints; UserError where that cannot be told."""
        return series_in(self._revisions(), self.source, self.wanted)

    def checkpoints(self) -> list[PublishedCheckpoint]:
        """Its revisions with a number in their names in its order, `checkpoint-N` or others; or its `main` alone."""
        return [PublishedCheckpoint(self.source, name) for name in self.series.revisions]

    def dataset(self, folder: str | Path | None = None) -> TokenDataset:
        """The dataset at `folder`, if it has the model's vocabulary; UserError where it has not or none is given."""
        if folder is None:
            raise UserError(
                f"{self.source}: a published model comes without data. Give sentences with --corpus "
                "and --language (no-shuffle: as they are), or a dataset with --data."
            )
        dataset, tokenizer = TokenDataset.open(folder), self.checkpoints()[-1].tokenizer
        if dataset.tokenizer.vocabulary() != tokenizer.vocabulary():
            raise UserError(f"{dataset.folder}: built with another vocabulary than the model of {self.source}.")
        if dataset.tokenizer.end_of_text != tokenizer.end_of_text:
            ends = f"{dataset.tokenizer.end}, and not with {tokenizer.end}"
            raise UserError(f"{dataset.folder}: ends texts with {ends} as {self.source} does.")
        return dataset

    def _card(self) -> Path | None:
        local = Path(self.source)
        if not local.is_dir():
            return card_of(self.source) if _HUB_ID.fullmatch(self.source) else None
        places = (local, *sorted(local.glob("*/")), *sorted(local.glob("snapshots/*/")))
        return next((at / CARD for at in places if (at / CARD).is_file() and (at / "config.json").is_file()), None)

    def _revisions(self) -> list[str]:
        local = Path(self.source)
        if not local.is_dir():
            return branches(self.source)
        if id_of_cached(local):
            return cached_revisions(local)
        inside = [path.parent.name for path in local.glob("*/config.json")]
        if not (local / "config.json").is_file():
            return inside
        # A folder of transformers' Trainer holds its checkpoints beside the last model.
        own = local.resolve().name
        is_numbered = (found := named(own)) is not None and found.is_plain
        return [own if is_numbered else MAIN, *inside]


def open_run(source: str | Path, output: Path | None = None) -> Run | PublishedRun:
    """What `source` names: the folder of a run, or a published model as a folder or by its id on the Hub.

    The folder may be one in any cache of the Hub, `CACHE/models--OWNER--NAME`.
    Behind an `@`, a published model may have the one revision that is wanted (`me/model@main`), or the pattern of a
    series of them (`me/model@step{}`). What is measured of a run goes into its folder; of a published model, into one
    of its name in `output`. Raises UserError where nothing of the kind is found.
    """
    whole, wanted = str(source), None
    if not Path(whole).exists():
        whole, wanted = split_source(whole)
    folder = Path(whole)
    is_published = (
        folder.is_dir()
        and not (folder / RECORD).is_file()
        and (
            (folder / "config.json").is_file() or any(folder.glob("*/config.json")) or id_of_cached(folder) is not None
        )
    )
    if not folder.exists() and (alike := _ids_that_end_in(whole)):
        raise UserError(f"{whole}: no such folder. A model is named by its whole id: {' or '.join(alike)}.")
    if not is_published and (folder.exists() or not _HUB_ID.fullmatch(whole)):
        if not (folder / RECORD).is_file() and any((folder / name).is_file() for name in WEIGHTS):
            raise UserError(
                f"{folder / 'config.json'}: is missing, and weights alone do not say what model they are of."
            )
        return Run.open(folder)
    if output is None:
        raise UserError(f"{source}: no run. If it is a published model, say with --output where its results go.")
    return PublishedRun(whole, output / _name_of(whole, wanted), wanted)


def _name_of(source: str, wanted: str | None) -> str:
    """What a model is called, and the folder with what is measured of it."""
    local = Path(source)
    name = (id_of_cached(local) or str(local.resolve()) if local.is_dir() else source).rpartition("/")[2]
    return name if wanted is None else f"{name}@{wanted}"


@dataclass(frozen=True)
class Published:
    """A published model: `model` in evaluation mode, `tokenizer` with its markers, and what it is."""

    model: Any
    tokenizer: Tokenizer
    architecture: Architecture
    source: str
    revision: str


def load_published(source: str | Path, revision: str = MAIN, *, architecture: str | None = None) -> Published:
    """A published model from the Hub or a folder, without executing any code that came with it.

    Args:
        source: the id of a repository (`mission-impossible-lms/partial-reverse-gpt2-no-pos`); a folder with a model; or
            a folder with one such folder a revision, as `publish --to FOLDER` writes it.
        revision: a branch, tag or commit (`checkpoint-500`); of a folder of revisions, the name of one.
        architecture: a name of `impossible models`, where another one is an error.

    Raises:
        UserError: it cannot be had, is of another architecture, wants code of its own, or its weights are not those of
            its configuration: with positions where it says it has none, or the reverse.
    """
    checkpoint = PublishedCheckpoint(str(source), revision)
    found = checkpoint.architecture
    if architecture is not None and get_architecture(architecture).name != found.name:
        raise UserError(f"{source}@{revision}: is a {found.name}, not a {architecture}.")
    model, tokenizer = checkpoint.load(), checkpoint.tokenizer
    rows = model.get_input_embeddings().weight.shape[0]
    if tokenizer.ordinary_size > rows:  # special tokens may be beyond it, where texts do not go
        ids = f"{tokenizer.ordinary_size} ids, the model {rows}"
        raise UserError(f"{source}@{revision}: its tokenizer has {ids}. They do not belong together.")
    return Published(model, tokenizer, found, str(source), revision)


def _ids_that_end_in(name: str) -> list[str]:
    """The ids of the models in the cache that are called so, whoever's they are."""
    ids = [id_of_cached(each) or "" for each in cached_models(own_cache())] if "/" not in name else []
    return [each for each in ids if each.rpartition("/")[2] == name]
