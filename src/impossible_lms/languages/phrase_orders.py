"""A noun phrase of several parts in all orders of them: the sentences that tell which order a model expects there."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.languages.language import Language, Sentences, sentences_for
from impossible_lms.languages.noun_phrase import ORDERS, PARTS, STAYS, arranged, kinds_of, modified, order_of
from impossible_lms.languages.relations import ADJECTIVE, DEMONSTRATIVE
from impossible_lms.languages.word_order import heads_of, in_order
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

FEWEST = 2  # modifiers of a phrase whose order says something


@dataclass(frozen=True, eq=False)
class Ordered:
    """n sentences that differ in the order of one noun phrase's parts, phrase after phrase.

    Attributes:
        tokens: of the sentences; the first of each phrase is the sentence as the language has it.
        phrase: (n,) int64, of which of the phrases.
        order: (n,) the order of its parts, as "N-Adj-Num".
        keeps_sides: (n,) bool, whether each modifier stands on the side of the noun where the language has it.
        is_by_scope: (n,) bool, whether on each side adjectives stand nearer to the noun than numerals, and these
            nearer than demonstratives.
    """

    tokens: Ragged
    phrase: NDArray[np.int64]
    order: NDArray[np.object_]
    keeps_sides: NDArray[np.bool_]
    is_by_scope: NDArray[np.bool_]


def largest_phrases(sentences: Sentences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sentences with a phrase of two or three kinds of modifiers, (p,), and the noun of the largest, (p,).

    Nouns are counted within their sentences; of several phrases as large it is the first. Sentences whose branches
    cross are left out, for to write out their trees moves more than the phrase.
    """
    heads, kinds = heads_of(sentences), kinds_of(sentences)
    places, is_tree, _ = arranged(heads, kinds, np.full(len(kinds), STAYS))
    of_word = np.repeat(np.arange(len(heads)), heads.lengths())
    serves = is_tree.copy()
    serves[of_word[places != heads.place()]] = False
    nouns, has = modified(heads, kinds)
    sentence, size = of_word[nouns], has.sum(axis=1)
    largest_first = np.lexsort((nouns, -size, sentence))
    chosen = largest_first[np.unique(sentence[largest_first], return_index=True)[1]]
    chosen = chosen[(size[chosen] >= FEWEST) & serves[sentence[chosen]]]
    return sentence[chosen], nouns[chosen] - heads.offsets[sentence[chosen]]


def in_all_orders(
    columns: pa.RecordBatch, nouns: NDArray[np.int64], language: Language, tokenizer: Tokenizer
) -> Ordered:
    """Each of p sentences as a language of noun phrases has it, and with one of its phrases in each other order.

    Args:
        columns: the sentences, annotated.
        nouns: (p,) the index of the phrase's noun in each, as `largest_phrases` gives it.
        language: an order of noun phrases, or their control, whose phrases are as the text has them.
        tokenizer: without markers.
    """
    order = order_of(language)
    own = STAYS if order is None else ORDERS.index(order)
    members = [_members(*each) for each in zip(*_trees(columns, language, tokenizer), nouns.tolist(), strict=True)]
    tries = [[own, *_orders({kind for kind, _ in each})] for each in members]
    phrase = np.repeat(np.arange(len(nouns)), [len(each) for each in tries])
    repeated = next(sentences_for([language.family], columns.take(pa.array(phrase)), tokenizer, 0))
    heads, kinds = heads_of(repeated), kinds_of(repeated)
    chosen = np.full(len(kinds), own)
    chosen[heads.offsets[:-1] + nouns[phrase]] = np.concatenate(tries)
    places = Ragged(arranged(heads, kinds, chosen)[0], heads.offsets)
    told, kept = [], []
    as_it_is = places[0]
    for at, of in enumerate(phrase.tolist()):
        is_first = not at or of != phrase[at - 1]
        as_it_is = places[at] if is_first else as_it_is
        if is_first or not np.array_equal(places[at], as_it_is):
            told.append(_told(np.argsort(places[at]), members[of], int(nouns[of])))
            kept.append(at)
    rows = np.array(kept)
    tokens, _ = in_order(repeated, places.values, places.offsets)
    first = np.searchsorted(phrase[rows], phrase[rows])
    return Ordered(
        tokens.take(rows),
        phrase[rows],
        np.array([each.order for each in told], dtype=object),
        np.array([each.is_after == told[at].is_after for each, at in zip(told, first, strict=True)]),
        np.array([each.is_by_scope for each in told]),
    )


def _trees(columns: pa.RecordBatch, language: Language, tokenizer: Tokenizer) -> tuple[Ragged, Ragged]:
    """The heads of the words of each sentence, and what they are in noun phrases."""
    sentences = next(sentences_for([language.family], columns, tokenizer, 0))
    heads = heads_of(sentences)
    return heads, Ragged(kinds_of(sentences), heads.offsets)


def _members(heads: NDArray[np.int64], kinds: NDArray[np.uint8], noun: int) -> list[tuple[int, int]]:
    """The modifiers of a noun: which of PARTS, and the index of the word."""
    words = np.flatnonzero((heads == noun) & (kinds >= DEMONSTRATIVE) & (kinds <= ADJECTIVE))
    return [(int(kinds[word]) - DEMONSTRATIVE, int(word)) for word in words]


def _orders(kinds: set[int]) -> Iterator[int]:
    """Of ORDERS one for each order of a noun and the modifiers that there are; the others come after them."""
    there = [part for number, part in enumerate(PARTS) if number in kinds or part == PARTS[-1]]
    others = [part for part in PARTS if part not in there]
    for order in permutations(there):
        yield ORDERS.index("-".join([*order, *others]))


class _Told(NamedTuple):
    """Of a phrase as it stands: the order of its parts, which modifiers are after the noun, whether it is by scope."""

    order: str
    is_after: list[bool]
    is_by_scope: bool


def _told(places: NDArray[np.int64], members: list[tuple[int, int]], noun: int) -> _Told:
    """`places` (words,) is the new index of each word of the sentence."""
    away = [(kind, int(places[word]) - int(places[noun])) for kind, word in members]
    middle = {PARTS[-1]: 0.0}
    for kind in {kind for kind, _ in away}:
        middle[PARTS[kind]] = float(np.mean([by for other, by in away if other == kind]))
    is_by_scope = all(
        abs(inner) < abs(outer)
        for one, inner in away
        for other, outer in away
        if one > other and (inner > 0) == (outer > 0)
    )
    return _Told("-".join(sorted(middle, key=middle.__getitem__)), [by > 0 for _, by in away], is_by_scope)
