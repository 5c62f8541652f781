"""The *Hop* family: a marker for the number of a verb, at the verb or some distance after it (paper, section 3.1)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.languages.hop_back import (
    CLITICS,
    PUNCTUATION,
    Return,
    back,
    comes_back,
    counts,
    counts_anywhere,
    stays,
    tokens_back,
    words_back,
)
from impossible_lms.languages.language import NEW, Family, Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.marks import PAPER_MARK, Mark, mark_of
from impossible_lms.languages.signs import Piece, origins_of_pieces, places_of_words
from impossible_lms.ragged import Ragged
from impossible_lms.scripts import begins_unspaced, ends_unspaced

HOPS = 4  # as published
HOP = Family("hop", PAPER_MARK.markers, PAPER_MARK.said)
NEEDS = PAPER_MARK.needs


def marks_words(language: Language) -> bool:
    """Whether a language marks words, whichever, and its markers hop so many places."""
    return "hops" in language.parameters


def marks_number(language: Language) -> bool:
    """Whether a language, of this family or another, says the number of verbs with these markers."""
    return set(HOP.markers) <= set(language.family.markers)


@dataclass(frozen=True, eq=False)
class Analysis:
    """k annotated sentences of n words with v marked ones, verbs in the paper, and what the rules ask about them.

    Attributes:
        tokens: the ids of the rewritten sentences, before any marker.
        sentence: (v,) int64, the sentence of each marked verb, in the order of the text.
        marker: (v,) int8, the index of each verb's marker among those of the family.
        word: (v,) int64, the index of each marked verb among the n words.
        last: (v,) int64, the index of the last word of its sentence.
        counted: (c,) int64, the indices of the words that count for a distance.
        units: (u + 1,) int64, the indices of the words that are no clitics of a word before, in order, and n.
        token_end: (n,) int64, the index in its sentence of the first token after each word and its clitics.
        written: (n,), the words as the family writes them.
        starts: (p,) int64, the first word of each of the pieces that are encoded in one.
    """

    tokens: Ragged
    sentence: NDArray[np.int64]
    marker: NDArray[np.int8]
    word: NDArray[np.int64]
    last: NDArray[np.int64]
    counted: NDArray[np.int64]
    units: NDArray[np.int64]
    token_end: NDArray[np.int64]
    written: pa.DictionaryArray
    starts: NDArray[np.int64]

    def reached(self, hops: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(v,) int64: the word that is the `hops`-th counted one after each verb; (v,) bool: whether there is one."""
        rank = np.searchsorted(self.counted, self.word, side="right") + hops - 1
        if not len(self.counted):
            return self.word, np.zeros(len(self.word), dtype=bool)
        word = self.counted[np.minimum(rank, len(self.counted) - 1)]
        return word, (rank < len(self.counted)) & (word <= self.last)


# Given the analysis, and (v,) the word reached after each verb: (v,) the token index before which its marker goes.
Placement = Callable[[Analysis, NDArray[np.int64]], NDArray[np.int64]]
Returned = Callable[[int], Return]  # given how far markers hop


def placed(placement: Placement, hops: int, mark: Mark) -> Rule:
    """The rule that puts each verb's marker where `placement` says.

    Sentences in which a marked verb has fewer than `hops` counted words after it are dropped, for every language of the
    family alike, so that all hold the same sentences.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        found = analysed(sentences, mark)
        word, is_far_enough = found.reached(hops)
        return marked(sentences, found, placement(found, word), {too_few(hops, mark): ~is_far_enough})

    return rule


def too_few(hops: int, mark: Mark = PAPER_MARK) -> str:
    """The reason for which the family drops sentences."""
    return f"a marked {'word' if mark.spelling else 'verb'} without {hops} words after it"


def marked(
    sentences: Sentences, found: Analysis, places: NDArray[np.int64], faults: Mapping[str, NDArray[np.bool_]]
) -> Rewritten:
    """Sentences with the marker of each verb before the token at `places` (v,), without those where a verb is at fault.

    `faults` maps a reason to (v,) bool, the verbs for which it drops their sentence.
    """
    ids, count = np.array(list(sentences.tokenizer.markers.values())), len(found.tokens)
    dropped = {reason: np.bincount(found.sentence[mask], minlength=count) > 0 for reason, mask in faults.items()}
    kept = ~np.logical_or.reduce(list(dropped.values()))[found.sentence]
    tokens = found.tokens.insert(found.sentence[kept], places[kept], ids[found.marker[kept]])

    def origins() -> Ragged:
        return origins_of_pieces(sentences, _with_origins(sentences, found)).insert(
            found.sentence[kept], places[kept], NEW
        )

    return Rewritten(tokens, np.bincount(found.sentence, minlength=count) > 0, dropped, origins)


def _with_origins(sentences: Sentences, found: Analysis) -> list[list[Piece]]:
    """What is encoded in one piece, word after word of each sentence, with where its signs stood in the text.

    A verb's lemma stands where its form did.
    """
    texts, words = (sentences.columns.column(name).to_pylist() for name in ("text", "words"))
    written, starts = found.written.to_pylist(), set(found.starts.tolist())
    result, number = [], 0
    for text, forms in zip(texts, words, strict=True):
        pieces: list[Piece] = []
        for form, place in zip(forms or (), places_of_words(text, forms or ()), strict=True):
            signs = [NEW if place == NEW else place + min(sign, len(form) - 1) for sign in range(len(written[number]))]
            if number in starts:
                touches = pieces and ends_unspaced(pieces[-1][0]) and begins_unspaced(written[number])
                space = "" if touches or not pieces else " "
                pieces.append((space + written[number], [NEW] * len(space) + signs))
            else:
                said, of = pieces[-1]
                pieces[-1] = said + written[number], [*of, *signs]
            number += 1
        result.append(pieces)
    return result


def after_tokens(hops: int) -> Placement:
    """So many tokens after the verb and its clitics. Markers further right never come between, for they hop as far."""
    return lambda found, word: found.token_end[found.word] + hops


def after_words(found: Analysis, word: NDArray[np.int64]) -> NDArray[np.int64]:
    """After the word reached and the clitics attached to it."""
    unit = np.searchsorted(found.units, word, side="right")
    return found.token_end[found.units[unit] - 1]


@lru_cache(maxsize=1)  # the languages of the family are applied to a block one after the other
def analysed(sentences: Sentences, mark: Mark = PAPER_MARK) -> Analysis:
    """The analysis of a block; UserError where its words are not annotated.

    Sentences are rewritten from their words joined by single spaces (by none in a script without spaces), with clitics
    on the word before them and words that are marked for a feature as their lemma. They are encoded word by word, a
    word with its clitics and the space before it at a time. What a word is, is asked of it as it is written: `'s` that
    is a marked verb says `be`, an ordinary word that counts.
    """
    columns = {name: sentences.annotation(name) for name in mark.needs}
    words, sizes = columns["words"].flatten(), columns["words"].value_lengths().fill_null(0)
    lengths = sizes.to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(lengths)
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    is_first = np.zeros(len(words), dtype=bool)
    is_first[(ends - lengths)[lengths > 0]] = True

    code = mark.codes({name: column.flatten() for name, column in columns.items()}, len(words))
    verbs, written = np.flatnonzero(code), _coded(words)
    if "lemmas" in columns:
        written = _written(written, columns["lemmas"].flatten(), verbs)
    kinds = np.array([_kind(word) for word in written.dictionary.to_pylist()], dtype=np.uint8)
    kind = kinds[written.indices.to_numpy(zero_copy_only=False)]
    is_clitic, is_alphanumeric = kind & 1 > 0, kind & 4 > 0
    is_punctuation = kind & 2 > 0 if mark == PAPER_MARK else ~is_alphanumeric  # of no script alone

    starts = np.flatnonzero(
        ~is_clitic | is_first | ((code > 0) & bool(mark.feature))
    )  # of what is encoded in one piece
    pieces = _pieces(written, starts)
    touches = kind[starts] & 8 > 0  # the piece before it, in a script without spaces
    touches[1:] &= kind[starts[1:] - 1] & 16 > 0
    tokens = sentences.tokenizer.encode_words(pieces, ~(is_first[starts] | touches))
    piece_of_word = np.cumsum(np.bincount(starts, minlength=len(words))) - 1
    pieces_before = np.append(0, piece_of_word + 1)[np.append(0, ends)]
    offsets = tokens.offsets[pieces_before]

    # A word counts unless it is a clitic or punctuation, as long as anything alphanumeric is left in the sentence.
    alphanumeric = np.cumsum(is_alphanumeric)
    is_left = alphanumeric[ends[sentence] - 1] - alphanumeric + is_alphanumeric > 0
    return Analysis(
        tokens=Ragged(tokens.values, offsets),
        sentence=sentence[verbs],
        marker=code[verbs] - 1,
        word=verbs,
        last=ends[sentence[verbs]] - 1,
        counted=np.flatnonzero(~is_clitic & ~is_punctuation & is_left),
        units=np.append(np.flatnonzero(~is_clitic | is_first), len(words)),
        token_end=tokens.offsets[piece_of_word + 1] - offsets[sentence],
        written=written,
        starts=starts,
    )


def _written(words: pa.DictionaryArray, lemmas: pa.Array, verbs: NDArray[np.int64]) -> pa.DictionaryArray:
    """The n words as the family writes them: those at `verbs` (v,) as their lemma, if they have one."""
    taken = pa.array(verbs)
    forms = pc.coalesce(_strings(lemmas.take(taken)), _strings(words.take(taken)))
    return _with(words, verbs, forms)


def _pieces(words: pa.DictionaryArray, starts: NDArray[np.int64]) -> pa.DictionaryArray:
    """What is encoded in one piece: words with the clitics after them.

    `starts` (p,) is the first word of each of the p pieces. Most pieces are words as they are and keep their code; only
    the others are put together as strings.
    """
    lengths = np.diff(starts, append=len(words))
    longer = np.flatnonzero(lengths > 1)
    parts = Ragged.of_lengths(np.empty(int(lengths[longer].sum()), bool), lengths[longer])
    forms = _strings(words.take(pa.array(parts.place() + parts.spread(starts[longer]))))
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(parts.offsets.astype(np.int32)), forms), "")
    return _with(words.take(pa.array(starts)), longer, joined)


def _with(words: pa.DictionaryArray, places: NDArray[np.int64], forms: pa.Array) -> pa.DictionaryArray:
    """Words with others at some places, new ones behind the old in the dictionary."""
    new = forms.dictionary_encode()
    codes = words.indices.to_numpy(zero_copy_only=False).copy()
    codes[places] = len(words.dictionary) + new.indices.to_numpy(zero_copy_only=False)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.concat_arrays([words.dictionary, new.dictionary]))


def _coded(values: pa.Array) -> pa.DictionaryArray:
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()


def _strings(values: pa.Array) -> pa.Array:
    return values.cast(pa.string())


@lru_cache(maxsize=1 << 18)  # words
def _kind(word: str) -> int:
    """What a word is, as a sum.

    1 for a clitic, 2 for a word that is all punctuation, 4 for one with anything alphanumeric, 8 and 16 for one that
    begins and ends in a script without spaces.
    """
    is_alphanumeric = any(character.isalnum() for character in word)
    unspaced = 8 * begins_unspaced(word) + 16 * ends_unspaced(word)
    return (word in CLITICS) + 2 * PUNCTUATION.issuperset(word) + 4 * is_alphanumeric + unspaced


def verbs_to_mark(columns: pa.RecordBatch) -> list[tuple[str, str, str]]:
    """The verbs of annotated sentences that get a marker: as they stand, their lemma, and the marker."""
    flat = {name: columns.column(name).flatten() for name in NEEDS}
    code = PAPER_MARK.codes(flat, len(flat["words"]))
    words, lemmas = (_strings(flat[name]).to_pylist() for name in ("words", "lemmas"))
    verbs = np.flatnonzero(code).tolist()
    return [(words[verb], lemmas[verb] or words[verb], HOP.markers[code[verb] - 1]) for verb in verbs]


def makers(mark: Mark) -> tuple[Maker, ...]:
    """The three languages of the family with a mark: the paper's, or `no-hop-VERB.Number` and its like."""
    suffix = f"-{mark.spelling}" if mark.spelling else ""
    family = Family(f"hop{suffix}", mark.markers, mark.said) if suffix else HOP
    counting = counts if mark == PAPER_MARK else counts_anywhere

    def maker(stem: str, placing: Callable[[int], Placement], returned: Returned, said: str, style: Style) -> Maker:
        def make(name: str, hops: int) -> Language:
            to_control = back(returned(hops), hops, counting)
            return Language(
                name,
                family,
                name.replace(stem, "no-hop"),
                placed(placing(hops), hops, mark),
                said.format(hops=hops),
                style,
                {"hops": hops} | ({"mark": mark.spelling} if suffix else {}),
                needs=mark.needs,
                to_control=to_control,
                well_formed=comes_back(to_control),
                lacking=mark.lacking,
            )

        return Maker(f"{stem}{suffix}", "k", make, {f"{stem}{suffix}": HOPS}, least=1)

    markers, word = " or ".join(mark.markers), mark.word_class or "verb"
    at_word = f"{markers} right after each {word}" if suffix else f"the verb's number as {markers} right after it"
    tokens, words = (f"{markers} {{hops}} {unit} after the {word}" for unit in ("tokens", "words"))
    return (  # the control first: in the sentences where markers could hop
        maker("no-hop", lambda hops: after_tokens(0), lambda hops: stays, at_word, Style("#606060", "-", "o")),
        maker("token-hop", after_tokens, tokens_back, tokens, Style("#fa8128", "--", "s")),
        maker("word-hop", lambda hops: after_words, words_back, words, Style("#03a0ff", "-.", "D")),
    )


def marked_makers(stem: str) -> tuple[Maker, ...]:
    """The languages of the family that `hop-VERB.Number`, or `token-hop-VERB.Number`, is of; none for another stem.

    UserError for a mark that cannot be.
    """
    match = re.fullmatch(r"(?:(?:no|token|word)-)?hop-([A-Z][^-]*)", stem)
    return makers(mark_of(match[1])) if match else ()


MAKERS = makers(PAPER_MARK)
