"""The built-in corpus: a synthetic English, drawn from a seed, with its own gold annotation."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.corpora.english.heads import dependencies
from impossible_lms.corpora.english.lexicon import lexicon
from impossible_lms.corpora.english.speaker import END, LABELS, Codes, Speaker
from impossible_lms.corpora.english.tables import tables

GRAMMAR_VERSION = 1  # goes up when the same seed would give other sentences
BLOCK = 2_000  # sentences; each block has a generator of its own, seeded with [seed, number of the block]
WORD_LISTS = ("words", "lemmas", "upos", "xpos", "features")
GRAMMAR_SCHEMA = pa.schema(
    [("text", pa.string())]
    + [(name, pa.list_(pa.string())) for name in WORD_LISTS]
    + [("space_after", pa.list_(pa.bool_())), ("head", pa.list_(pa.int32())), ("deprel", pa.list_(pa.string()))]
    + [("tree", pa.string())]
)


def grammar_blocks(sentences: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Sentences of the built-in English with their gold annotation.

    The first n sentences of a longer corpus are those of a shorter one with the same seed.

    Args:
        sentences: how many.
        seed: 0 or more; another seed gives other sentences.

    Returns:
        record batches in `GRAMMAR_SCHEMA`, each of at most `BLOCK` sentences, the last one shorter.
    """
    for number, start in enumerate(range(0, sentences, BLOCK)):
        speaker = Speaker(np.random.default_rng([seed, number]), tables())
        yield _columns([speaker.sentence() for _ in range(min(BLOCK, sentences - start))])


def _columns(sentences: list[Codes]) -> pa.RecordBatch:
    rows = _rows()
    codes = np.fromiter(chain.from_iterable(sentences), np.int64)
    in_sentence = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
    is_word = codes >= 0
    words = codes[is_word]
    offsets = np.searchsorted(in_sentence[is_word], np.arange(len(sentences) + 1))
    is_glued = rows.is_glued[np.append(words[1:], 0)]
    is_glued[offsets[1:] - 1] = False
    columns = [pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names.take(words)) for names in rows.names]
    heads: list[int] = []
    relations: list[str] = []
    for sentence in sentences:
        of_words, their_relations = dependencies(sentence)
        heads += of_words
        relations += their_relations
    for values in (pa.array(~is_glued), pa.array(heads, pa.int32()), pa.array(relations)):
        columns.append(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values))
    texts = ["".join(map(rows.piece, sentence))[1:] for sentence in sentences]
    trees = ["".join(map(rows.leaf, sentence))[1:] for sentence in sentences]
    return pa.record_batch([pa.array(texts), *columns, pa.array(trees)], schema=GRAMMAR_SCHEMA)


class _Rows(NamedTuple):
    """What each code is written as. Codes from len(lexicon.words) on are the words again, capitalised."""

    names: list[pa.Array]  # one for each of WORD_LISTS
    is_glued: NDArray[np.bool_]  # no space before this word
    piece: Callable[[int], str]  # in a text
    leaf: Callable[[int], str]  # in a tree


@cache
def _rows() -> _Rows:
    small = lexicon().words
    words = [*small, *(word._replace(form=word.form[0].upper() + word.form[1:]) for word in small)]
    names = [pa.array(column, pa.string()) for column in zip(*words, strict=True)]
    is_glued = [word.upos == "PUNCT" or word.form.startswith("'") or word.form == "n't" for word in words]
    pieces = {code: ("" if glued else " ") + words[code].form for code, glued in enumerate(is_glued)}
    leaves = {code: f" ({word.xpos} {word.form})" for code, word in enumerate(words)}
    labels = {-2 - number: f" ({label}" for number, label in enumerate(LABELS)} | {END: ")"}
    pieces |= dict.fromkeys(labels, "")
    return _Rows(names, np.array(is_glued), pieces.__getitem__, (leaves | labels).__getitem__)
