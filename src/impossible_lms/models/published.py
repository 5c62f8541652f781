"""Published models, on the Hub or in folders, as their authors left them: read as data, without running their code.

Kallini et al. (2024) published `mission-impossible-lms/<language>-gpt2[-no-pos]` with branches `checkpoint-100` to
`checkpoint-3000`. Those without positions have no `wpe` in the weights, and a class of their own in a Python file that
current transformers no longer imports. Nothing but the configuration, the weights and the tokenizer is fetched.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.documents import shown
from impossible_lms.errors import UserError
from impossible_lms.files import sha256_of
from impossible_lms.models.architectures import ARCHITECTURES, Architecture, get_architecture
from impossible_lms.models.checkpoints import architecture_of, checkpoint_step, config_of
from impossible_lms.models.run import RECORD, Run
from impossible_lms.models.weights import WEIGHTS, build_model
from impossible_lms.network import cache_if_offline, hub_is_reachable
from impossible_lms.tokenizer import Tokenizer, load_marked_tokenizer

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

MAIN = "main"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_TOKENIZER = ("tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json")


@dataclass(frozen=True)
class PublishedCheckpoint:
    """One revision of a published model; `folder` holds its files, fetched when it is asked for."""

    source: str
    revision: str

    @property
    def step(self) -> int:
        """The steps it was trained for, as its name says; UserError where it says none."""
        step = checkpoint_step(self.revision)
        if step is None:
            raise UserError(f"{self.source}@{self.revision}: does not say its step. checkpoint-N is expected.")
        return step

    @cached_property
    def folder(self) -> Path:
        """The folder with its configuration, weights and tokenizer; UserError where they cannot be had."""
        local = Path(self.source)
        if not local.is_dir():
            return _fetched(self.source, self.revision)
        if not (local / "config.json").is_file():
            return local / self.revision
        if self.revision not in (MAIN, local.resolve().name):
            raise UserError(f"{local}: one model, with no revision {self.revision}.")
        return local

    @property
    def weights(self) -> Path:
        """The file with its weights; UserError where there is none."""
        for name in WEIGHTS:
            if (self.folder / name).is_file():
                return self.folder / name
        raise UserError(f"{self.source}@{self.revision}: has neither of {' and '.join(WEIGHTS)}.")

    @property
    def architecture(self) -> Architecture:
        """What its configuration says it is; UserError for anything but a GPT-2."""
        found = architecture_of(self.folder)
        if found.is_of_transformers:
            raise UserError(f"{self.folder / 'config.json'}: model_type {found.name}, gpt2 expected.")
        return found

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, with the markers it has; UserError where there is none."""
        return load_marked_tokenizer(self.folder)

    def digests(self) -> dict[str, str]:
        """The sha256 of its weights and of its configuration."""
        files = (self.weights, self.folder / "config.json")
        return {file.name: sha256_of(file) for file in files}

    def load(self) -> "GPT2LMHeadModel":
        """The model, in evaluation mode and float32; UserError where the weights are not those of its configuration."""
        return build_model(self.folder / "config.json", self.weights, self.architecture)


@dataclass(frozen=True)
class PublishedRun:
    """A published model with its checkpoints, where a run is asked for. What is measured goes to `folder`."""

    source: str
    folder: Path

    @property
    def name(self) -> str:
        """Its name: `<language>-gpt2[-no-pos]`."""
        return self.source.rstrip("/").rpartition("/")[2]

    @property
    def language(self) -> str:
        """The name of the language, as far as the model's name says it."""
        endings = sorted((f"-{name}" for name in ARCHITECTURES), key=len, reverse=True)
        return next((self.name.removesuffix(end) for end in endings if self.name.endswith(end)), self.name)

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
    def context(self) -> int:
        """The most tokens it takes, as its configuration says."""
        folder = self.checkpoints()[-1].folder
        found = config_of(folder).get("n_positions")
        if not isinstance(found, int) or isinstance(found, bool):
            raise UserError(f"{folder / 'config.json'}: n_positions {shown(found)}, a number expected.")
        return found

    @property
    def data_request(self) -> None:
        """What its dataset was asked for by, which a published model does not say."""
        return

    def checkpoints(self) -> list[PublishedCheckpoint]:
        """Its revisions `checkpoint-N` in the order of N; UserError where there is none."""
        named = {name: checkpoint_step(name) for name in self._revisions()}
        found = sorted((step, name) for name, step in named.items() if step is not None)
        if not found:
            raise UserError(f"{self.source}: no revision checkpoint-N, which measuring over training needs.")
        return [PublishedCheckpoint(self.source, name) for _, name in found]

    def dataset(self, folder: str | Path | None = None) -> TokenDataset:
        """The dataset at `folder`, if it has the model's vocabulary; UserError where it has not or none is given."""
        if folder is None:
            raise UserError(f"{self.source}: a published model comes without data. Give a dataset with --data.")
        dataset, tokenizer = TokenDataset.open(folder), self.checkpoints()[-1].tokenizer
        if dataset.tokenizer.vocabulary() != tokenizer.vocabulary():
            raise UserError(f"{dataset.folder}: built with another vocabulary than the model of {self.source}.")
        return dataset

    def _revisions(self) -> list[str]:
        local = Path(self.source)
        if not local.is_dir():
            return _branches(self.source)
        if (local / "config.json").is_file():
            return [local.resolve().name]
        return [path.parent.name for path in local.glob("*/config.json")]


def open_run(source: str | Path, output: Path | None = None) -> Run | PublishedRun:
    """What `source` names: the folder of a run, or a published model as a folder or by its id on the Hub.

    What is measured of a run goes into its folder; of a published model, into one of its name in `output`.
    Raises UserError where nothing of the kind is found.
    """
    folder, source = Path(source), str(source)
    is_published = (
        folder.is_dir()
        and not (folder / RECORD).is_file()
        and ((folder / "config.json").is_file() or any(folder.glob("*/config.json")))
    )
    if not is_published and (folder.exists() or not _HUB_ID.fullmatch(source)):
        return Run.open(folder)
    if output is None:
        raise UserError(f"{source}: no run. If it is a published model, say with --output where its results go.")
    return PublishedRun(source, output / source.rstrip("/").rpartition("/")[2])


@dataclass(frozen=True)
class Published:
    """A published model: `model` in evaluation mode, `tokenizer` with its markers, and what it is."""

    model: "GPT2LMHeadModel"
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
        architecture: `gpt2` or `gpt2-no-pos`, where another one is an error.

    Raises:
        UserError: it cannot be had, is of another architecture, or its weights are not those of its configuration: with
            positions where it says it has none, or the reverse.
    """
    checkpoint = PublishedCheckpoint(str(source), revision)
    found = checkpoint.architecture
    if architecture is not None and get_architecture(architecture) != found:
        raise UserError(f"{source}@{revision}: is a {found.name}, not a {architecture}.")
    model, tokenizer = checkpoint.load(), checkpoint.tokenizer
    if tokenizer.vocabulary_size > model.config.vocab_size:
        ids = f"{tokenizer.vocabulary_size} ids, the model {model.config.vocab_size}"
        raise UserError(f"{source}@{revision}: its tokenizer has {ids}. They do not belong together.")
    return Published(model, tokenizer, found, str(source), revision)


def _fetched(repo_id: str, revision: str) -> Path:
    """The folder of the cache with a revision's files; only those that are data are ever fetched."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    def has(name: str) -> bool:
        try:
            hf_hub_download(repo_id, name, revision=folder.name)
        except EntryNotFoundError:
            return False
        return True

    try:
        with cache_if_offline():
            # Its name is the commit, from which the rest is to come too.
            folder = Path(hf_hub_download(repo_id, "config.json", revision=revision)).parent
            any(has(name) for name in WEIGHTS)  # the first there is
            for name in _TOKENIZER:
                has(name)
    except Exception as error:  # network, cache, name and permission faults have no common class below Exception
        raise _not_had(f"{repo_id}@{revision}", error) from error
    return folder


def _branches(repo_id: str) -> list[str]:
    """The branches of a repository on the Hub, or offline those in the cache."""
    from huggingface_hub import HfApi, constants

    if not hub_is_reachable():
        refs = Path(constants.HF_HUB_CACHE) / f"models--{repo_id.replace('/', '--')}" / "refs"
        if not refs.is_dir():
            raise UserError(f"{repo_id}: neither a folder here nor in the cache, and the Hub cannot be reached.")
        return [path.name for path in refs.iterdir()]
    try:
        return [branch.name for branch in HfApi().list_repo_refs(repo_id).branches]
    except Exception as error:  # as above
        raise _not_had(repo_id, error) from error


def _not_had(what: str, error: Exception) -> UserError:
    said: Any = str(error).strip().split("\n")[0]
    return UserError(
        f"{what}: neither a folder here nor to be had from the Hugging Face Hub ({type(error).__name__}: {said})."
    )
