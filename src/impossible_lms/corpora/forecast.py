"""How long the annotation of a corpus will take, from the time that the beginning of each of its files takes."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace

import pyarrow as pa

from impossible_lms.corpora.batches import Batch, Workers

WORTH_SAYING = 100_000  # words; fewer are soon done
SENTENCES, WORDS = 100, 2_000  # tried at a time: sentences, or words of a text that was joined
PIECES = 10  # of each file, at most
SECONDS = 20.0  # for all that is tried
HOUR = 3600.0


def beginning(batch: Batch) -> Iterator[Batch]:
    """Small batches of what stands first in `batch`."""
    if batch.lines is None:
        for start in range(0, min(len(batch.texts), PIECES * SENTENCES), SENTENCES):
            yield replace(batch, texts=batch.texts.slice(start, SENTENCES), first=batch.first + start)
        return
    words = batch.texts.column("text")[0].as_py().split()
    for start in range(0, min(len(words), PIECES * WORDS), WORDS):
        text = pa.array([" ".join(words[start : start + WORDS])])
        yield replace(batch, texts=pa.record_batch({"text": text}), lines=batch.lines[:1])


def forecast(workers: Workers, tried: Iterable[Batch], words: int) -> str:
    """What to say before `words` words are annotated, of which some are `tried` for it."""
    found: list[tuple[int, float]] = []
    end = time.monotonic() + SECONDS
    with closing(workers.in_order(tried)) as results:
        for batch, result in results:
            found.append((batch.words(), result.seconds))
            if time.monotonic() > end:
                break
    counted = found[2 * workers.processes :] or found  # the first of each process are slower than the rest
    measured = sum(count for count, _ in counted)
    rate = workers.processes * measured / sum(seconds for _, seconds in counted)
    processes = f"{workers.processes} process{'es' if workers.processes > 1 else ''}"
    said = f"{words:,} words to annotate, about {spoken(words / rate)}: {rate:,.0f} words a second in {processes}, "
    said += f"measured on {measured:,}. Stopped, the same command goes on."
    cores = os.cpu_count() or 1
    if words / rate > HOUR and workers.processes < cores:
        said += f" --processes {cores} uses all processors of this machine, --device cuda its GPU."
    return said


def spoken(seconds: float) -> str:
    """A duration in words."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 1.5 * HOUR:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / HOUR:.1f} hours" if seconds < 48 * HOUR else f"{seconds / HOUR / 24:.1f} days"
