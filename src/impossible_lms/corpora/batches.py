"""Batches of a corpus at fixed places, annotated in this process or in several beside it, and given back in order."""

import contextlib
import os
import pickle
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.corpora.annotated import Annotator, Row
from impossible_lms.corpora.conllu import conllu_sentence
from impossible_lms.corpora.corpus import Source
from impossible_lms.corpora.layout import WHOLE
from impossible_lms.errors import UserError

AHEAD = 2  # batches given to each process before the first is asked back, so that none waits for the disk


@dataclass(frozen=True)
class Batch:
    """Some texts of a source, to be annotated together.

    Attributes:
        source: the source's number in its corpus.
        genre: its genre, with a number where it is not the first file of it.
        where: what messages call it.
        texts: their columns.
        first: the number of texts of the source before these.
        lines: the lines of the corpus in each text, where several were joined.
    """

    source: int
    genre: str
    where: str
    texts: pa.RecordBatch
    first: int
    lines: tuple[int, ...] | None = None

    @property
    def read(self) -> int:
        """The sentences of the corpus in it."""
        return len(self.texts) if self.lines is None else sum(self.lines)

    def words(self) -> int:
        """Its words between white space."""
        return count_words(self.texts.column("text"))

    def place(self, text: int, joined: int | None) -> str:
        """What messages call its text number `text`, from 0; `joined` lines are in each."""
        number = self.first + text
        if joined is None:
            return f"{self.where} sentence {number + 1}"
        start = number * joined
        return f"{self.where} sentences {start + 1} to {start + (self.lines or (joined,))[text]}"


@dataclass(frozen=True)
class Written:
    """What a batch became: CoNLL-U, its counts, and the seconds it took."""

    content: bytes
    counts: dict[str, int]
    seconds: float


def count_words(texts: pa.Array) -> int:
    """The words between white space in an array of strings."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return len(pc.utf8_split_whitespace(trimmed).flatten()) - int(pc.sum(pc.equal(trimmed, "")).as_py() or 0)


def batches(number: int, source: Source, size: int, joined: int | None, genre: str) -> Iterator[Batch]:
    """The texts of a source in batches at the same places every time.

    Args:
        number: of the source in its corpus.
        source: its sentences are the texts, in batches of `size`, or else
        size: sentences in a batch.
        joined: so many sentences, with a space between two, are a text.
        genre: what the ids of its sentences begin with.
    """
    where = source.genre if source.split == WHOLE else f"{source.genre} ({source.split})"
    first = 0
    if joined is None:
        for block in source.blocks():
            for start in range(0, len(block), size):
                texts = block.slice(start, size)
                yield Batch(number, genre, where, texts, first)
                first += len(texts)
        return
    for lines in _in_groups(source, where, joined * max(1, size // joined)):
        groups = [lines[start : start + joined] for start in range(0, len(lines), joined)]
        texts = pa.record_batch({"text": pa.array([" ".join(group) for group in groups], pa.string())})
        yield Batch(number, genre, where, texts, first, tuple(map(len, groups)))
        first += len(groups)


def _in_groups(source: Source, where: str, size: int) -> Iterator[list[str]]:
    """The sentences of a source, stripped, in groups of `size`."""
    waiting: list[str] = []
    read = 0
    for block in source.blocks():
        _refuse_newlines(block, where, read)
        read += len(block)
        waiting += [text.strip() for text in block.column("text").to_pylist()]
        whole = len(waiting) // size * size
        for start in range(0, whole, size):
            yield waiting[start : start + size]
        waiting = waiting[whole:]
    if waiting:
        yield waiting


def written(batch: Batch, annotator: Annotator, joined: int | None = None) -> Written:
    """The batch as CoNLL-U; UserError names the sentence at fault."""
    start = time.perf_counter()
    counts = Counter({"read": 0, "read_without_words": 0, "sentences": 0, "words": 0, "words_without_lemma": 0})
    if annotator.makes_trees:
        counts["sentences_without_tree"] = 0
    pieces = []
    for text, rows in enumerate(_annotated(batch, annotator, joined)):
        counts["read"] += 1 if batch.lines is None else batch.lines[text]
        counts["read_without_words"] += not rows
        for number, row in enumerate(rows, 1):
            counts["sentences"] += 1
            counts["words"] += len(row["words"])
            counts["words_without_lemma"] += (row.get("lemmas") or [None] * len(row["words"])).count(None)
            if annotator.makes_trees:
                counts["sentences_without_tree"] += row.get("tree") is None
            if row.get("comments") is None:
                name = f"{batch.genre}-{batch.first + text + 1}-{number}"
                row["comments"] = [f"# sent_id = {name}", f"# text = {row['text']}"]
            pieces.append(conllu_sentence(row))
    return Written("".join(pieces).encode(), dict(counts), time.perf_counter() - start)


def _annotated(batch: Batch, annotator: Annotator, joined: int | None) -> Iterator[list[Row]]:
    """What each text of a batch becomes."""
    text = 0
    _refuse_newlines(batch.texts, batch.where, batch.first)
    try:
        for _, rows in zip(range(len(batch.texts)), annotator.annotate(batch.texts), strict=True):
            yield rows
            text += 1
    except UserError as error:
        raise UserError(f"{batch.place(text, joined)}: {error}") from error


def _refuse_newlines(texts: pa.RecordBatch, where: str, before: int) -> None:
    place = pc.index(pc.match_substring(texts.column("text"), "\n"), True).as_py()
    if place >= 0:
        raise UserError(f"{where} sentence {before + place + 1}: holds a newline. Divide it into sentences.")


class Workers:
    """Annotates batches here, or in `processes` of their own, each of which loads the annotator anew.

    They go with this process, however it ends, and leave Ctrl-C to it.
    """

    def __init__(self, annotator: Annotator, joined: int | None, processes: int) -> None:
        self.processes = processes
        self._annotator, self._joined = annotator, joined
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None

    def __enter__(self) -> "Workers":
        if self.processes > 1:
            # Not forked: threads of this process may hold locks that a copy of it would wait for.
            context = get_context("spawn")
            ear, self._lifeline = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                self.processes, context, _begin, (ear, pickle.dumps(self._annotator), self._joined)
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None and self._lifeline is not None:
            if kind is not None:
                self._lifeline.close()  # they end at once, in the midst of a batch
            self._pool.shutdown(cancel_futures=True)
            self._lifeline.close()

    def in_order(self, given: Iterable[Batch]) -> Generator[tuple[Batch, Written], None, None]:
        """Each of the `given` batches with what it became."""
        if self._pool is None:
            for batch in given:
                yield batch, written(batch, self._annotator, self._joined)
            return
        waiting: deque[tuple[Batch, Future[Written]]] = deque()
        try:
            for batch in given:
                with _held_back(signal.SIGINT):  # which a process that begins now inherits
                    waiting.append((batch, self._pool.submit(_work, batch)))
                if len(waiting) == AHEAD * self.processes:
                    yield _result(*waiting.popleft())
            while waiting:
                yield _result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()


def _result(batch: Batch, future: "Future[Written]") -> tuple[Batch, Written]:
    try:
        return batch, future.result()
    except BrokenProcessPool as error:
        raise UserError(
            "--processes: one of them has ended (killed, or out of memory?). "
            "The same command goes on where it was; take fewer if memory is short."
        ) from error


@contextlib.contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# What follows runs in a process of its own.
_given: tuple[bytes, int | None] = (b"", None)
_loaded: list[Annotator] = []


def _begin(ear: Connection, annotator: bytes, joined: int | None) -> None:
    global _given
    _given = (annotator, joined)
    os.environ["OMP_NUM_THREADS"] = "1"

    def listen() -> None:
        with contextlib.suppress(OSError):
            ear.poll(None)  # until the other end is closed, or its process is no more
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()


def _work(batch: Batch) -> Written:
    annotator, joined = _given
    if not _loaded:
        _loaded.append(pickle.loads(annotator))  # noqa: S301 - of our own making
    return written(batch, _loaded[0], joined)
