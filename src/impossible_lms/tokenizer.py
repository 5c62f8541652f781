"""Tokenizers: load or train a byte-level BPE, encode many sentences at once, add a language's markers."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impossible_lms.documents import read_json, shown
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, to_json, write_text
from impossible_lms.network import cache_if_offline
from impossible_lms.ragged import Ragged
from impossible_lms.spec import parse_options
from impossible_lms.words import WordEncoder, encode_each

if TYPE_CHECKING:
    import pyarrow as pa
    import tokenizers

END_OF_TEXT = "<|endoftext|>"
TRAIN = "train:"
SMALLEST_VOCABULARY = 257  # the 256 bytes and the end of text


@dataclass(frozen=True, eq=False)
class Backend:
    """What tokenizers of one vocabulary share, whatever their markers: `plain`, which has none, and what it knows."""

    plain: "tokenizers.Tokenizer"

    @cached_property
    def definition(self) -> str:
        """The vocabulary and its rules as JSON."""
        return str(self.plain.to_str())

    @cached_property
    def splits_at_spaces(self) -> bool:
        """Whether a space before a word always begins a new piece, so that words can be encoded one by one."""
        rules = json.loads(self.definition)
        pieces = rules["pre_tokenizer"] or {}
        return (
            rules["normalizer"] is None
            and pieces.get("type") == "ByteLevel"
            and pieces.get("use_regex", True)
            and not pieces["add_prefix_space"]
            and rules["model"]["type"] == "BPE"
            and not rules["model"]["dropout"]
            and all(token["special"] for token in rules["added_tokens"])
        )

    @cached_property
    def sha256(self) -> str:
        """The hash of the definition."""
        return hashlib.sha256(self.definition.encode()).hexdigest()

    @cached_property
    def readable(self) -> str:
        """The definition as it is written to `tokenizer.json`."""
        return f"{self.plain.to_str(pretty=True)}\n"

    @cached_property
    def words(self) -> WordEncoder:
        """The words met so far, encoded."""
        return WordEncoder(self.plain)


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary and the way text becomes ids of it.

    Text is always encoded as ordinary text: a marker or `<|endoftext|>` that stands in a sentence is cut into bytes
    like any other sign and never becomes the special id.

    Attributes:
        name: what the user asked for, or where it was found.
        backend: the vocabulary without markers.
        end_of_text: the id of `<|endoftext|>`.
        markers: the markers added to the vocabulary, with their ids.
    """

    name: str
    backend: Backend
    end_of_text: int
    markers: Mapping[str, int] = field(default_factory=dict)

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, markers included."""
        return int(self.backend.plain.get_vocab_size(with_added_tokens=True)) + len(self.markers)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type ids are stored in: uint16 where every id fits, uint32 elsewhere."""
        return np.dtype("<u2" if self.vocabulary_size <= 1 << 16 else "<u4")

    @cached_property
    def sha256(self) -> str:
        """The hash of all that decides what text becomes: the backend's definition and the markers."""
        return digest_of({"backend": self.backend.sha256, "markers": dict(self.markers)})

    def with_markers(self, markers: Sequence[str]) -> "Tokenizer":
        """This tokenizer with `markers` as the next ids, in the order given; they never split."""
        for marker in markers:
            if self.backend.plain.token_to_id(marker) is not None:
                raise UserError(f"tokenizer {self.name}: already holds the marker {marker}. Use one without markers.")
        first = self.vocabulary_size - len(self.markers)
        return replace(self, markers={marker: first + index for index, marker in enumerate(markers)})

    def without_markers(self) -> "Tokenizer":
        """This tokenizer before any markers were added."""
        return replace(self, markers={})

    def encode(self, texts: "Sequence[str] | pa.Array") -> Ragged:
        """The ids of each text (strings, or an Arrow array of them): one sequence of `self.dtype` a text.

        Nothing is added at either end.
        """
        if self.backend.splits_at_spaces:
            import pyarrow as pa

            array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
            tokens = self.backend.words.encode_texts(array)
        else:
            tokens = encode_each(self.backend.plain, texts if isinstance(texts, Sequence) else texts.to_pylist())
        return Ragged(tokens.values.astype(self.dtype), tokens.offsets)

    def encode_words(self, words: "pa.Array", has_space: NDArray[np.bool_]) -> Ragged:
        """The ids of each word of an Arrow string array, with a space before it where `has_space` (n,) says so."""
        if self.backend.splits_at_spaces:
            tokens = self.backend.words.encode_words(words, has_space)
        else:
            spaced = zip(words.to_pylist(), has_space, strict=True)
            tokens = encode_each(self.backend.plain, [f" {word}" if space else word for word, space in spaced])
        return Ragged(tokens.values.astype(self.dtype), tokens.offsets)

    def vocabulary(self) -> dict[str, int]:
        """Every token with its id, markers included."""
        return dict(self.full.get_vocab(with_added_tokens=True))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids, special tokens and markers shown."""
        return str(self.full.decode([int(token) for token in ids], skip_special_tokens=False))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Each id as text of its own; a part of a character shows as the replacement sign."""
        return [self.decode([token]) for token in ids]

    @cached_property
    def full(self) -> "tokenizers.Tokenizer":
        """The backend with the markers as added tokens, as other tools see it."""
        import tokenizers

        backend = tokenizers.Tokenizer.from_str(self.backend.definition)
        # lstrip, and not special: as the published tokenizers have it; decoding shows markers, whatever is skipped.
        backend.add_tokens([tokenizers.AddedToken(marker, lstrip=True, normalized=False) for marker in self.markers])
        return backend

    def save(self, folder: Path, context: int | None = None) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json`, which `AutoTokenizer` loads, into `folder`."""
        settings: dict[str, Any] = {
            # The name that both transformers 4 and 5 resolve, for any model type, without remote code.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": END_OF_TEXT,
            "eos_token": END_OF_TEXT,
            "unk_token": END_OF_TEXT,
            "clean_up_tokenization_spaces": False,
        }
        if context is not None:
            settings["model_max_length"] = context
        text = f"{self.full.to_str(pretty=True)}\n" if self.markers else self.backend.readable
        write_text(folder / "tokenizer.json", text)
        write_text(folder / "tokenizer_config.json", to_json(settings))


def load_tokenizer(spec: str, texts: Iterable[str] | None = None, *, at_most: bool = False) -> Tokenizer:
    """The tokenizer that `spec` names.

    Args:
        spec: a folder with `tokenizer.json` or with `vocab.json` and `merges.txt`; a `tokenizer.json` file;
            `train:vocab=4096`, a byte-level BPE of that many ids trained on `texts`; or the id of a Hugging Face
            repository (`gpt2`).
        texts: the sentences to train on, for `train:` alone.
        at_most: of `train:`, whether fewer ids will do where the sentences give no more.

    Raises:
        UserError: nothing is found at `spec`, it holds no `<|endoftext|>`, or the sentences give fewer ids.
    """
    if spec.startswith(TRAIN):
        return _train(spec, texts, at_most)
    path = Path(spec)
    if path.exists():
        return _prepared(path.resolve().name, _read(path))
    if spec.startswith((".", "/", "~")) or spec.count("/") > 1:
        raise UserError(f"--tokenizer {spec}: no such file or folder.")
    return _prepared(spec, _from_hub(spec))


def load_marked_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a published model, its markers (every added token but the end of text) known as such.

    They stand in `tokenizer.json`, or in `added_tokens.json` beside `vocab.json` and `merges.txt`. UserError where
    there is no tokenizer, or its markers are not the last ids.
    """
    import tokenizers

    try:
        if (folder / "tokenizer.json").is_file():
            rules = read_json(folder / "tokenizer.json")
            added = {str(token["content"]): int(token["id"]) for token in rules["added_tokens"]}
            rules["added_tokens"] = [token for token in rules["added_tokens"] if token["content"] == END_OF_TEXT]
            plain = tokenizers.Tokenizer.from_str(json.dumps(rules))
        else:
            file = folder / "added_tokens.json"
            found = read_json(file) if file.is_file() else {}
            added = {str(token): int(number) for token, number in found.items()}
            plain = _read(folder)
    except UserError:
        raise
    except Exception as error:  # the backend raises bare Exception for whatever it cannot parse
        raise UserError(f"{folder}: its tokenizer cannot be read ({_first_line(error)}).") from error
    markers = sorted(added.keys() - {END_OF_TEXT}, key=added.__getitem__)
    tokenizer = _prepared(folder.name, plain).with_markers(markers)
    if any(tokenizer.markers[marker] != added[marker] for marker in markers):
        raise UserError(f"{folder}: its tokenizer's added tokens are not the last ids.")
    return tokenizer


def _read(path: Path) -> "tokenizers.Tokenizer":
    import tokenizers

    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        if file.is_file():
            return tokenizers.Tokenizer.from_file(str(file))
        vocabulary, merges = path / "vocab.json", path / "merges.txt"
        if vocabulary.is_file() and merges.is_file():
            return _byte_level(tokenizers.models.BPE.from_file(str(vocabulary), str(merges)))
    except Exception as error:  # the backend raises bare Exception for whatever it cannot parse
        raise UserError(f"--tokenizer {path}: cannot be read ({_first_line(error)}).") from error
    raise UserError(f"--tokenizer {path}: holds neither tokenizer.json nor vocab.json with merges.txt.")


def _from_hub(name: str) -> "tokenizers.Tokenizer":
    """The tokenizer of a repository: its `tokenizer.json`, or `vocab.json` and `merges.txt` where it has none."""
    import tokenizers

    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        with cache_if_offline():
            try:
                return tokenizers.Tokenizer.from_file(hf_hub_download(name, "tokenizer.json"))
            except EntryNotFoundError:
                files = [hf_hub_download(name, file) for file in ("vocab.json", "merges.txt")]
                return _byte_level(tokenizers.models.BPE.from_file(*files))
    except Exception as error:  # network, cache, name and permission faults have no common class below Exception
        kind = type(error).__name__
        reason = "which cannot be reached, and it is not in the cache" if kind.startswith("LocalEntry") else kind
        raise UserError(
            f"--tokenizer {name}: neither a folder here nor to be had from the Hugging Face Hub ({reason}). "
            f"Give a folder with vocab.json and merges.txt, or train:vocab=4096."
        ) from error


def _train(spec: str, texts: Iterable[str] | None, at_most: bool) -> Tokenizer:
    import tokenizers

    options = parse_options("--tokenizer", spec, {"vocab": 4096})
    size = options["vocab"]
    if size < SMALLEST_VOCABULARY:
        raise UserError(f"--tokenizer {spec}: vocab must be at least {SMALLEST_VOCABULARY}.")
    if texts is None:
        raise UserError(f"--tokenizer {spec}: needs a corpus to train on.")
    backend = _byte_level(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    tokenizer = _prepared(spec, backend)
    if tokenizer.vocabulary_size < size and not at_most:
        found = tokenizer.vocabulary_size
        raise UserError(
            f"--tokenizer {spec}: this corpus gives only {found} ids. Ask for fewer, or take a larger corpus."
        )
    return tokenizer


def _byte_level(model: Any) -> "tokenizers.Tokenizer":
    import tokenizers

    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    return backend


def _prepared(name: str, backend: "tokenizers.Tokenizer") -> Tokenizer:
    end_of_text = backend.token_to_id(END_OF_TEXT)
    if end_of_text is None:
        raise UserError(f"--tokenizer {name}: has no {END_OF_TEXT} token, which separates sentences in a dataset.")
    _refuse_ids(name, backend.get_vocab(with_added_tokens=True))
    backend.add_special_tokens([END_OF_TEXT])
    backend.encode_special_tokens = True
    backend.no_padding()
    backend.no_truncation()
    return Tokenizer(name, Backend(backend), int(end_of_text))


def _refuse_ids(name: str, vocabulary: Mapping[str, int]) -> None:
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


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
