"""Annotation as the published tagging script leaves it (`<genre>_parsed.json`): streamed, a sentence at a time.

A file is one JSON value, a list of batches, each with `sent_annotations`; of these each has `sent_text`,
`constituency_parse` and `word_annotations`. The script pairs the tokens and the words of a sentence by position. Where
a token is several words (`don't`), the lemmas and features after it are those of a neighbour, and the last are lost.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import pyarrow as pa

from impossible_lms.corpora.options import ALIGNED
from impossible_lms.corpora.streams import CorpusFile, file_digest, opened
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of

SENTENCES = "sent_annotations"
SENTENCE = f"item.{SENTENCES}.item"
DEEPEST = 100  # the script's own values are nested seven deep
ROWS = 4096  # sentences in a block
START = 4096  # bytes in which the form shows itself
FIELDS = {"text": "words", "lemma": "lemmas", "upos": "upos", "xpos": "xpos", "feats": "features"}
FORM = re.compile(rb'\s*\[\s*(?:\]|\{\s*"' + SENTENCES.encode() + rb'")')
# English tokens of two words, as treebanks divide them: do n't, it 's, can not.
SEVERAL_WORDS = re.compile(r".*[^\W_](?:n['’]t|['’](?:s|re|ve|ll|m|d))|cannot", re.IGNORECASE)
NAMED = 40  # signs of a text in a message

_STRINGS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [("text", pa.string())]
    + [(name, _STRINGS) for name in FIELDS.values()]
    + [("space_after", pa.list_(pa.bool_())), ("tree", pa.string())]
)


@dataclass(frozen=True)
class ParsedFile(CorpusFile):
    """A file of sentences that the published script annotated, `features` being `aligned` or `shifted`."""

    features: str = ALIGNED

    def digest(self) -> str:
        content = file_digest(self.path)
        return content if self.features == ALIGNED else digest_of([content, self.features])

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Blocks in `SCHEMA`.

        UserError for JSON that is damaged or of another form, for a file without sentences, and for a sentence in which
        lemmas and features are seen not to be those of its words, unless they are asked for as they stand (`shifted`).
        """
        rows: list[dict[str, Any]] = []
        number = 0
        for number, sentence in enumerate(self._sentences(), 1):
            rows.append(self._row(sentence, number))
            if len(rows) == ROWS:
                yield pa.RecordBatch.from_pylist(rows, SCHEMA)
                rows.clear()
        if rows:
            yield pa.RecordBatch.from_pylist(rows, SCHEMA)
        if not number:
            raise UserError(f"{self.path}: holds no sentences. Fill it, or take it out of the corpus.")

    def _sentences(self) -> Iterator[Any]:
        import ijson

        number = 0
        with opened(self.path) as file:
            try:
                for sentence in ijson.items(Shallow(self.path, file), SENTENCE, use_float=True):
                    number += 1
                    yield sentence
            except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
                what = str(error).strip().splitlines()[0]
                raise UserError(
                    f"{self.path}: damaged JSON after sentence {number:,} ({what}). Fetch or make it again."
                ) from error

    def _row(self, sentence: Any, number: int) -> dict[str, Any]:
        """The columns of a sentence."""
        try:
            words = sentence["word_annotations"]
            row: dict[str, Any] = {column: [word.get(name) for word in words] for name, column in FIELDS.items()}
            row |= {"text": sentence["sent_text"], "tree": sentence.get("constituency_parse") or None}
            places = [(word.get("start_char"), word.get("end_char")) for word in words]
            is_text = isinstance(row["text"], str) and isinstance(row["tree"], str | None)
            is_text &= bool(words) and all(isinstance(word, str) for word in row["words"])
            is_text &= all(isinstance(value, str | None) for column in FIELDS.values() for value in row[column])
            is_text &= all(isinstance(place, int | None) for pair in places for place in pair)
        except (TypeError, KeyError, AttributeError):
            is_text = False
        if not is_text:
            self._fail(number, "not as the tagging script writes them: sent_text and word_annotations are expected")
        spaces = [
            end is None or start is None or end < start
            for (_, end), (start, _) in zip(places, [*places[1:], (None, None)], strict=True)
        ]
        row["space_after"] = spaces
        if self.features == ALIGNED and (misfit := _misfit(row["text"], row["words"], places, words)):
            self._fail(number, misfit)
        return row

    def _fail(self, number: int, what: str) -> NoReturn:
        raise UserError(f"{self.path}: sentence {number:,}: {what}.")


class Shallow:
    """A file of JSON as a stream that ends in a UserError where values are nested deeper than `DEEPEST`.

    Who reads JSON in a stream keeps the path of where it is, and of 100 kB of brackets needs more than 20 GB for that.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._depth, self._in_string, self._is_escaped = 0, 0, False

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        content = self._file.read(size)
        plain = (b"\\" if self._is_escaped else b"") + bytes(content)
        plain = plain.replace(b"\\\\", b"").replace(b'\\"', b"")
        self._is_escaped = plain.endswith(b"\\")
        signs = np.frombuffer(plain, np.uint8)
        if len(signs):
            in_string = (np.cumsum(signs == ord('"')) + self._in_string) % 2
            signs = np.where(in_string, 0, signs)
            steps = np.isin(signs, list(b"[{")).astype(np.int64) - np.isin(signs, list(b"]}"))
            depths = self._depth + np.cumsum(steps)
            if depths.max() > DEEPEST:
                raise UserError(f"{self._path}: values are nested more than {DEEPEST} deep. Is it of another kind?")
            self._depth, self._in_string = int(depths[-1]), int(in_string[-1])
        return content


def is_parsed(path: Path) -> bool:
    """Whether a file begins as the published tagging script's do."""
    with opened(path) as file:
        return FORM.match(file.read(START)) is not None


def _misfit(text: str, words: list[str], places: list[tuple[int | None, int | None]], entries: list[Any]) -> str | None:
    """What shows that the annotation of a sentence is not that of its words, if anything does."""
    advice = "To take it as published: --features shifted, or PATH:features=shifted"
    for place, (word, entry) in enumerate(zip(words, entries, strict=True)):
        if SEVERAL_WORDS.fullmatch(word) or isinstance(entry.get("id"), list):
            return f"'{word[:NAMED]}' is several words, so lemmas and features after it are a neighbour's. {advice}"
        if isinstance(entry.get("id"), int) and entry["id"] != place + 1:
            return f"word {place + 1} has the id {entry['id']}: words are missing. {advice}"
    first = places[0][0]
    for word, (start, end) in zip(words, places, strict=True):
        if start is None or end is None or first is None:
            continue
        if text[start - first : end - first] != word:
            return f"'{word[:NAMED]}' does not stand where it is said to in the text. {advice}"
    if "".join("".join(words).split()) != "".join(text.split()):
        return f"its words are not those of its text, '{text[:NAMED]}'. {advice}"
    return None
