"""*ConstituentHop*: the verb's marker after the constituent that follows it, a rival of *WordHop* that does not count.

Hunter (2024, "Kallini et al. (2024) do not compare impossible languages with constituency-based ones") objects that the
paper compares a marker that hops by counting (section 3.1) with one that does not move at all, so that a difference may
come from the distance and not from the counting. Here the marker hops as well, but where it lands is a matter of
structure.

A constituent is read off the dependency tree: the longest stretch of words that begins with the first word after the
verb (clitics and punctuation apart) and of which all but one have their heads in it. Of the verb's own clause, a
subject that comes after the verb ("Does he sleep?", "There is a man") is a constituent of its own, and so are clauses
beside it (advcl, parataxis, and conjuncts with a subject). In the built-in English this gives the largest constituent
of the gold tree that begins there for 94 % of the verbs; most others are `not`, which it takes to belong to the phrase
after it.

In the matched language every marker lands exactly as many words away as *WordHop*'s, and on its sentences the two say
the same. So what it shows beside *WordHop* is what it is worth to a learner, at one distance, that markers end
constituents.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from impossible_lms.languages.hop import (
    HOP,
    HOPS,
    NEEDS,
    Analysis,
    after_tokens,
    after_words,
    analysed,
    marked,
    too_few,
)
from impossible_lms.languages.hop_back import Return, back, behind_two_words, comes_back, stays, words_back
from impossible_lms.languages.language import Family, Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.marks import PAPER_MARK
from impossible_lms.languages.relations import APART, AUXILIARY, CONJUNCT, COPULA, SUBJECT, UNKNOWN
from impossible_lms.languages.word_order import NEEDS as NEEDS_OF_CLAUSES
from impossible_lms.languages.word_order import heads_of, kinds_of

CONSTITUENT_HOP = Family("constituent-hop", HOP.markers, HOP.marks)
ALL = tuple(dict.fromkeys((*NEEDS, *NEEDS_OF_CLAUSES)))
NO_HEADS = "a marked verb in a sentence without heads"


def after_constituent(hops: int, is_matched: bool) -> Rule:
    """The rule that puts each marker after the constituent that follows its verb.

    It drops what its family drops, so that it can be compared with the control and with the counting languages. Where
    it `is_matched`, it also drops sentences in which one of these constituents has more or fewer than `hops` words that
    count for *WordHop*.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        found = analysed(sentences, PAPER_MARK)
        ends, has_heads = constituents(sentences)
        return marked(sentences, found, after_words(found, ends), _faults(found, ends, has_heads, hops, is_matched))

    return rule


def at_the_verb(hops: int) -> Rule:
    """The rule of the control for matched sentences: each marker right after its verb."""

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        found = analysed(sentences, PAPER_MARK)
        ends, has_heads = constituents(sentences)
        return marked(
            sentences, found, after_tokens(0)(found, found.word), _faults(found, ends, has_heads, hops, is_matched=True)
        )

    return rule


def _faults(
    found: Analysis, ends: NDArray[np.int64], has_heads: NDArray[np.bool_], hops: int, is_matched: bool
) -> dict[str, NDArray[np.bool_]]:
    word, is_far_enough = found.reached(hops)
    faults = {too_few(hops): ~is_far_enough, NO_HEADS: ~has_heads}
    return faults | ({f"a constituent of more or fewer than {hops} words": word != ends} if is_matched else {})


@lru_cache(maxsize=1)  # the languages of the family are applied to a block one after the other
def constituents(sentences: Sentences) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(v,) int64: the last word of the constituent after each verb; (v,) bool: whether its sentence has heads."""
    from impossible_lms.languages.clauses import constituent_ends

    found, heads, kinds = analysed(sentences, PAPER_MARK), heads_of(sentences), kinds_of(sentences)
    is_known = np.bincount(heads.spread(np.arange(len(heads)))[heads.values == UNKNOWN], minlength=len(heads)) == 0
    index = np.where(heads.values < 0, heads.values, heads.values + heads.starts)
    counts = np.zeros(len(index), dtype=bool)
    counts[found.counted] = True
    is_auxiliary = (kinds[found.word] == AUXILIARY) | (kinds[found.word] == COPULA)
    clause = np.where(is_auxiliary, index[found.word], found.word)
    first, _ = found.reached(1)
    has_subject = np.zeros(len(index), dtype=bool)
    has_subject[index[(kinds == SUBJECT) & (index >= 0)]] = True
    is_apart = (kinds == SUBJECT) | (kinds == APART) | ((kinds == CONJUNCT) & has_subject)
    ends = np.empty(len(first), np.int64)
    constituent_ends(index, is_apart, counts, first, found.last, clause, ends)
    return ends, is_known[found.sentence]


def constituent_hop(name: str, hops: int) -> Language:
    """Each marker after the constituent that follows its verb."""
    summary, style = "🅂 or 🄿 after the constituent that follows the verb", Style("#2E8B57", "--", "s")
    return Language(
        name,
        CONSTITUENT_HOP,
        name.replace("constituent-hop", "no-hop"),
        after_constituent(hops, False),
        summary,
        style,
        {"hops": hops},
        needs=ALL,
        well_formed=behind_two_words,
    )


def constituent_hop_matched(name: str, hops: int) -> Language:
    """The same where the constituents are as long as *WordHop* is far."""
    summary, style = f"the same, in sentences where the constituents have {hops} words", Style("#6B4FBB", "-.", "D")
    return _matched(name, after_constituent(hops, True), words_back(hops), summary, style, hops)


def no_hop_matched(name: str, hops: int) -> Language:
    """The control of the same sentences."""
    summary, style = "the verb's number right after it, in these sentences", Style("#606060", "-", "o")
    return _matched(name, at_the_verb(hops), stays, summary, style, hops)


def _matched(name: str, rule: Rule, returned: Return, summary: str, style: Style, hops: int) -> Language:
    to_control = back(returned, hops)
    return Language(
        name,
        CONSTITUENT_HOP,
        name.replace("constituent-hop", "no-hop"),
        rule,
        summary,
        style,
        {"hops": hops},
        needs=ALL,
        to_control=to_control,
        well_formed=comes_back(to_control),
    )


MAKERS = (
    Maker("no-hop-matched", "k", no_hop_matched, {"no-hop-matched": HOPS}, least=1),
    Maker("constituent-hop", "k", constituent_hop, {"constituent-hop": HOPS}, least=1),
    Maker("constituent-hop-matched", "k", constituent_hop_matched, {"constituent-hop-matched": HOPS}, least=1),
)
