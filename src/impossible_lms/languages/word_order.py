"""Word orders: subject, verb and object of every clause in another order, over dependency trees (Ravfogel et al. 2019).

Ravfogel, Goldberg and Linzen (2019) and Zhao et al. (2024) move the arguments of English verbs into the six orders of
Greenberg's universals. `sov`, `svo` and `vso` are common among the world's languages, `vos` rare, `ovs` and `osv` very
rare; none needs counting. They stand beside the impossible languages as controls: as far from English on the surface,
but made by a rule over structure.

In every clause the parts that are there, the subject (nsubj, csubj), the verb with its auxiliaries and what adverbs
stand between these, and the objects (obj, iobj), stand in the order asked for, where one of them stood; each takes
along all that hangs on it. Of `is a teacher` the copula is the verb and `a teacher` stands where objects do. All else
stays: other complements, adverbials, conjunctions and punctuation.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.languages.hop_back import CLITICS
from impossible_lms.languages.language import Family, Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.relations import ADVERB, ADVERBS, KINDS, REST, UNKNOWN
from impossible_lms.languages.signs import Piece, origins_of_text, places_of_words, spaced
from impossible_lms.ragged import Ragged

WORD_ORDER = Family("word-order", markers=())
CONTROL = "no-reorder"
NEEDS = ("words", "head", "deprel")
NO_TREE = "no dependency tree: heads missing, or in a circle"


def reordered(order: str | None) -> Rule:
    """The rule that puts the parts of every clause in `order`, such as "sov", or leaves the words as they are.

    A sentence counts as changed where it has a clause with an argument, in all languages of the family alike, and the
    control too. Sentences whose heads make no tree are dropped.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        from impossible_lms.languages.clauses import linearised

        sentences.annotation("words")  # the first that is missing is said
        heads, kinds = heads_of(sentences), kinds_of(sentences)
        places, offsets = np.empty(len(heads.values), np.int64), heads.offsets
        is_tree, has_arguments = np.empty(len(heads), dtype=bool), np.empty(len(heads), dtype=bool)
        orders = np.array([["svo".index(part) for part in order or "svo"]])
        linearised(heads.values, kinds, offsets, orders, np.zeros_like(heads.values), places, is_tree, has_arguments)
        if order is None:
            places = heads.place()
        tokens, origins = in_order(sentences, places, offsets)
        return Rewritten(tokens, has_arguments, {NO_TREE: ~is_tree}, origins)

    return rule


def in_order(
    sentences: Sentences, places: NDArray[np.int64], offsets: NDArray[np.int64]
) -> tuple[Ragged, Callable[[], Ragged]]:
    """The tokens of sentences whose words stand in another order, and a function that says where they came from.

    `places` (n,) are the old indices, each in its sentence, of the words at the new ones.
    """
    words, moved = sentences.annotation("words"), Ragged(places, offsets)
    spaces = _spaces(words, moved, _touches(sentences))
    tokens = sentences.tokenizer.encode(_written(words, moved, spaces))
    return tokens, lambda: origins_of_text(sentences, _pieces(sentences, moved, spaces))


def heads_of(sentences: Sentences) -> Ragged:
    """The head of each word as an index in its sentence; ROOT and UNKNOWN where there is none."""
    heads = sentences.annotation("head")
    lengths = heads.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    numbers = heads.flatten().fill_null(UNKNOWN + 1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Ragged.of_lengths(numbers - 1, lengths)


def kinds_of(sentences: Sentences) -> NDArray[np.uint8]:
    """(n,): what each word is to its head."""
    relations = sentences.annotation("deprel").flatten()
    coded = relations if pa.types.is_dictionary(relations.type) else relations.dictionary_encode()
    kinds = np.array([*(_kind(relation) for relation in coded.dictionary.to_pylist()), _kind("")], dtype=np.uint8)
    of_word: NDArray[np.uint8] = kinds[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return of_word


def _kind(relation: str) -> int:
    if relation in ADVERBS:
        return ADVERB
    universal = relation.partition(":")[0]
    return next((kind for kind, relations in KINDS.items() if universal in relations.split()), REST)


def _touches(sentences: Sentences) -> NDArray[np.bool_]:
    """(n,) bool: whether no space stands between a word and the one before it; False where the corpus does not say."""
    words = sentences.annotation("words")
    touches = np.zeros(len(words.flatten()), dtype=bool)
    if "space_after" in sentences.columns.schema.names:
        spaces = sentences.annotation("space_after").flatten().fill_null(True).to_numpy(zero_copy_only=False)
        touches[1:] = ~spaces[:-1]
        lengths = words.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        touches[(np.cumsum(lengths) - lengths)[lengths > 0]] = False
    return touches


def _spaces(words: pa.ListArray, places: Ragged, touches: NDArray[np.bool_]) -> pa.StringArray:
    """(n,): what stands before each word in its new place, a space or nothing.

    A word that touched the one before it touches it where the two are still together; a clitic or a sign of punctuation
    touches whatever comes before it now, so that spaces do not tell what has moved.
    """
    index = places.values + places.starts
    forms = words.flatten().cast(pa.string())
    leans = pc.or_(pc.is_in(forms, pa.array(sorted(CLITICS))), pc.match_substring_regex(forms, r"^[^\pL\pN]"))
    is_next = np.append(False, np.diff(index) == 1)[: len(index)]
    is_glued = (touches & leans.to_numpy(zero_copy_only=False))[index] | (touches[index] & is_next)
    return pc.if_else(pa.array(is_glued | (places.place() == 0)), "", " ")


def _written(words: pa.ListArray, places: Ragged, spaces: pa.StringArray) -> pa.StringArray:
    """(k,): the words of each sentence in their new places as text."""
    forms = words.flatten().cast(pa.string()).take(pa.array(places.values + places.starts))
    spaced = pc.binary_join_element_wise(spaces, forms, "")
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(places.offsets.astype(np.int32)), spaced), "")


def _pieces(sentences: Sentences, places: Ragged, spaces: pa.StringArray) -> list[list[Piece]]:
    """The words of each sentence in their new places, with where they stood in its text."""
    texts, words = (sentences.columns.column(name).to_pylist() for name in ("text", "words"))
    before, found = iter(spaces.to_pylist()), []
    for text, forms, order in zip(texts, words, places, strict=True):
        stood = places_of_words(text, forms or ())
        found.append([spaced(text, forms[old], stood[old], next(before)) for old in order.tolist()])
    return found


def _maker(name: str, order: str | None, summary: str, style: Style) -> Maker:
    language = Language(name, WORD_ORDER, CONTROL, reordered(order), summary, style, needs=NEEDS)
    return Maker(name, "", lambda name, number: language, {name: 0})


MAKERS = (
    _maker(CONTROL, None, "the words as they are", Style("#606060", "-", "o")),
    _maker("word-order-sov", "sov", "subject, object, verb, as in Japanese", Style("#E8384F", "--", "s")),
    _maker("word-order-svo", "svo", "subject, verb, object everywhere, in questions too", Style("#8DB000", "-.", "D")),
    _maker("word-order-vso", "vso", "verb, subject, object, as in Irish", Style("#208EA3", ":", "^")),
    _maker("word-order-vos", "vos", "verb, object, subject, as in Malagasy", Style("#4178BC", "--", "v")),
    _maker("word-order-ovs", "ovs", "object, verb, subject, as in Hixkaryana", Style("#AA71FF", "-.", "<")),
    _maker("word-order-osv", "osv", "object, subject, verb, the rarest order", Style("#E37CFF", ":", ">")),
)
