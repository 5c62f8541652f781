"""Which sentences are measured: samples by genre, and the annotated sentences behind a test set."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Subject

SAMPLE, FEWER = "sample", "fewer_than_the_sample"  # notes
NAMED = 10  # in a message: the genres of BabyLM


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


def refuse_unless_affected(subject: Subject, fits: NDArray[np.bool_]) -> None:
    """UserError where a metric of affected sentences finds none in the test set; `fits` (n,): those not too long."""
    affected = subject.held_out.table["affected"].to_numpy()
    name, many = subject.dataset.language, f"{len(affected):,}"
    if not affected.any():
        raise UserError(
            f"no affected test sentence in {name}: it changes none of the {many} there are, and only those that a "
            "language changes, or all of a control, are measured. `impossible check` shows what it changes; a larger "
            "corpus may have such sentences."
        )
    if not (affected & fits).any():
        raise UserError(
            f"no affected test sentence in {name} that fits: all {int(affected.sum()):,} are longer than the "
            f"{subject.context:,} tokens that {subject.run.name} takes in. Train with a larger --context."
        )


def sampled_by_genre(
    genres: NDArray[Any],
    is_wanted: NDArray[np.bool_],
    sample: int,
    seed: int,
    sentences: NDArray[np.int64],
    *,
    in_one_stream: bool = False,
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Rows that are wanted, at most `sample` of each genre; and of the genres that have fewer, how many.

    They are in order, or as published in that of the draw.

    Args:
        genres: (n,) the genre of each row.
        is_wanted: (n,) bool.
        sample: how many of each genre.
        seed: of the sample.
        sentences: (n,) the index of each row's sentence in the corpus.
        in_one_stream: as published, one generator runs through the genres in the order of their files' names.
    """
    rows, fewer = [np.empty(0, np.int64)], {}
    generator = np.random.default_rng(seed)
    for genre in sorted(set(genres), key="{}_affected.test".format):  # the names of the published files
        mine = np.flatnonzero(is_wanted & (genres == genre))
        if len(mine) < sample:
            fewer[f"test sentences of {genre} that can be measured"] = len(mine)
        if not len(mine):
            continue
        if in_one_stream:
            rows.append(generator.choice(mine, min(sample, len(mine)), replace=False))
        else:
            rows.append(mine[first_drawn(sentences[mine], sample, seed)])
    return np.concatenate(rows), fewer


def first_drawn(sentences: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """The places of `size` of the `sentences` (n,), in order: those whose number at random is the smallest.

    The number is a sentence's own, by its index in the corpus and the seed alone. So languages of one corpus are
    measured on the same sentences as far as they have them, and can be compared by sentence (Ohlsson 1995 calls it
    permanent random numbers).
    """
    with np.errstate(over="ignore"):  # SplitMix64 (Steele, Lea & Flood 2014)
        number = np.asarray(sentences).astype(np.uint64) + np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        number = (number + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        number ^= number >> np.uint64(31)
    return np.sort(np.argsort(number, kind="stable")[:size])


def sample_notes(sample: int, fewer: Mapping[str, int]) -> dict[str, Any]:
    """What notes say of a sample: how many were asked for at most, and of what (`fewer`) there were only so many."""
    return {SAMPLE: sample, FEWER: dict(fewer)}


def shortfall(notes: Mapping[str, Any]) -> str | None:
    """What a reader should know of a sample that there were too few items for, from notes; None where there were not.

    >>> shortfall(sample_notes(50, {"pairs of agreement": 4}))
    'sample of 50: all 4 pairs of agreement'
    """
    fewer = notes.get(FEWER)
    if not fewer:
        return None
    least = sorted(fewer, key=fewer.__getitem__)
    said = ", ".join(f"all {fewer[each]:,} {each}" if fewer[each] else f"no {each}" for each in least[:NAMED])
    more = f", and all there were of {len(least) - NAMED} more" if len(least) > NAMED else ""
    return f"sample of {notes[SAMPLE]:,}: {said}{more}"
