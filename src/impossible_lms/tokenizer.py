"""Tokenizers: load or train a byte-level BPE, encode many sentences at once, add a language's markers."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from impossible_lms.documents import read_json
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, is_there, to_json, write_text
from impossible_lms.ragged import Ragged
from impossible_lms.shown import Shown
from impossible_lms.spec import parse_options
from impossible_lms.special_tokens import (
    END_OF_TEXT,
    Special,
    special_names,
    special_tokens,
)
from impossible_lms.tokenizer_files import byte_level, fetched, first_line, read_backend, refuse_ids
from impossible_lms.words import WordEncoder, encode_each

if TYPE_CHECKING:
    import pyarrow as pa
    import tokenizers

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
    def puts_a_space(self) -> bool:
        """Whether a text begins with a space for it (`▁The`), so that a word by itself is encoded as after a space."""
        rules = json.loads(self.definition)
        parts: list[dict[str, Any]] = []
        for part in (rules["normalizer"], rules["pre_tokenizer"]):
            whole = part or {}
            parts += whole.get("normalizers") or whole.get("pretokenizers") or [whole]
        return any(
            part.get("type") == "Prepend"
            or (part.get("type") == "Metaspace" and part.get("prepend_scheme", "always") != "never")
            or (part.get("type") == "ByteLevel" and part.get("add_prefix_space", False))
            for part in parts
        )

    @cached_property
    def decodes_bytes(self) -> bool:
        """Whether what a token is as text is the same alone and among others."""
        return (json.loads(self.definition)["decoder"] or {}).get("type") == "ByteLevel"

    @cached_property
    def sha256(self) -> str:
        """The hash of the definition."""
        return hashlib.sha256(self.definition.encode()).hexdigest()

    @cached_property
    def readable(self) -> str:
        """The definition as it is written to `tokenizer.json`."""
        return f"{self.plain.to_str(pretty=True)}\n"

    @cached_property
    def _marked(self) -> "dict[tuple[str, ...], tokenizers.Tokenizer]":
        return {}

    def marked(self, markers: tuple[str, ...]) -> "tokenizers.Tokenizer":
        """The vocabulary with markers as added tokens; parsed once for each set of them (70 ms for GPT-2's)."""
        if markers not in self._marked:
            import tokenizers

            backend = tokenizers.Tokenizer.from_str(self.definition)
            # lstrip, and not special: as the published tokenizers have it; decoding shows markers, whatever is skipped.
            backend.add_tokens([tokenizers.AddedToken(marker, lstrip=True, normalized=False) for marker in markers])
            self._marked[markers] = backend
        return self._marked[markers]

    @cached_property
    def words(self) -> WordEncoder:
        """The words met so far, encoded."""
        return WordEncoder(self.plain)


class Trainable(Protocol):
    """A corpus, as far as a tokenizer looks at it."""

    def training_texts(self) -> Iterable[str]:
        """The sentences that a tokenizer may be trained on."""
        ...


@dataclass(frozen=True, repr=False)
class Tokenizer(Shown):
    """A vocabulary and the way text becomes ids of it.

    Text is always encoded as ordinary text: a marker or `<|endoftext|>` that stands in a sentence is cut into bytes
    like any other sign and never becomes the special id.

    Attributes:
        name: what the user asked for, or where it was found.
        backend: the vocabulary without markers.
        end_of_text: the id of `<|endoftext|>`, or of what ends a text in its place.
        markers: the markers added to the vocabulary, with their ids.
        start: the id that the model it came with expects before a text, where there is one.
    """

    name: str
    backend: Backend
    end_of_text: int
    markers: Mapping[str, int] = field(default_factory=dict)
    start: int | None = None

    @property
    def end(self) -> str:
        """What ends a text, as the vocabulary writes it: `<|endoftext|>` in most."""
        return str(self.backend.plain.id_to_token(self.end_of_text))

    @property
    def begin_of_text(self) -> int:
        """The id that a text begins after: `start`, or that which ended the text before."""
        return self.end_of_text if self.start is None else self.start

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, markers included."""
        return int(self.backend.plain.get_vocab_size(with_added_tokens=True)) + len(self.markers)

    @property
    def ordinary_size(self) -> int:
        """One more than the largest id that text or a marker can become: all but special tokens."""
        special = {number for number, token in self.full.get_added_tokens_decoder().items() if token.special}
        return 1 + max((number for number in self.vocabulary().values() if number not in special), default=-1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type ids are stored in: uint16 where every id fits, uint32 elsewhere."""
        return np.dtype("<u2" if self.vocabulary_size <= 1 << 16 else "<u4")

    @cached_property
    def sha256(self) -> str:
        """The hash of all that decides what text becomes: the backend's definition and the markers."""
        own = {"end": self.end_of_text} if self.end != END_OF_TEXT else {}
        return digest_of({"backend": self.backend.sha256, "markers": dict(self.markers), **own})

    def title(self) -> str:
        return self.name

    def facts(self) -> dict[str, object]:
        found: dict[str, object] = {"ids": f"{self.vocabulary_size:,} as {self.dtype.name}"}
        if self.markers:
            found["markers"] = ", ".join(f"{marker} = {id_}" for marker, id_ in self.markers.items())
        return found

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
        elif self.backend.puts_a_space:  # also before the first word of a text
            tokens = encode_each(self.backend.plain, words.to_pylist())
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
        if self.backend.decodes_bytes:
            return [self.decode([token]) for token in ids]
        # Others drop the space before a text, so what a token is shows after another one.
        before = self.backend.plain.encode("a", add_special_tokens=False).ids[-1:]
        known = self.decode(before)
        texts = self.full.decode_batch([[*before, int(token)] for token in ids], skip_special_tokens=False)
        return [text.removeprefix(known) for text in texts]

    @cached_property
    def full(self) -> "tokenizers.Tokenizer":
        """The backend with the markers as added tokens, as other tools see it."""
        return self.backend.marked(tuple(self.markers))

    def save(self, folder: Path, context: int | None = None) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json`, which `AutoTokenizer` loads, into `folder`."""
        settings: dict[str, Any] = {
            # The name that both transformers 4 and 5 resolve, for any model type, without remote code.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": self.end,
            "eos_token": self.end,
            "unk_token": self.end,
            "clean_up_tokenization_spaces": False,
        }
        if context is not None:
            settings["model_max_length"] = context
        text = f"{self.full.to_str(pretty=True)}\n" if self.markers else self.backend.readable
        write_text(folder / "tokenizer.json", text)
        write_text(folder / "tokenizer_config.json", to_json(settings))


def load_tokenizer(spec: str, texts: Trainable | Iterable[str] | None = None, *, at_most: bool = False) -> Tokenizer:
    """The tokenizer that `spec` names.

    Args:
        spec: a folder with `tokenizer.json` or with `vocab.json` and `merges.txt`; a `tokenizer.json` file;
            `train:vocab=4096`, a byte-level BPE of that many ids trained on `texts`; or the id of a Hugging Face
            repository (`gpt2`). What ends a text in it is told as `special_tokens` says.
        texts: what to train on, for `train:` alone: a corpus, of which it is the training split, or sentences.
        at_most: of `train:`, whether fewer ids will do where the sentences give no more.

    Raises:
        UserError: nothing is found at `spec`, it holds no end of text, or the sentences give fewer ids.
    """
    if spec.startswith(TRAIN):
        return _train(spec, texts, at_most)
    path = Path(spec)
    if is_there(path):
        return _prepared(path.resolve().name, read_backend(path), path if path.is_dir() else path.parent)
    if spec.startswith((".", "/", "~")) or spec.count("/") > 1:
        raise UserError(f"--tokenizer {spec}: no such file or folder.")
    folder = fetched(spec)
    return _prepared(spec, read_backend(folder), folder)


def load_marked_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a published model, its markers known as such: tokens that were added and are not special.

    They stand in `tokenizer.json`, or in `added_tokens.json` beside `vocab.json` and `merges.txt`. Tokens of a
    `tokenizer.json` that do not take in the space before them, as markers do, are a part of the vocabulary. UserError
    where there is no tokenizer, or its markers are not the last ids.
    """
    import tokenizers

    file = folder / "added_tokens.json"
    try:
        if (folder / "tokenizer.json").is_file():
            rules = read_json(folder / "tokenizer.json")
            added = {
                str(token["content"]): int(token["id"])
                for token in rules["added_tokens"]
                if token["lstrip"] and not token["special"] and not token["normalized"]
            }
            rules["added_tokens"] = [token for token in rules["added_tokens"] if token["content"] not in added]
            plain = tokenizers.Tokenizer.from_str(json.dumps(rules))
        else:
            found = read_json(file) if file.is_file() else {}
            ordinary = special_names(folder) | {END_OF_TEXT}
            added = {str(token): int(number) for token, number in found.items() if token not in ordinary}
            plain = read_backend(folder)
    except UserError:
        raise
    except Exception as error:  # the backend raises bare Exception for whatever it cannot parse
        at_fault = next((path for path in (folder / "tokenizer.json", file) if path.is_file()), folder)
        raise UserError(f"{at_fault}: its tokenizer cannot be read ({first_line(error)}).") from error
    markers = sorted(added, key=added.__getitem__)
    start = special_tokens(folder.name, plain, folder).start
    tokenizer = _prepared(folder.name, plain, folder).with_markers(markers)
    if any(tokenizer.markers[marker] != added[marker] for marker in markers):
        raise UserError(f"{folder}: its tokenizer's added tokens are not the last ids.")
    return replace(tokenizer, start=start)


def _train(spec: str, texts: Trainable | Iterable[str] | None, at_most: bool) -> Tokenizer:
    import tokenizers

    options = parse_options("--tokenizer", spec, {"vocab": 4096})
    size = options["vocab"]
    if size < SMALLEST_VOCABULARY:
        raise UserError(f"--tokenizer {spec}: vocab must be at least {SMALLEST_VOCABULARY}.")
    if texts is None:
        raise UserError(f"--tokenizer {spec}: needs a corpus to train on.")
    backend = byte_level(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(texts if isinstance(texts, Iterable) else texts.training_texts(), trainer)
    tokenizer = _prepared(spec, backend, None)
    if tokenizer.vocabulary_size < size and not at_most:
        found = tokenizer.vocabulary_size
        raise UserError(
            f"--tokenizer {spec}: this corpus gives only {found} ids. Ask for fewer, or take a larger corpus."
        )
    return tokenizer


def _prepared(name: str, backend: "tokenizers.Tokenizer", folder: Path | None) -> Tokenizer:
    """The tokenizer that data are written with; nothing stands before a text in them."""
    import tokenizers

    special: Special = special_tokens(name, backend, folder)
    refuse_ids(name if folder is None else str(folder), backend.get_vocab(with_added_tokens=True))
    if special.start is not None:
        rules = json.loads(backend.to_str()) | {"post_processor": None}
        backend = tokenizers.Tokenizer.from_str(json.dumps(rules))
    backend.add_special_tokens([backend.id_to_token(special.end)])
    backend.encode_special_tokens = True
    backend.no_padding()
    backend.no_truncation()
    return Tokenizer(name, Backend(backend), special.end)
