"""Annotated sentences behind a test set: the blocks of a corpus, with which of them are test sentences."""

from collections.abc import Iterator

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
