"""Noun-phrase orders: demonstrative, numeral, adjective and noun in each of their 24 orders, over dependency trees.

Greenberg's (1963) Universal 20 is about these four. Cinque (2005, "Deriving Greenberg's Universal 20 and its
exceptions", Linguistic Inquiry 36, example 6) lists which of the 24 orders languages have, and in how many: 14 are
attested. Yang et al. (2025) ask whether models tell them from the other ten. No order needs counting.

In every phrase whose noun has at least one of the others the parts that are there stand in the order asked for, where
one of them stood; each takes along all that hangs on it. Demonstratives are determiners (det) that the annotation
calls so (PronType=Dem), numerals nummod, adjectives amod; the noun is their head, with what makes one name or compound
with it (compound, flat, fixed, goeswith). Articles, possessors, relative clauses and all else stay where they are, and
several adjectives keep their own order. The rule goes by what words are to each other, so that it serves any language
with such a treebank.
"""

import re
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.corpora.example import PHRASE
from impossible_lms.languages.language import Family, Language, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.relations import ADJECTIVE, DEMONSTRATIVE, NAME, NUMERAL, REST
from impossible_lms.languages.word_order import NO_TREE, heads_of, in_order
from impossible_lms.ragged import Ragged

NOUN_PHRASE = Family("noun-phrase", markers=(), sentence=PHRASE)
CONTROL = "no-noun-phrase"
NEEDS = ("words", "head", "deprel", "features")
STEM = "noun-phrase"
PARTS = ("Dem", "Num", "Adj", "N")
VERY_MANY, MANY, FEW, VERY_FEW = "very many", "many", "few", "very few"
# Cinque 2005, (6a) to (6x): in how many of the languages he knows of; the orders that are not here he found in none.
ATTESTED = {
    "Dem-Num-Adj-N": VERY_MANY,
    "Dem-Num-N-Adj": MANY,
    "Dem-N-Num-Adj": VERY_FEW,
    "N-Dem-Num-Adj": FEW,
    "Adj-N-Dem-Num": VERY_FEW,
    "N-Adj-Dem-Num": FEW,
    "Dem-Adj-N-Num": VERY_FEW,
    "Dem-N-Adj-Num": MANY,
    "N-Dem-Adj-Num": VERY_FEW,
    "Num-Adj-N-Dem": VERY_FEW,
    "Num-N-Adj-Dem": FEW,
    "N-Num-Adj-Dem": FEW,
    "Adj-N-Num-Dem": VERY_FEW,
    "N-Adj-Num-Dem": VERY_MANY,
}
ORDERS = tuple("-".join(order) for order in permutations(PARTS))
RELATIONS = {ADJECTIVE: "amod", NUMERAL: "nummod", NAME: "compound flat fixed goeswith"}
STAYS = -1  # in place of an order
DETERMINER = "det"
DEMONSTRATIVES = r"(^|\|)PronType=([^|]*,)?Dem(,[^|]*)?($|\|)"
# Their colours go round the wheel, light and dark in turn; dashes and signs tell neighbours apart.
SIGNS, DASHES = ("s", "D", "^", "v", "<", ">"), ("--", "-.", ":", "-")


def reordered(order: str | None) -> Rule:
    """The rule that puts the parts of noun phrases in an `order` such as "N-Adj-Num-Dem", or leaves them as they are.

    A sentence counts as changed where it has a phrase of two parts, in all languages of the family alike, and the
    control too. Sentences whose heads make no tree are dropped.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        sentences.annotation("words")  # the first that is missing is said
        heads = heads_of(sentences)
        chosen = np.full(len(heads.values), STAYS if order is None else ORDERS.index(order))
        places, is_tree, has_phrase = arranged(heads, kinds_of(sentences), chosen)
        if order is None:
            places = heads.place()
        tokens, origins = in_order(sentences, places, heads.offsets)
        return Rewritten(tokens, has_phrase, {NO_TREE: ~is_tree}, origins)

    return rule


def arranged(
    heads: Ragged, kinds: NDArray[np.uint8], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the words of k sentences stand once their noun phrases are in an order each.

    Args:
        heads: of each word, as `heads_of` gives them.
        kinds: (n,) as `kinds_of` gives them.
        chosen: (n,) which of ORDERS the phrase of each word is put in, if it is a noun; STAYS for none.

    Returns (n,) int64, the old index of the word at each new one of its sentence; (k,) bool, whether the heads make a
    tree; and (k,) bool, whether there is a phrase of two parts.
    """
    from impossible_lms.languages.clauses import linearised

    places = np.empty(len(heads.values), np.int64)
    is_tree, has_phrase = np.empty(len(heads), dtype=bool), np.empty(len(heads), dtype=bool)
    orders = np.array([[PARTS.index(part) for part in order.split("-")] for order in ORDERS])
    linearised(heads.values, kinds, heads.offsets, orders, chosen, places, is_tree, has_phrase)
    return places, is_tree, has_phrase


def kinds_of(sentences: Sentences) -> NDArray[np.uint8]:
    """(n,): what each word is in the noun phrase of its head."""
    return _kinds(sentences.annotation("deprel").flatten(), sentences.annotation("features").flatten())


def _kinds(relations: pa.Array, features: pa.Array) -> NDArray[np.uint8]:
    universal = pc.replace_substring_regex(relations.cast(pa.string()).fill_null(""), ":.*$", "")
    is_demonstrative = pc.and_(
        pc.equal(universal, DETERMINER),
        pc.match_substring_regex(features.cast(pa.string()).fill_null(""), DEMONSTRATIVES),
    )
    found = np.full(len(universal), REST, dtype=np.uint8)
    for kind, names in RELATIONS.items():
        found[pc.is_in(universal, pa.array(names.split())).to_numpy(zero_copy_only=False)] = kind
    found[is_demonstrative.to_numpy(zero_copy_only=False)] = DEMONSTRATIVE
    return found


def kinds_in_phrases(sentences: Sentences) -> NDArray[np.int64]:
    """(k,): how many of demonstrative, numeral and adjective stand in one of a sentence's noun phrases, at the most."""
    heads = heads_of(sentences)
    most = np.zeros(len(heads), np.int64)
    nouns, kinds = modified(heads, kinds_of(sentences))
    np.maximum.at(most, np.searchsorted(heads.offsets, nouns, side="right") - 1, kinds.sum(axis=1))
    return most


def modified(heads: Ragged, kinds: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The p words that any of the three hangs on: (p,) their indices among all words; (p, 3) which of PARTS they have.

    Args:
        heads: of each word, as `heads_of` gives them.
        kinds: (n,) as `kinds_of` gives them.
    """
    is_one = (kinds >= DEMONSTRATIVE) & (kinds <= ADJECTIVE) & (heads.values >= 0)
    nouns, which = np.unique((heads.values + heads.starts)[is_one], return_inverse=True)
    has = np.zeros((len(nouns), len(PARTS) - 1), dtype=bool)
    has[which, kinds[is_one] - DEMONSTRATIVE] = True
    return nouns, has


def lacking(blocks: Sequence[pa.RecordBatch]) -> str | None:
    """Why noun phrases cannot be told in annotated sentences; None where they can.

    Where there are determiners and not one of them has a type (PronType), demonstratives would stay in silence.
    """
    determiners = typed = adjectives = count = 0
    for block in blocks:
        if not set(NEEDS) <= set(block.schema.names):
            continue
        relations, features = (block.column(name).flatten().cast(pa.string()) for name in ("deprel", "features"))
        if len(relations) != len(features):
            return None  # the rule says which sentence
        count += len(block)
        is_determiner = pc.starts_with(relations.fill_null(""), DETERMINER)
        has_type = pc.match_substring(features.fill_null(""), "PronType=")
        determiners += pc.sum(is_determiner).as_py() or 0
        typed += pc.sum(pc.and_(is_determiner, has_type)).as_py() or 0
        kinds = _kinds(relations, features)
        adjectives += int(np.isin(kinds, (ADJECTIVE, NUMERAL, DEMONSTRATIVE)).sum())
    if count and not adjectives:
        return (
            f"no noun has a demonstrative, numeral or adjective (det, nummod, amod) in the first {count:,} sentences."
        )
    if determiners and not typed:
        return (
            f"none of {determiners:,} determiners in the first {count:,} sentences says its PronType, so which are "
            "demonstratives cannot be told. Annotate them with `impossible annotate`."
        )
    return None


def order_of(language: Language) -> str | None:
    """The order of a language of this family, as "N-Adj-Num-Dem"; None of the control."""
    return None if language.name == CONTROL else language.name.removeprefix(f"{STEM}-")


def language_of(name: str) -> Language | None:
    """The language of such a name: `noun-phrase-N-Adj-Num-Dem`; None for a name that is none of these."""
    if name == CONTROL:
        return _language(CONTROL, None, "the words as they are", Style("#606060", "-", "o"))
    order = re.sub(f"^{STEM}-", "", name)
    if order == name or order not in ORDERS:
        return None
    said = f"attested in {ATTESTED[order]} languages" if order in ATTESTED else "attested in no language"
    place = ORDERS.index(order)
    style = Style(_colour(place), DASHES[place // len(SIGNS)], SIGNS[place % len(SIGNS)])
    return _language(name, order, f"{order.replace('-', ' ')} in noun phrases, {said} (Cinque 2005)", style)


def _language(name: str, order: str | None, summary: str, style: Style) -> Language:
    parameters = {} if order is None else {"attested": ATTESTED.get(order, "no")}
    rule = reordered(order)
    return Language(name, NOUN_PHRASE, CONTROL, rule, summary, style, parameters, needs=NEEDS, lacking=lacking)


def _colour(place: int) -> str:
    from colorsys import hls_to_rgb

    red, green, blue = hls_to_rgb(place / len(ORDERS), 0.38 + 0.14 * (place % 2), 0.65)
    return "#{:02X}{:02X}{:02X}".format(*(round(255 * each) for each in (red, green, blue)))


GROUP = (CONTROL, *(f"{STEM}-{order}" for order in ORDERS))
