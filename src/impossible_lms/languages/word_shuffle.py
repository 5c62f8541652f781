"""Word-level *Shuffle*: the words of a sentence in another order, each in one piece (Ziv et al. 2025, section 3).

The paper's shuffles move tokens, so that the parts of a rare word are torn from each other; here `bookshelf.` stays
what it is. Words are what stands between spaces in the text: no annotation is needed, and punctuation stays with its
word. In a script without spaces they are those of the annotation, and stand beside each other as there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.languages.language import Family, Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.shuffle import (
    CONTROL,
    LONGEST,
    Order,
    affected,
    bits_of_order,
    drawn_anew,
    even_odd,
    in_windows,
)
from impossible_lms.languages.signs import Piece, origins_of_text, reordered_pieces
from impossible_lms.ragged import Ragged
from impossible_lms.scripts import MOSTLY, are_unspaced, begins_unspaced, ends_unspaced, joined_as_written
from impossible_lms.tokenizer import Tokenizer

WORD_SHUFFLE = Family("word-shuffle", markers=())

# For the numbers of words of k sentences, and a generator: the old index of the word at each new index, k sequences.
Orders = Callable[[NDArray[np.int64], np.random.Generator], Ragged]


def by_orders(orders: Orders) -> Rule:
    """The rule that puts the words of each sentence in another order and joins them with single spaces.

    Sentences of more than LONGEST tokens are dropped, as the control drops them, and all others count as changed.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        words = Words.of_sentences(sentences)
        moved = orders(words.lengths, generator)

        def origins() -> Ragged:
            return origins_of_text(sentences, words.pieces(sentences.columns.column("text"), moved))

        tokens = sentences.tokenizer.encode(words.reordered(moved))
        return affected(tokens, sentences.tokens.lengths() > LONGEST, origins)

    return rule


@dataclass(frozen=True)
class Words:
    """The words of k texts: `flat` (n,) and `lengths` (k,) int64. A text has at least one, maybe empty.

    `annotated` (k,) bool says of which texts they are those of the annotation, for the text has no spaces.
    """

    flat: pa.StringArray
    lengths: NDArray[np.int64]
    annotated: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: pa.Array) -> "Words":
        """Texts cut at every single space."""
        split = pc.split_pattern(texts, " ")
        lengths = split.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(split.flatten(), lengths, np.zeros(len(texts), dtype=bool))

    @classmethod
    def of_sentences(cls, sentences: Sentences) -> "Words":
        """The words of a block: of texts written without spaces those of their annotation, where they have one."""
        texts = sentences.columns.column("text")
        unspaced = are_unspaced(texts)
        if not unspaced.any() or "words" not in sentences.columns.schema.names:
            return cls.of(texts)
        known = sentences.columns.column("words")
        unspaced &= known.value_lengths().fill_null(0).to_numpy(zero_copy_only=False) > 0
        of_text = pc.split_pattern(texts, " ").to_pylist()
        words = [known[row].as_py() if unspaced[row] else split for row, split in enumerate(of_text)]
        lists = pa.array(words, pa.list_(pa.string()))
        lengths = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(lists.flatten(), lengths, unspaced)

    def taken(self, orders: Ragged) -> pa.StringArray:
        """(n,): the words of each text in its order."""
        return self.flat.take(pa.array(orders.values + orders.spread(np.cumsum(self.lengths) - self.lengths)))

    def reordered(self, orders: Ragged) -> pa.StringArray:
        """(k,): the texts with their words in their orders."""
        lists = pa.ListArray.from_arrays(pa.array(orders.offsets.astype(np.int32)), self.taken(orders))
        joined = pc.binary_join(lists, " ")
        if not self.annotated.any():
            return joined
        texts = joined.to_pylist()
        for row in np.flatnonzero(self.annotated).tolist():
            texts[row] = joined_as_written(lists[row].as_py())
        return pa.array(texts, pa.string())

    def pieces(self, texts: pa.Array, orders: Ragged) -> list[list[Piece]]:
        """The words of each of the texts in its order, with where their signs stood."""
        starts = np.cumsum(self.lengths) - self.lengths
        known = {
            row: self.flat.slice(int(starts[row]), int(self.lengths[row])).to_pylist()
            for row in np.flatnonzero(self.annotated).tolist()
        }
        return reordered_pieces(texts, self.lengths, orders, known)

    def touching(self, orders: Ragged) -> NDArray[np.bool_]:
        """(n,) bool: which words, taken in these orders, touch the one before them, as words without spaces do."""
        touch = np.zeros(len(orders.values), dtype=bool)
        rows = np.flatnonzero(orders.spread(self.annotated) & (orders.place() > 0))
        taken = self.taken(orders)
        for row in rows.tolist():
            touch[row] = ends_unspaced(taken[row - 1].as_py()) and begins_unspaced(taken[row].as_py())
        return touch


def not_told(blocks: Sequence[pa.RecordBatch]) -> str | None:
    """Why words cannot be moved where most sentences are written without spaces and not annotated; None elsewhere."""
    unknown = [are_unspaced(block.column("text")) for block in blocks if "words" not in block.schema.names]
    sentences = sum(len(block) for block in blocks)
    if sum(int(each.sum()) for each in unknown) <= MOSTLY * sentences:
        return None
    return (
        f"most of the first {sentences:,} sentences are written without spaces between words, which are not known. "
        "Annotate the corpus in its own language: impossible annotate CORPUS --with stanza:zh --output ANNOTATED. "
        "Languages of tokens (local-shuffle-w3, full-reverse) need no words."
    )


def lost_where_unspaced(tokens: Ragged, texts: pa.Array) -> Ragged:
    """Recovered tokens, but none of the texts that are written without spaces: nothing in them tells their words."""
    unspaced = are_unspaced(texts)
    if not unspaced.any():
        return tokens
    lengths = np.where(unspaced, 0, tokens.lengths())
    return Ragged.of_lengths(tokens.values[~tokens.spread(unspaced)], lengths)


def said(tokens: Ragged, tokenizer: Tokenizer) -> pa.StringArray:
    """(k,): sentences as text."""
    return pa.array([tokenizer.decode(sentence) for sentence in tokens], pa.string())


def of_length(order: Order) -> Callable[[NDArray[np.int64]], Ragged]:
    """From the lengths of k sentences, the order that each has for its length."""
    known = cache(order)

    def orders(lengths: NDArray[np.int64]) -> Ragged:
        distinct, which = np.unique(lengths, return_inverse=True)
        return Ragged.of([known(length) for length in distinct]).take(which)

    return orders


def shuffled(lengths: NDArray[np.int64], generator: np.random.Generator) -> Ragged:
    """Every sentence in an order of its own, drawn with the next draws of one generator."""
    from impossible_lms.kernels import shuffle_each

    orders = Ragged.of_lengths(np.empty(int(lengths.sum()), np.int64), lengths)
    places = orders.place()
    shuffle_each(places, orders.offsets, generator)
    return Ragged(places, orders.offsets)


def bits_of_word_order(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.float64]:
    """log2 of the number of distinct orders of each sentence's words; NaN where nothing tells them apart."""
    texts = said(tokens, tokenizer)
    words = Words.of(texts)
    codes = words.flat.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    bits = bits_of_order(Ragged.of_lengths(codes, words.lengths), tokenizer)
    return np.where(are_unspaced(texts), np.nan, bits)


def in_order(name: str, order: Order, summary: str, style: Style, parameters: dict[str, int]) -> Language:
    """A language with one order for all sentences of a length, which can therefore be undone."""
    orders = of_length(order)

    def inverse(tokens: Ragged, tokenizer: Tokenizer) -> Ragged:
        texts = said(tokens, tokenizer)
        words = Words.of(texts)
        moved = orders(words.lengths)
        back = Ragged(moved.place(), moved.offsets).scatter(moved.values)
        return lost_where_unspaced(tokenizer.encode(words.reordered(back)), texts)

    rule = by_orders(lambda lengths, _: orders(lengths))
    return Language(name, WORD_SHUFFLE, CONTROL, rule, summary, style, parameters, inverse=inverse, lacking=not_told)


def nondeterministic(name: str, seed: int) -> Language:
    """Another order of the words for every sentence."""
    style, rule = Style("#B0142A", "--", "s"), by_orders(shuffled)
    summary, parameters = "the words of every sentence in an order of its own", {"seed": seed}
    bits = bits_of_word_order
    return Language(
        name, WORD_SHUFFLE, CONTROL, rule, summary, style, parameters, seed, added_bits=bits, lacking=not_told
    )


def deterministic(name: str, seed: int) -> Language:
    """One order of the words for all sentences of a length."""
    summary = f"one order of the words for each length, seed {seed}"
    return in_order(name, drawn_anew(seed), summary, Style("#C78500", "-.", "D"), {"seed": seed})


def local(name: str, window: int) -> Language:
    """One order for all windows of so many words."""
    style = {3: Style("#146878", ":", "<"), 5: Style("#2A5080", ":", ">")}.get(window, Style("#7A3FD1", ":", "P"))
    summary = f"words shuffled in windows of {window}"
    return in_order(name, in_windows(window), summary, style, {"window": window})


def evens_then_odds(name: str, number: int) -> Language:
    """Words at even places first; its number is never used."""
    summary = "the words at even places, then those at odd ones"
    return in_order(name, even_odd, summary, Style("#B04FC7", "--", "X"), {})


MAKERS = (
    Maker("nondeterministic-word-shuffle", "s", nondeterministic, {"nondeterministic-word-shuffle": 0}),
    Maker("deterministic-word-shuffle", "s", deterministic, {"deterministic-word-shuffle-s21": 21}),
    Maker("local-word-shuffle", "w", local, {f"local-word-shuffle-w{width}": width for width in (3, 5, 10)}, least=3),
    Maker("even-odd-word-shuffle", "", evens_then_odds, {"even-odd-word-shuffle": 0}),
)
