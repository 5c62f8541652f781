"""Constituents as stretches of tokens in a language: where the words of a tree's phrases have gone."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from impossible_lms.corpora import Corpus
from impossible_lms.corpora.trees import constituents
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Subject
from impossible_lms.evaluation.sentences import blocks_of_test
from impossible_lms.languages.hop import marks_number
from impossible_lms.languages.language import NEW, Language, sentences_for
from impossible_lms.languages.origins import origins
from impossible_lms.languages.reverse import reverse_all
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

CATEGORIES = ("NP", "VP", "ADJP", "ADVP", "PP")
COLUMNS = ("words", "space_after", "tree")
REVERSED = "full-reverse"
LEAST_CHARACTERS, LEAST_WORDS = 50, 5  # of a sentence, as published
# Why sentences, or their phrases, are left out.
NO_TREE = "sentences without a tree, or whose words are not in their text"
DROPPED = "sentences that the language drops"
IN_TOKENS = "phrases that begin or end inside a token"
CHANGED = "sentences that the language changes"
SHORT = "phrases of one word, or of short sentences"
TOO_LONG = "sentences longer than the model's positions"
TORN = "phrases torn apart, or with a marker inside"


class Spans(NamedTuple):
    """k sentences in a language, s spans in them: `sentence` (s,) among the k, `start`, `end`, `category` (s,)."""

    tokens: Ragged
    sentence: np.ndarray
    start: np.ndarray
    end: np.ndarray
    category: np.ndarray


def spans_of(subject: Subject, corpus: Corpus) -> tuple[Spans, dict[str, int]]:
    """Every NP, VP, ADJP, ADVP and PP that is one stretch of tokens in the language.

    Where the tokens of a phrase have gone is read off the rule itself, given numbers in place of tokens: a phrase that
    the language mirrors is found at its mirrored place, one that it tears or puts a marker into is left out, and so is
    one whose ends are not the ends of tokens. Of hop languages, whose verbs lose their inflection, the sentences serve
    that they leave as they are. How many are left out comes with them, by reason.

    As published, sentences have no marker, those of `partial-reverse` are not reversed at all, and phrases are of two
    words or more, each taken where its tokens stand first.

    Raises:
        UserError: the corpus has no trees, none matches its sentence, or the language does more than move tokens.
    """
    language, published = subject.language, subject.request.as_published
    tokenizer = subject.tokenizer.without_markers()
    parts, found = [], []
    count, left_out = 0, Counter[str]()
    for block, _, rows in blocks_of_test(subject, corpus):
        missing = [name for name in COLUMNS if name not in block.schema.names]
        if missing:
            raise UserError(f"corpus {corpus.name}: has no {missing[0]}. Probes need bracketed trees of the sentences.")
        block = block.take(pa.array(rows))
        if marks_number(language):
            block = _unchanged(language, block, tokenizer, left_out)
        if not len(block):
            continue
        original = tokenizer.encode(block.column("text"))
        if published or marks_number(language):
            tokens, moved = _unmarked(language, original)
        else:
            tokens, moved = _moved(language, block, original, tokenizer)
        texts = block.column("text").to_pylist()
        is_too_long = tokens.lengths() > (subject.context or np.inf)
        left_out[TOO_LONG] += int(is_too_long.sum())
        for row, phrases in enumerate(_phrases(block, tokenizer, left_out)):
            new = moved[row]
            left_out[DROPPED] += not len(new)
            kept = _as_published(phrases, texts[row], original[row], left_out) if published else phrases
            for phrase in kept if len(new) and not is_too_long[row] else ():
                places = new[phrase.start : phrase.end]
                if places.max() - places.min() + 1 == phrase.end - phrase.start:
                    found.append((count + row, places.min(), places.max() + 1, CATEGORIES.index(phrase.category)))
                else:
                    left_out[TORN] += 1
        parts.append(tokens)
        count += len(tokens)
    if not found:
        raise UserError(f"corpus {corpus.name}: no tree matches a sentence that {subject.language.name} keeps whole.")
    sentence, start, end, category = np.array(found, dtype=np.int64).T
    counts = {reason: number for reason, number in left_out.items() if number}
    return Spans(Ragged.join(parts), sentence, start, end, category), counts


def _unchanged(
    language: Language, block: pa.RecordBatch, tokenizer: Tokenizer, left_out: Counter[str]
) -> pa.RecordBatch:
    """The sentences that a hop language leaves as they are, with the text that it gives them."""
    result = language.rule(next(sentences_for([language.family], block, tokenizer, 0)), np.random.default_rng(0))
    rows = np.flatnonzero(~result.affected)
    left_out[CHANGED] += len(block) - len(rows)
    texts = pa.array([tokenizer.decode(result.tokens[row]) for row in rows.tolist()], pa.string())
    block = block.take(pa.array(rows))
    return block.set_column(block.schema.get_field_index("text"), "text", texts)


def _unmarked(language: Language, original: Ragged) -> tuple[Ragged, list[np.ndarray]]:
    """Sentences as they are, reversed for `full-reverse`, without a marker; and the new index of every token."""
    is_reversed = language.name.startswith(REVERSED)
    moved = [np.arange(len(tokens))[:: -1 if is_reversed else 1] for tokens in original]
    return (reverse_all(original, np.empty(0, np.int64)) if is_reversed else original), moved


def _moved(
    language: Language, block: pa.RecordBatch, original: Ragged, tokenizer: Tokenizer
) -> tuple[Ragged, list[np.ndarray]]:
    """The sentences in the language, and for each the new index of every token before the change; none if dropped."""
    result, places = origins(language, next(sentences_for([language.family], block, tokenizer, 0)))
    tokens = result.tokens
    is_dropped = np.zeros(len(block), dtype=bool)
    for mask in result.dropped.values():
        is_dropped |= mask
    new = []
    for row in range(len(block)):
        is_token, before = places[row] != NEW, original[row]
        old = places[row][is_token]
        if is_dropped[row] or len(before) > tokenizer.vocabulary_size or not len(before):
            new.append(np.empty(0, np.int64))
            continue
        is_all = np.array_equal(np.sort(old), np.arange(len(before)))
        if not is_all or not np.array_equal(before[old], tokens[row][is_token]):
            raise UserError(
                f"language {language.name}: does more than move tokens; probes cannot follow phrases in it."
            )
        moved = np.empty(len(before), np.int64)
        moved[old] = np.flatnonzero(is_token)
        new.append(moved)
    return tokens, new


class _Phrase(NamedTuple):
    """A phrase of so many words: its first token and the first after it."""

    category: str
    start: int
    end: int
    words: int


def _as_published(phrases: list[_Phrase], text: str, tokens: np.ndarray, left_out: Counter[str]) -> Iterator[_Phrase]:
    """Phrases of two words or more of longer sentences, each where its tokens first stand in its sentence."""
    for phrase in phrases:
        if phrase.words < 2 or len(text) < LEAST_CHARACTERS or len(text.split()) < LEAST_WORDS:
            left_out[SHORT] += 1
            continue
        length = phrase.end - phrase.start
        windows = np.lib.stride_tricks.sliding_window_view(tokens, length)
        first = int(np.flatnonzero((windows == tokens[phrase.start : phrase.end]).all(axis=1))[0])
        yield phrase._replace(start=first, end=first + length)


def _phrases(block: pa.RecordBatch, tokenizer: Tokenizer, left_out: Counter[str]) -> Iterator[list[_Phrase]]:
    """For each sentence, the phrases whose ends are ends of tokens; the others are added to `left_out`."""
    texts = block.column("text").to_pylist()
    encoded = tokenizer.backend.plain.encode_batch(texts, add_special_tokens=False)
    columns = (block.column(name).to_pylist() for name in ("words", "tree"))
    for text, words, tree, encoding in zip(texts, *columns, encoded, strict=True):
        begins, at = [], 0
        for word in words:
            at = text.find(word, at)
            if at < 0:
                break
            begins.append(at)
            at += len(word)
        if len(begins) < len(words) or not tree:
            left_out[NO_TREE] += 1
            yield []
            continue
        ends = [begin + len(word) for begin, word in zip(begins, words, strict=True)]
        first = {start + text[start:end].startswith(" "): index for index, (start, end) in enumerate(encoding.offsets)}
        last = {end: index for index, (_, end) in enumerate(encoding.offsets)}
        phrases = []
        for label, start, end in constituents(tree):
            if label in CATEGORIES and end <= len(words):
                tokens = first.get(begins[start]), last.get(ends[end - 1])
                if tokens[0] is not None and tokens[1] is not None:
                    phrases.append(_Phrase(label, tokens[0], tokens[1] + 1, end - start))
                else:
                    left_out[IN_TOKENS] += 1
        yield phrases
