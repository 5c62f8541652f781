"""The files of a tokenizer: read into the backend that encodes, from a folder or the Hub, or refused."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.documents import read_json, shown
from impossible_lms.errors import UserError
from impossible_lms.network import cache_if_offline
from impossible_lms.special_tokens import NAMES, SETTINGS, settings_of

if TYPE_CHECKING:
    import tokenizers

SENTENCEPIECE = "tokenizer.model"  # the vocabulary of Llama 2 and its like, before there was a tokenizer.json


def read_backend(path: Path) -> "tokenizers.Tokenizer":
    """The backend of the tokenizer in a folder or file; UserError where there is none, or it cannot be read."""
    import tokenizers

    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        if file.is_file():
            return tokenizers.Tokenizer.from_file(str(file))
        vocabulary, merges = path / "vocab.json", path / "merges.txt"
        if vocabulary.is_file() and merges.is_file():
            prefix = settings_of(path).get("add_prefix_space") is True
            return byte_level(_pairs_of_bytes(vocabulary, merges), prefix=prefix)
        if (path / SENTENCEPIECE).is_file():
            return _converted(path)
    except UserError:
        raise
    except Exception as error:  # the backend raises bare Exception for whatever it cannot parse
        raise UserError(f"--tokenizer {path}: cannot be read ({first_line(error)}).") from error
    raise UserError(f"--tokenizer {path}: holds neither tokenizer.json nor vocab.json with merges.txt.")


def _pairs_of_bytes(vocabulary: Path, merges: Path) -> Any:
    """The model of GPT-2's two files; UserError names the one that is at fault, which the backend does not."""
    import tokenizers

    try:
        return tokenizers.models.BPE.from_file(str(vocabulary), str(merges))
    except Exception as error:  # as above
        file = merges
        try:
            if not isinstance(read_json(vocabulary), dict):
                file = vocabulary
        except ValueError:
            file = vocabulary
        raise UserError(f"--tokenizer {file}: cannot be read ({first_line(error)}).") from error


def _converted(folder: Path) -> "tokenizers.Tokenizer":
    """What transformers makes of a folder whose tokenizer is SentencePiece's `tokenizer.model` alone."""
    import importlib.util

    if importlib.util.find_spec("sentencepiece") is None:
        raise UserError(
            f"--tokenizer {folder}: has {SENTENCEPIECE} alone, which takes a library to read. `pip install "
            "sentencepiece`, or have transformers write its tokenizer.json with AutoTokenizer's save_pretrained."
        )
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    backend: tokenizers.Tokenizer = found.backend_tokenizer
    return backend


def fetched(name: str) -> Path:
    """The folder in the cache with the files of a repository's tokenizer."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        def had(file: str) -> Path:
            return Path(hf_hub_download(name, file)).parent

        with cache_if_offline():
            try:
                folder = had("tokenizer.json")
            except EntryNotFoundError:
                folder = had("vocab.json")
                had("merges.txt")
            for file in (SETTINGS, NAMES):
                with contextlib.suppress(EntryNotFoundError):
                    had(file)
            return folder
    except Exception as error:  # network, cache, name and permission faults have no common class below Exception
        kind = type(error).__name__
        reason = "which cannot be reached, and it is not in the cache" if kind.startswith("LocalEntry") else kind
        raise UserError(
            f"--tokenizer {name}: neither a folder here nor to be had from the Hugging Face Hub ({reason}). "
            f"Give a folder with vocab.json and merges.txt, or train:vocab=4096."
        ) from error


def byte_level(model: Any, *, prefix: bool = False) -> "tokenizers.Tokenizer":
    """The backend that cuts text into bytes as GPT-2 does, with a `model`; `prefix`: a space before every text."""
    import tokenizers

    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    backend.decoder = tokenizers.decoders.ByteLevel()
    return backend


def refuse_ids(name: str, vocabulary: Mapping[str, int]) -> None:
    """UserError where two tokens have one id, or an id below the largest has no token."""
    tokens: dict[int, str] = {}
    for token, number in vocabulary.items():
        if number in tokens:
            first, second = sorted((tokens[number], token))
            said = f"{shown(first)} and {shown(second)} both have the id {number}"
            raise UserError(f"--tokenizer {name}: {said}. Give each an id of its own.")
        tokens[number] = token
    missing = next((number for number in range(len(tokens)) if number not in tokens), None)
    if missing is not None:
        raise UserError(
            f"--tokenizer {name}: no token has the id {missing}, and ids go up to {max(tokens)}. Number its "
            f"{len(tokens)} tokens from 0, without gaps."
        )


def first_line(error: Exception) -> str:
    """What an error says, in a line."""
    return str(error).split("\n", 1)[0]
