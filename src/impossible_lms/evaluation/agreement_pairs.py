"""Pairs of prefixes that differ in the number of their subject alone: "The dog run ..." and "The dogs run ..."."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from impossible_lms.corpora import Corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Subject
from impossible_lms.evaluation.sentences import blocks_of_test
from impossible_lms.languages.hop import HOPS, NEEDS, Analysis, analysed
from impossible_lms.languages.language import Language, sentences_for
from impossible_lms.languages.marks import PLURAL, SINGULAR
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

DETERMINER = "the"
NUMBERS = ("Sing", "Plur")
COLUMNS = ("words", "lemmas", "features", "upos")


@dataclass(frozen=True, eq=False)
class Pairs:
    """k pairs of prefixes, each up to where the marker of the verb comes.

    Attributes:
        singular: the prefixes whose subject is in the singular.
        plural: the same with the subject in the plural, token for token as long.
        sentence: (k,) int64, the index of the sentence each was found in.
    """

    singular: Ragged
    plural: Ragged
    sentence: np.ndarray


def agreement_pairs(subject: Subject, corpus: Corpus) -> Pairs:
    """All pairs that the test sentences of a corpus hold, each once.

    A sentence serves if its first marked verb stands right after a noun of its number and the noun right after "the",
    each a token of its own; the prefix begins there, as published. The other number is the noun's other form in the
    same corpus, by its lemma; both sentences go through the language, and the prefixes before its first marker are
    kept where they are equally long. As published, the sentence is in the singular, the four words after the verb are a
    token each, and no id of these six words has the digit 0; and a pair counts as often as it is found.

    Raises:
        UserError: the corpus has no annotation, or no sentence serves.
    """
    language, tokenizer = subject.language, subject.tokenizer.without_markers()
    markers = [subject.tokenizer.markers[marker] for marker in (SINGULAR, PLURAL)]
    forms = _forms(corpus)
    published = subject.request.as_published
    found: dict[tuple[bytes, bytes, int], tuple[Any, Any, int]] = {}
    for block, first, rows in blocks_of_test(subject, corpus):
        serving = list(_serving(block.take(pa.array(rows)), tokenizer, language, forms, published))
        if not serving:
            continue
        both = [
            next(sentences_for([language.family], _columns([each.columns[number] for each in serving]), tokenizer, 0))
            for number in NUMBERS
        ]
        prefixes = [_before_marker(language.rule(each, np.random.default_rng(0)).tokens, markers) for each in both]
        for each, *sides in zip(serving, *prefixes, strict=True):
            singular, plural = (side[each.start :] for side in sides)
            if len(singular) == len(plural) > 0 and (singular != plural).any():
                sentence = first + int(rows[each.row])
                key = (singular.tobytes(), plural.tobytes(), sentence if published else 0)
                found.setdefault(key, (singular, plural, sentence))
    if not found:
        raise UserError(f"corpus {corpus.name}: no test sentence with 'the', a noun and a marked verb, a token each.")
    singulars, plurals, sentences = zip(*found.values(), strict=True)
    return Pairs(Ragged.of(singulars), Ragged.of(plurals), np.array(sentences))


def _forms(corpus: Corpus) -> dict[tuple[str, str], str]:
    """From a noun's lemma and number, its most frequent form."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for _, block in corpus.blocks():
        missing = [name for name in COLUMNS if name not in block.schema.names]
        if missing:
            raise UserError(f"corpus {corpus.name}: has no {missing[0]}. Annotate it with `impossible annotate`.")
        flat = [block.column(name).flatten().to_pylist() for name in COLUMNS]
        for word, lemma, features, tag in zip(*flat, strict=True):
            number = _number(features)
            if tag == "NOUN" and number:
                of_noun = counts.setdefault((lemma, number), {})
                of_noun[word.lower()] = of_noun.get(word.lower(), 0) + 1
    return {key: max(of_noun.items(), key=lambda entry: entry[1])[0] for key, of_noun in counts.items()}


class _Serving(NamedTuple):
    """A row that serves: its index, the first token of its prefix, and its columns in each number."""

    row: int
    start: int
    columns: dict[str, dict[str, list[str]]]


def _serving(
    block: pa.RecordBatch,
    tokenizer: Tokenizer,
    language: Language,
    forms: dict[tuple[str, str], str],
    published: bool,
) -> Iterator[_Serving]:
    """The rows of a block that serve."""
    analysis = analysed(next(sentences_for([language.family], block, tokenizer, 0)))
    starts = np.append(0, np.cumsum(block.column("words").value_lengths().to_numpy()))
    rows, first = np.unique(analysis.sentence, return_index=True)
    for row, verb, is_plural in zip(rows, analysis.word[first], analysis.marker[first] == 1, strict=True):
        place = int(verb - starts[row])
        if place < 2:
            continue
        before = [0] if place == 2 else [int(analysis.token_end[verb - 3])]
        if np.diff([*before, *analysis.token_end[verb - 2 : verb + 1]]).tolist() != [1, 1, 1]:
            continue
        columns = {name: block.column(name)[int(row)].as_py() for name in COLUMNS}
        number, other = NUMBERS[::-1] if is_plural else NUMBERS
        noun = forms.get((columns["lemmas"][place - 1], other))
        is_subject = columns["upos"][place - 1] == "NOUN" and _number(columns["features"][place - 1]) == number
        if noun is None or not is_subject or columns["words"][place - 2].lower() != DETERMINER:
            continue
        if published and (is_plural or not _matches_published(analysis, int(row), int(verb), before[0])):
            continue
        yield _Serving(int(row), before[0], {number: columns, other: _in(columns, place, noun, other)})


def _matches_published(analysis: Analysis, row: int, verb: int, start: int) -> bool:
    """Whether the published patterns find the prefix of a sentence: tokens whose ids have no 0, and HOPS words more."""
    after = np.arange(verb + 1, verb + 1 + HOPS)
    if not np.isin(after, analysis.counted).all():
        return False
    ends = analysis.token_end[verb : verb + 1 + HOPS]
    ids = analysis.tokens[row][start + 1 : start + 3 + HOPS]
    return bool((np.diff(ends) == 1).all()) and not any("0" in str(token) for token in ids.tolist())


def _in(columns: dict[str, list[str]], place: int, noun: str, number: str) -> dict[str, list[str]]:
    """A sentence with its subject and its verb in another number; the verb's form matters not, as its lemma is said."""
    words, features = list(columns["words"]), list(columns["features"])
    words[place - 1] = noun
    for at in (place - 1, place):
        entries = [entry for entry in features[at].split("|") if not entry.startswith("Number=")]
        features[at] = "|".join(sorted([*entries, f"Number={number}"]))
    return columns | {"words": words, "features": features}


def _columns(rows: list[dict[str, list[str]]]) -> pa.RecordBatch:
    strings = pa.list_(pa.string())
    columns = {name: pa.array([row[name] for row in rows], strings) for name in NEEDS}
    return pa.record_batch({"text": pa.array([" ".join(row["words"]) for row in rows]), **columns})


def _before_marker(tokens: Ragged, markers: list[int]) -> list[np.ndarray]:
    """The tokens of each sentence before its first marker; none where it has none."""
    cut = []
    for sentence in tokens:
        places = np.flatnonzero(np.isin(sentence, markers))
        cut.append(sentence[: places[0]].astype(np.int64) if len(places) else sentence[:0].astype(np.int64))
    return cut


def _number(features: str | None) -> str | None:
    """`Sing` or `Plur`, where the features say so."""
    for entry in (features or "").split("|"):
        if entry in ("Number=Sing", "Number=Plur"):
            return entry.removeprefix("Number=")
    return None
