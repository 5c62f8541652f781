"""Which sentences are measured: samples by genre, and the annotated sentences behind a test set."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Subject


def corpus_of(subject: Subject, needs: str) -> Corpus:
    """The corpus at `--corpus`, or the built-in grammar that the test set was built from; else a UserError."""
    spec = subject.request.corpus or str(subject.dataset.record["corpus"])
    if subject.request.corpus is None and not spec.startswith("grammar:"):
        raise UserError(f"--corpus: needed, for the test set holds no {needs}. Name the corpus it was built from.")
    return read_corpus(spec)


def blocks_of_test(subject: Subject, corpus: Corpus) -> Iterator[tuple[pa.RecordBatch, int, NDArray[np.int64]]]:
    """The blocks of a corpus, the index of their first sentence, and (m,) int64: which rows to take.

    Of the corpus that the data was built from, these are the test sentences alone; of any other, all.
    """
    own = corpus.fingerprint() == subject.dataset.record["request"]["corpus"]
    held_out = subject.held_out.table["sentence"].to_numpy()
    first = 0
    for split in corpus.splits:
        for _, block in corpus.part(split).blocks():
            rows = np.arange(len(block))
            yield block, first, rows[np.isin(first + rows, held_out)] if own else rows
            first += len(block)


def sampled_by_genre(
    genres: NDArray[Any], is_wanted: NDArray[np.bool_], sample: int, seed: int, with_replacement: bool = False
) -> tuple[NDArray[np.int64], list[str]]:
    """Rows that are wanted, at most `sample` of each genre, in order; and the genres that have fewer.

    Args:
        genres: (n,) the genre of each row.
        is_wanted: (n,) bool.
        sample: how many of each genre.
        seed: each genre has a generator of its own, seeded with it.
        with_replacement: as published, draw so, and `sample` of every genre.
    """
    rows, fewer = [np.empty(0, np.int64)], []
    for genre in sorted(set(genres)):
        mine = np.flatnonzero(is_wanted & (genres == genre))
        size = sample if with_replacement and len(mine) else min(sample, len(mine))
        if len(mine) < sample:
            fewer.append(str(genre))
        rows.append(np.sort(np.random.default_rng(seed).choice(mine, size, replace=with_replacement)))
    return np.concatenate(rows), fewer
