"""Where the tokens of a text that was written anew stood before: by the signs that its words are made of."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.languages.language import NEW, Sentences
from impossible_lms.ragged import Ragged
from impossible_lms.scripts import begins_unspaced, ends_unspaced
from impossible_lms.tokenizer import Tokenizer

# A stretch of text, and for each of its signs the index of the sign of the old text that it was, or NEW.
Piece = tuple[str, Sequence[int]]


def origins_of_text(sentences: Sentences, pieces: Sequence[Sequence[Piece]]) -> Ragged:
    """Of k sentences whose `pieces` were joined and encoded, the token of the old text that each token was, or NEW.

    A token was the one that held its first sign which is no blank: texts are cut into other tokens where other words
    come to stand beside each other.
    """
    whole = [[("".join(text for text, _ in each), [sign for _, signs in each for sign in signs])] for each in pieces]
    return origins_of_pieces(sentences, whole)


def origins_of_pieces(sentences: Sentences, pieces: Sequence[Sequence[Piece]]) -> Ragged:
    """The same of sentences whose pieces were encoded one by one."""
    tokenizer, found = sentences.tokenizer, []
    for text, mine in zip(sentences.columns.column("text").to_pylist(), pieces, strict=True):
        holder = _holders(tokenizer, text)
        signs = [sign for piece, signs in mine for sign in _of_tokens(tokenizer, piece, signs)]
        found.append([NEW if sign == NEW else holder[sign] for sign in signs])
    return Ragged.of(found)


def places_of_words(text: str, words: Sequence[str]) -> list[int]:
    """The index in a text where each of its words begins, in order; NEW for one that is not there."""
    places, at = [], 0
    for word in words:
        place = text.find(word, at)
        places.append(place if place >= 0 else NEW)
        at = place + len(word) if place >= 0 else at
    return places


def spaced(text: str, word: str, place: int, space: str) -> Piece:
    """A word that began at `place` of a text, behind `space`, which was the blank before it if there was one."""
    before = place - 1 if place > 0 and text[place - 1] == " " else NEW
    return space + word, [
        *[before] * len(space),
        *(range(place, place + len(word)) if place >= 0 else [NEW] * len(word)),
    ]


def reordered_pieces(
    texts: pa.Array, lengths: NDArray[np.int64], orders: Ragged, annotated: Mapping[int, Sequence[str]]
) -> list[list[Piece]]:
    """Texts cut at every single space into so many words each, in other orders, with single spaces between them.

    `annotated` has the words of those, by row, that are written without spaces, which stay so.
    """
    found = []
    for row, (text, length, order) in enumerate(zip(texts.to_pylist(), lengths.tolist(), orders, strict=True)):
        if row in annotated:
            found.append(_unspaced_pieces(text, annotated[row], order.tolist()))
            continue
        words = text.split(" ")
        begins = np.cumsum([0, *(len(word) + 1 for word in words[: length - 1])]).tolist()
        found.append([spaced(text, words[old], begins[old], " " * (new > 0)) for new, old in enumerate(order.tolist())])
    return found


def _unspaced_pieces(text: str, words: Sequence[str], order: Sequence[int]) -> list[Piece]:
    begins, pieces = places_of_words(text, words), list[Piece]()
    for old in order:
        touches = not pieces or (ends_unspaced(pieces[-1][0]) and begins_unspaced(words[old]))
        pieces.append(spaced(text, words[old], begins[old], "" if touches else " "))
    return pieces


def _holders(tokenizer: Tokenizer, text: str) -> list[int]:
    """For each sign of a text, the token that holds it, or its first byte."""
    holder = [NEW] * len(text)
    for token, (start, end) in reversed(list(enumerate(_spans(tokenizer, text)))):
        holder[start:end] = [token] * (end - start)
    return holder


def _of_tokens(tokenizer: Tokenizer, text: str, signs: Sequence[int]) -> list[int]:
    """For each token of a text, which of `signs` it was: that of its first sign which is no blank.

    A token of blanks alone was what its first blank was; one that was nothing belongs to what comes behind it.
    """
    found = []
    for start, end in _spans(tokenizer, text):
        bare = next((place for place in range(start, end) if not text[place].isspace()), start)
        behind = (sign for sign in signs[bare:] if sign != NEW)
        found.append(next(behind, NEW) if text[bare : bare + 1].isspace() else signs[bare])
    return found


def _spans(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    return list(tokenizer.backend.plain.encode(text, add_special_tokens=False).offsets)
