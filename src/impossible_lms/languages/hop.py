"""The *Hop* family: a marker for the number of a verb, at the verb or some distance after it (paper, section 3.1)."""

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
    stays,
    tokens_back,
    words_back,
)
from impossible_lms.languages.language import NEW, Family, Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.signs import Piece, origins_of_pieces, places_of_words
from impossible_lms.ragged import Ragged

SINGULAR, PLURAL = "🅂", "🄿"
HOPS = 4  # as published
# What makes a verb a marked one, beside its number.
MARKED = frozenset(["Person=3", "Tense=Pres", "VerbForm=Fin"])

HOP = Family(
    "hop",
    markers=(SINGULAR, PLURAL),
    marks=f"verbs whose features hold {', '.join(sorted(MARKED))} and Number=Sing or Number=Plur",
)
NEEDS = ("words", "lemmas", "features")


def marks_number(language: Language) -> bool:
    """Whether a language, of this family or another, says the number of verbs with these markers."""
    return set(HOP.markers) <= set(language.family.markers)


@dataclass(frozen=True, eq=False)
class Analysis:
    """k annotated sentences of n words with v marked verbs, and what the rules of the family ask about them.

    Attributes:
        tokens: the ids of the rewritten sentences, before any marker.
        sentence: (v,) int64, the sentence of each marked verb, in the order of the text.
        is_plural: (v,) bool.
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
    is_plural: NDArray[np.bool_]
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


def placed(placement: Placement, hops: int) -> Rule:
    """The rule that puts each verb's marker where `placement` says.

    Sentences in which a marked verb has fewer than `hops` counted words after it are dropped, for every language of the
    family alike, so that all hold the same sentences.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        found = analysed(sentences)
        word, is_far_enough = found.reached(hops)
        return marked(sentences, found, placement(found, word), {too_few(hops): ~is_far_enough})

    return rule


def too_few(hops: int) -> str:
    """The reason for which the family drops sentences."""
    return f"a marked verb without {hops} words after it"


def marked(
    sentences: Sentences, found: Analysis, places: NDArray[np.int64], faults: Mapping[str, NDArray[np.bool_]]
) -> Rewritten:
    """Sentences with the marker of each verb before the token at `places` (v,), without those where a verb is at fault.

    `faults` maps a reason to (v,) bool, the verbs for which it drops their sentence.
    """
    ids, count = sentences.tokenizer.markers, len(found.tokens)
    dropped = {reason: np.bincount(found.sentence[mask], minlength=count) > 0 for reason, mask in faults.items()}
    kept = ~np.logical_or.reduce(list(dropped.values()))[found.sentence]
    markers = np.where(found.is_plural, ids[PLURAL], ids[SINGULAR])
    tokens = found.tokens.insert(found.sentence[kept], places[kept], markers[kept])

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
                space = " " * bool(pieces)
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
def analysed(sentences: Sentences) -> Analysis:
    """The analysis of a block; UserError where its words are not annotated.

    Sentences are rewritten from their words joined by single spaces, with clitics on the word before them and marked
    verbs as their lemma. They are encoded word by word, a word with its clitics and the space before it at a time.
    What a word is, is asked of it as it is written: `'s` that is a marked verb says `be`, an ordinary word that counts.
    """
    columns = {name: sentences.annotation(name) for name in NEEDS}
    words, counts = columns["words"].flatten(), columns["words"].value_lengths().fill_null(0)
    lengths = counts.to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(lengths)
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    is_first = np.zeros(len(words), dtype=bool)
    is_first[(ends - lengths)[lengths > 0]] = True

    number = _numbers(columns["features"].flatten())
    verbs = np.flatnonzero(number)
    written = _written(_coded(words), columns["lemmas"].flatten(), verbs)
    kinds = np.array([_kind(word) for word in written.dictionary.to_pylist()], dtype=np.uint8)
    kind = kinds[written.indices.to_numpy(zero_copy_only=False)]
    is_clitic, is_punctuation, is_alphanumeric = kind & 1 > 0, kind & 2 > 0, kind & 4 > 0

    starts = np.flatnonzero(~is_clitic | is_first | (number > 0))  # of what is encoded in one piece
    pieces = _pieces(written, starts)
    tokens = sentences.tokenizer.encode_words(pieces, ~is_first[starts])
    piece_of_word = np.cumsum(np.bincount(starts, minlength=len(words))) - 1
    pieces_before = np.append(0, piece_of_word + 1)[np.append(0, ends)]
    offsets = tokens.offsets[pieces_before]

    # A word counts unless it is a clitic or punctuation, as long as anything alphanumeric is left in the sentence.
    alphanumeric = np.cumsum(is_alphanumeric)
    is_left = alphanumeric[ends[sentence] - 1] - alphanumeric + is_alphanumeric > 0
    return Analysis(
        tokens=Ragged(tokens.values, offsets),
        sentence=sentence[verbs],
        is_plural=number[verbs] == 2,
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
    """1 for a clitic, 2 for a word that is all punctuation, 4 for one with anything alphanumeric; their sum."""
    is_alphanumeric = any(character.isalnum() for character in word)
    return (word in CLITICS) + 2 * PUNCTUATION.issuperset(word) + 4 * is_alphanumeric


def sentences_to_mark(columns: pa.RecordBatch) -> dict[str, int]:
    """In how many of some annotated sentences a verb gets each marker, where there is room for it to hop."""
    features = columns.column("features")
    lengths = features.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    sentence, number = np.repeat(np.arange(len(features)), lengths), _numbers(features.flatten())
    return {marker: len(np.unique(sentence[number == code])) for code, marker in enumerate((SINGULAR, PLURAL), 1)}


def verbs_to_mark(columns: pa.RecordBatch) -> list[tuple[str, str, str]]:
    """The verbs of annotated sentences that get a marker: as they stand, their lemma, and the marker."""
    flat = {name: columns.column(name).flatten() for name in NEEDS}
    number = _numbers(flat["features"])
    words, lemmas = (_strings(flat[name]).to_pylist() for name in ("words", "lemmas"))
    verbs = np.flatnonzero(number).tolist()
    return [(words[verb], lemmas[verb] or words[verb], (SINGULAR, PLURAL)[number[verb] - 1]) for verb in verbs]


def _numbers(features: pa.Array) -> NDArray[np.int8]:
    """(n,) int8: `_number` of the features of each word."""
    coded = _coded(features)
    numbers = np.array([*(_number(entry) for entry in coded.dictionary.to_pylist()), 0], dtype=np.int8)
    taken: NDArray[np.int8] = numbers[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return taken


def _number(features: str) -> int:
    """1 for a marked verb in the singular, 2 in the plural, 0 for any other word."""
    entries = set(features.split("|"))
    if not entries >= MARKED:
        return 0
    return 1 if "Number=Sing" in entries else 2 if "Number=Plur" in entries else 0


def _language(name: str, stem: str, rule: Rule, returned: Return, summary: str, style: Style, hops: int) -> Language:
    to_control = back(returned, hops)
    return Language(
        name,
        HOP,
        name.replace(stem, "no-hop"),
        rule,
        summary,
        style,
        {"hops": hops},
        needs=NEEDS,
        to_control=to_control,
        well_formed=comes_back(to_control),
    )


def no_hop(name: str, hops: int) -> Language:
    """The control: each marker right after its verb, in the sentences where it could hop."""
    summary, style = "the verb's number as 🅂 or 🄿 right after it", Style("#606060", "-", "o")
    return _language(name, "no-hop", placed(after_tokens(0), hops), stays, summary, style, hops)


def token_hop(name: str, hops: int) -> Language:
    """Each marker so many tokens after its verb."""
    summary, style = f"🅂 or 🄿 {hops} tokens after the verb", Style("#fa8128", "--", "s")
    return _language(name, "token-hop", placed(after_tokens(hops), hops), tokens_back(hops), summary, style, hops)


def word_hop(name: str, hops: int) -> Language:
    """Each marker so many words after its verb."""
    summary, style = f"🅂 or 🄿 {hops} words after the verb", Style("#03a0ff", "-.", "D")
    return _language(name, "word-hop", placed(after_words, hops), words_back(hops), summary, style, hops)


MAKERS = (
    Maker("no-hop", "k", no_hop, {"no-hop": HOPS}, least=1),
    Maker("token-hop", "k", token_hop, {"token-hop": HOPS}, least=1),
    Maker("word-hop", "k", word_hop, {"word-hop": HOPS}, least=1),
)
