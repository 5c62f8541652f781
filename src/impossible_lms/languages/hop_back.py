"""Back from the *Hop* languages to *NoHop*: each marker moved to its verb, and where none can have been, the fault.

Nothing is annotated here. Words are read off the tokens: after the rewriting of the family each stands behind a single
space, with its clitics; a marked verb that was a clitic itself (`'s`, written ` be`) is a word like any other.
"""

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.ragged import Ragged
from impossible_lms.scripts import touch_unspaced
from impossible_lms.tokenizer import Tokenizer

CLITICS = frozenset(["n't", "'ll", "'s", "'re", "'ve", "'m"])  # written onto the word before
PUNCTUATION = frozenset(string.punctuation)

Back = Callable[[Ragged, Tokenizer], Ragged]
Counts = Callable[[str], bool]  # whether a word with its clitics counts for a distance
WellFormed = Callable[[Ragged, Tokenizer], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Words:
    """The words of a sentence of n tokens without its markers.

    Attributes:
        starts: (w + 1,) int64, the first token of each word, and n.
        counted: (c,) int64, the indices of the words that count for a distance.
    """

    starts: NDArray[np.int64]
    counted: NDArray[np.int64]

    def end_at(self, place: int) -> bool:
        """Whether a word ends before the token `place`."""
        return bool((self.starts[1:] == place).any())

    def after(self, place: int) -> int:
        """How many words that count begin at the token `place` or later."""
        return int((self.starts[self.counted] >= place).sum())

    @classmethod
    def of(cls, tokens: NDArray[Any], begins: NDArray[np.bool_], tokenizer: Tokenizer, counting: Counts) -> "Words":
        """The words of `tokens` (n,), of which those of `begins` (n,) bool start with a space."""
        starts = np.append(np.flatnonzero(begins | (np.arange(len(tokens)) == 0)), len(tokens))
        texts = [tokenizer.decode(tokens[start:end]) for start, end in pairwise(starts)]
        counted, is_left = [], False
        for text in reversed(texts):
            is_left |= any(character.isalnum() for character in text)
            counted.append(is_left and counting(text.removeprefix(" ")))
        return cls(starts, np.flatnonzero(counted[::-1]))


# From the words of a sentence and a marker's place among its other tokens, its place in NoHop; None where none is.
Return = Callable[[Words, int], int | None]


def counts(text: str) -> bool:
    """Of the paper's languages: not if the word is a clitic or all punctuation, of ASCII."""
    text = _without_clitics(text)
    return bool(text) and not PUNCTUATION.issuperset(text)


def counts_anywhere(text: str) -> bool:
    """Of the others: not if the word is a clitic, or nothing in it is a letter or digit of any script."""
    return any(character.isalnum() for character in _without_clitics(text))


def back(returned: Return, hops: int, counting: Counts = counts) -> Back:
    """A function that puts sentences into the form of *NoHop*; empty where they are none of the language.

    In it each marker follows a whole word that at least `hops` counted words come after, and no two the same. Empty,
    too, where words of a script without spaces may touch: nothing tells where they end.
    """

    def to_control(sentences: Ragged, tokenizer: Tokenizer) -> Ragged:
        made = []
        is_unspaced = _unspaced(sentences, tokenizer)
        for row, (plain, words, places, markers) in enumerate(_taken_apart(sentences, tokenizer, counting)):
            homes = [returned(words, int(place)) for place in places]
            known = [home for home in homes if home is not None and words.end_at(home) and words.after(home) >= hops]
            is_whole = len(known) == len(homes) and len(set(known)) == len(known) and not is_unspaced[row]
            made.append(np.insert(plain, known, markers) if is_whole else plain[:0])
        return Ragged.of(made, dtype=sentences.values.dtype)

    return to_control


def comes_back(to_control: Back) -> WellFormed:
    """Whether each of k sentences can be put into the form of the control, or its words cannot be told: (k,) bool."""
    return lambda sentences, tokenizer: (
        (to_control(sentences, tokenizer).lengths() > 0) | _unspaced(sentences, tokenizer)
    )


def behind_two_words(sentences: Ragged, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """(k,) bool: whether every marker of a sentence follows a whole word, and that one another: a verb and one more."""
    return np.array(
        [
            all(words.end_at(int(place)) and (words.starts[1:] < place).any() for place in places)
            for _, words, places, _ in _taken_apart(sentences, tokenizer, counts)
        ],
        dtype=bool,
    )


def stays(words: Words, place: int) -> int | None:
    """*NoHop*: it stands there already."""
    return place


def tokens_back(hops: int) -> Return:
    """*TokenHop*: so many tokens back."""
    return lambda words, place: place - hops if place > hops else None


def words_back(hops: int) -> Return:
    """*WordHop*: after the word from which the one before the marker is the `hops`-th that counts."""

    def returned(words: Words, place: int) -> int | None:
        last = np.searchsorted(words.starts[1:], place)
        rank = int(np.searchsorted(words.counted, last))
        is_reached = words.end_at(place) and rank < len(words.counted) and words.counted[rank] == last
        return int(words.starts[words.counted[rank - hops] + 1]) if is_reached and rank >= hops else None

    return returned


def _taken_apart(
    sentences: Ragged, tokenizer: Tokenizer, counting: Counts
) -> Iterator[tuple[NDArray[Any], Words, NDArray[np.int64], NDArray[Any]]]:
    """Of each sentence its tokens without markers, their words, each marker's place among them, and the markers."""
    ids = np.array(list(tokenizer.markers.values()))
    distinct = np.unique(sentences.values)
    is_spaced = np.array([piece.startswith(" ") for piece in tokenizer.pieces(distinct)], dtype=bool)
    for sentence in sentences:
        is_marker = np.isin(sentence, ids)
        plain = sentence[~is_marker]
        places = np.flatnonzero(is_marker) - np.arange(int(is_marker.sum()))
        yield (
            plain,
            Words.of(plain, np.isin(plain, distinct[is_spaced]), tokenizer, counting),
            places,
            sentence[is_marker],
        )


def _unspaced(sentences: Ragged, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """(k,) bool: in which of k sentences words of a script without spaces may touch."""
    ids = np.array(list(tokenizer.markers.values()))
    return touch_unspaced(pa.array([tokenizer.decode(each[~np.isin(each, ids)]) for each in sentences], pa.string()))


def _without_clitics(text: str) -> str:
    while clitic := next((each for each in CLITICS if text.endswith(each)), None):
        text = text.removesuffix(clitic)
    return text
