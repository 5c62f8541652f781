"""Word-level *Reverse*: 🅁 between two words, and the words reversed after it, or all (Ziv et al. 2025, section 3).

The paper's languages reverse tokens (section 3.1), so that the parts of a word come from last to first as well.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.languages.language import NEW, Family, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.reverse import MARKER, maker
from impossible_lms.languages.signs import origins_of_pieces
from impossible_lms.languages.word_shuffle import Words, lost_where_unspaced, not_told, said
from impossible_lms.ragged import Ragged
from impossible_lms.scripts import are_unspaced
from impossible_lms.tokenizer import Tokenizer

WORD_REVERSE = Family("word-reverse", markers=(MARKER,))
LOOSE = "a space that does not separate two words"

# Of sentences of (k,) words, marked before the word at (k,) places: the old index of the word at each new index, and
# the (k,) new place of the marker. Done again from the new place, it gives back the old order and the old place.
Change = Callable[[NDArray[np.int64], NDArray[np.int64]], tuple[Ragged, NDArray[np.int64]]]


def marked(change: Change) -> Rule:
    """The rule that puts 🅁 at a uniformly drawn place in [0, n] among n words, then does `change`.

    Sentences with a space at either end, or two in a row, are dropped: where their words end could not be told again.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        texts = sentences.columns.column("text")
        words = Words.of_sentences(sentences)
        orders, places = change(words.lengths, generator.integers(0, words.lengths + 1))
        pieces = sentences.tokenizer.encode_words(words.taken(orders), (orders.place() > 0) & ~words.touching(orders))
        ends = np.append(0, np.cumsum(words.lengths))
        tokens = Ragged(pieces.values, pieces.offsets[ends])
        before = pieces.offsets[ends[:-1] + places] - tokens.offsets[:-1]
        changed = tokens.insert(np.arange(len(tokens)), before, sentences.tokenizer.markers[MARKER])

        def origins() -> Ragged:
            found = origins_of_pieces(sentences, words.pieces(texts, orders))
            return found.insert(np.arange(len(found)), before, NEW)

        is_loose = pc.match_substring_regex(texts, "^ |  | $").to_numpy(zero_copy_only=False)
        return Rewritten(changed, np.ones(len(places), dtype=bool), {LOOSE: is_loose}, origins)

    return rule


def undone(change: Change) -> Callable[[Ragged, Tokenizer], Ragged]:
    """The inverse of `marked(change)`: the marker taken out, and the words as they were, encoded again."""

    def inverse(tokens: Ragged, tokenizer: Tokenizer) -> Ragged:
        is_marker = tokens.values == tokenizer.markers[MARKER]
        is_before = tokens.place() < tokens.spread(tokens.place()[is_marker])
        before = said(_only(tokens, is_before), tokenizer)
        texts = said(_only(tokens, ~is_marker), tokenizer)
        words = Words.of(texts)
        places = np.where(pc.equal(before, ""), 0, Words.of(before).lengths)
        orders, _ = change(words.lengths, places)
        return lost_where_unspaced(tokenizer.encode(words.reordered(orders)), texts)

    return inverse


def _only(tokens: Ragged, chosen: NDArray[np.bool_]) -> Ragged:
    """Of each sequence the chosen elements, (n,) bool."""
    return Ragged(tokens.values[chosen], np.append(0, np.cumsum(chosen))[tokens.offsets])


def keep(lengths: NDArray[np.int64], places: NDArray[np.int64]) -> tuple[Ragged, NDArray[np.int64]]:
    """Nothing more: the words as they are."""
    orders = Ragged.of_lengths(np.empty(int(lengths.sum()), np.int64), lengths)
    return Ragged(orders.place(), orders.offsets), places


def reverse_after(lengths: NDArray[np.int64], places: NDArray[np.int64]) -> tuple[Ragged, NDArray[np.int64]]:
    """The words after the marker reversed."""
    orders, _ = keep(lengths, places)
    new, begin = orders.values, orders.spread(places)
    return Ragged(np.where(new < begin, new, begin + orders.spread(lengths) - 1 - new), orders.offsets), places


def reverse_all(lengths: NDArray[np.int64], places: NDArray[np.int64]) -> tuple[Ragged, NDArray[np.int64]]:
    """All words reversed, and the marker with them."""
    orders, _ = keep(lengths, places)
    return Ragged(orders.spread(lengths) - 1 - orders.values, orders.offsets), lengths - places


def bits_of_word_place(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.float64]:
    """log2(n + 1) for n words: the marker is as likely at each of n + 1 places. NaN where nothing tells words apart."""
    texts = said(tokens, tokenizer)
    bits = np.asarray(np.where(tokens.lengths() > 0, np.log2(Words.of(texts).lengths + 1), 0), dtype=np.float64)
    return np.where(are_unspaced(texts), np.nan, bits)


def _maker(stem: str, change: Change, summary: str, style: Style) -> Maker:
    made = maker(stem, WORD_REVERSE, marked(change), undone(change), bits_of_word_place, summary, style)
    return replace(made, make=lambda name, seed: replace(made.make(name, seed), lacking=not_told))


MAKERS = (
    _maker("no-word-reverse", keep, "🅁 between two words at random", Style("#606060", "-", "o")),
    _maker(
        "partial-word-reverse",
        reverse_after,
        "🅁 between two words at random, the words after it reversed",
        Style("#B37A14", "--", "s"),
    ),
    _maker(
        "full-word-reverse",
        reverse_all,
        "🅁 between two words at random, all words reversed",
        Style("#742F77", "-.", "D"),
    ),
)
