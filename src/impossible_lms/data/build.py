"""corpus x language x tokenizer -> TokenDataset, in a stream: of all sentences at once only the order is in memory."""

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from impossible_lms.corpora.corpus import HOLD_OUT, Corpus
from impossible_lms.corpora.layout import WHOLE
from impossible_lms.data.dataset import CODE, DATASET, HELD_OUT, TokenDataset, shard_name
from impossible_lms.data.limits import ALL, Limits
from impossible_lms.data.order import PUBLISHED, shuffled, shuffled_as_published
from impossible_lms.data.spool import Spool
from impossible_lms.errors import UserError
from impossible_lms.files import folder_beside, is_made
from impossible_lms.languages.fertility import fertility
from impossible_lms.languages.language import KeptSentences, Language, sentences_for
from impossible_lms.languages.registry import (
    Named,
    get_language,
    get_languages,
    refuse_where_nothing_is_marked,
    refuse_without_annotation,
)
from impossible_lms.locks import lock_beside, remove_lock_of_the_dead, writing
from impossible_lms.progress import Progress, usual
from impossible_lms.tokenizer import Tokenizer
from impossible_lms.versions import versions

CONTEXT = 1024  # of the published models
TOKENS_IN_SHARD = 1 << 27  # 256 MB of uint16
SLAB = 1 << 16  # sentences gathered at a time
MOST_AT_ONCE = 1 << 29  # bytes of scratch files that are shuffled beside each other


def build_dataset(
    corpus: Corpus,
    language: Named,
    tokenizer: Tokenizer,
    output: str | Path,
    *,
    context: int = CONTEXT,
    seed: int = 0,
    as_published: bool = False,
    longest_training_sentence: int | None = None,
    most_training_modifiers: int | None = None,
    progress: Progress | None = None,
) -> TokenDataset:
    """Write `corpus` in `language` as a token dataset in the folder `output`; all else as in `build_datasets`."""
    outputs = [(get_language(language), {seed: Path(output)})]
    limits = Limits(longest_training_sentence, most_training_modifiers)
    return _build(corpus, outputs, tokenizer, context, as_published, progress or usual(), limits)[0]


def build_datasets(
    corpus: Corpus,
    languages: Iterable[Named],
    tokenizer: Tokenizer,
    output: str | Path,
    *,
    context: int = CONTEXT,
    seed: int = 0,
    as_published: bool = False,
    longest_training_sentence: int | None = None,
    most_training_modifiers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, TokenDataset]:
    """Write `corpus` in each of the `languages` as a token dataset `output/<name>`, in one pass over the corpus.

    The languages are whatever `get_languages` takes. Returns the datasets by the names of their languages.

    The kept training sentences are shuffled with `seed`, each followed by `<|endoftext|>`, joined and cut into blocks
    of `context` tokens; the tail that fills no block is dropped. `as_published`, they are shuffled from the order of
    the published files, so that blocks are those of the published run with this seed, and held-out loss will be of dev
    sentences shuffled so (`data/order.py`). Sentences of dev and test are kept one by one. A
    corpus without splits gives every twentieth sentence to test and the one before it to dev. With
    `longest_training_sentence` those of more tokens than that, before the language changes them, are left out of
    training and counted, and so are with `most_training_modifiers` those with a noun phrase in which stand more of
    demonstrative, numeral and adjective (`data/limits.py`); test and dev keep all. The same arguments give the same
    bytes; a folder that already holds what they give is left as it is.

    Raises:
        UserError: a folder holds something else, or another process writes it; no training sentence is left;
            `context` is longer than the data; or a language asks for annotation that the corpus has not.
    """
    chosen = get_languages(languages)
    built = build_in_orders(
        corpus,
        chosen,
        tokenizer,
        {seed: output},
        context=context,
        as_published=as_published,
        limits=Limits(longest_training_sentence, most_training_modifiers),
        progress=progress,
    )
    return {dataset.language: dataset for dataset in built}


def build_in_orders(
    corpus: Corpus,
    languages: Sequence[Language],
    tokenizer: Tokenizer,
    outputs: Mapping[int, str | Path],
    *,
    context: int = CONTEXT,
    as_published: bool = False,
    limits: Limits = ALL,
    progress: Progress | None = None,
) -> list[TokenDataset]:
    """The same for several seeds, still in one pass: `outputs[seed]/<name>`, a language's datasets after each other."""
    folders = [(each, {seed: Path(output) / each.name for seed, output in outputs.items()}) for each in languages]
    return _build(corpus, folders, tokenizer, context, as_published, progress or usual(), limits)


def build_test_set(
    corpus: Corpus, language: Language, tokenizer: Tokenizer, output: str | Path, *, progress: Progress | None = None
) -> TokenDataset:
    """Write the test sentences of `corpus` in `language` as a dataset without training blocks, to measure a model on.

    They are those of its split `test`; of a corpus without splits all of its sentences, for none was trained on.
    UserError where there are none; all else as in `build_datasets`.
    """
    outputs = [(language, {0: Path(output)})]
    return _build(corpus, outputs, tokenizer, CONTEXT, False, progress or usual(), ALL, test_only=True)[0]


def _build(
    corpus: Corpus,
    outputs: Sequence[tuple[Language, Mapping[int, Path]]],
    tokenizer: Tokenizer,
    context: int,
    as_published: bool,
    progress: Progress,
    limits: Limits,
    *,
    test_only: bool = False,
) -> list[TokenDataset]:
    if context < 2:
        raise UserError(f"--context {context}: a block needs at least 2 tokens.")
    fingerprint = corpus.fingerprint()
    missing = []
    for language, of_seed in outputs:
        marked = tokenizer.with_markers(language.family.markers)
        records: dict[Path, dict[str, Any]] = {}
        for seed, output in of_seed.items():
            request: dict[str, Any] = {
                "corpus": fingerprint,
                "language": language.name,
                "tokenizer": marked.sha256,
                "context": context,
                "seed": seed,
            }
            if as_published:
                request["order"] = PUBLISHED
            request |= limits.request()
            if test_only:
                request["test"] = WHOLE
            if language.version:
                request[CODE] = language.version
            if is_made(output, DATASET, request):
                remove_lock_of_the_dead(lock_beside(output))
            else:
                records[output] = {"request": request, "corpus": corpus.name, "described": language.described()}
        if records:
            missing.append((language, marked, records))
    if missing:
        if test_only:
            _refuse_without_test(corpus)
        else:
            corpus.refuse_without_training()
            limits.refuse(corpus)
        read = corpus.survey.record()  # what is wrong in the corpus is said before any work
        fertile = fertility(corpus.beginnings(), tokenizer).record()
        for *_, records in missing:
            for record in records.values():
                record |= {"read": read, "fertility": fertile}
    if missing:
        refuse_without_annotation((language for language, *_ in missing), corpus.columns())
        for language, *_ in missing:
            for _, columns in itertools.islice(corpus.blocks(), 1):
                language.trial(columns, tokenizer)
        refuse_where_nothing_is_marked((language for language, *_ in missing), corpus.beginnings())
    with ExitStack() as folders:
        works = []
        for language, marked, records in missing:
            targets = []
            for output, record in records.items():
                folders.enter_context(writing(output))
                if not is_made(output, DATASET, record["request"]):  # by another process, by now
                    targets.append((folders.enter_context(folder_beside(output, DATASET, record)), record))
            if targets:
                works.append(Work(language, marked, targets))
        if works:
            _rewrite(corpus, works, tokenizer, progress, limits, test_only=test_only)
            if corpus.fingerprint() != fingerprint:
                raise UserError(f"corpus {corpus.name}: changed while it was read. Build again.")
            # NumPy and the disk do most of it, so threads run beside each other, as many as memory is meant for.
            largest = max(work.spools["train"].bytes() for work in works)
            with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, MOST_AT_ONCE // max(1, largest)))) as threads:
                list(threads.map(Work.finish, works))
    return [TokenDataset.open(output) for _, of_seed in outputs for output in of_seed.values()]


class Work:
    """A language's datasets, one an order, while they are built: folders, records, scratch files of the sentences."""

    def __init__(
        self, language: Language, tokenizer: Tokenizer, targets: Sequence[tuple[Path, dict[str, Any]]]
    ) -> None:
        self.language, self.tokenizer, self.targets = language, tokenizer, targets
        self.scratch = targets[0][0] / "spool"
        self.test_begins = 0  # the number of the first test sentence of a corpus that is divided
        self.spools = {
            split: Spool(self.scratch / split, tokenizer.dtype, tokenizer.markers) for split in ("train", *HELD_OUT)
        }

    def add(
        self, stream: str, sentences: KeptSentences, genre: str, left_out: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> None:
        """Keep what became of a block of a stream, but not for training what of it is `left_out`, (k,) by reason."""
        for split, mine in _divided(stream, sentences.sentence):
            for reason, is_out in (left_out or {}).items() if split == "train" else ():
                self.spools[split].count_dropped({reason: int((mine & is_out).sum())})
                mine = mine & ~is_out
            self.spools[split].append(sentences, mine, genre)
        self.spools["train" if stream == WHOLE else stream].count_dropped(sentences.dropped)

    def close(self) -> None:
        """Nothing more is added."""
        for spool in self.spools.values():
            spool.close()

    def finish(self) -> None:
        """Write everything, and remove the scratch files."""
        for folder, record in self.targets:
            self._write(folder, record)
        shutil.rmtree(self.scratch)

    def _write(self, folder: Path, record: dict[str, Any]) -> None:
        """Write the shards of one order, held-out sentences, tokenizer and record."""
        request = record["request"]
        train = self.spools["train"]
        blocks, tail = 0, 0
        if len(train):
            blocks, tail = _write_blocks(train, _order(train, request), folder, self.tokenizer, request["context"])
        for split in HELD_OUT:
            _write_sentences(self.spools[split], folder / f"{split}.parquet", self.tokenizer)
        self.tokenizer.without_markers().save(folder / "tokenizer")
        counts = {split: spool.counts() for split, spool in self.spools.items()}
        record |= {
            "tokenizer": self.tokenizer.name,
            "vocabulary_size": self.tokenizer.vocabulary_size,
            "end_of_text": self.tokenizer.end_of_text,
            "markers": dict(self.tokenizer.markers),
            "dtype": self.tokenizer.dtype.name,
            "test_begins": self.test_begins,
            "counts": {"blocks": blocks, "tail_tokens": tail, **counts},
            "versions": versions("numpy", "pyarrow", "tokenizers"),
        }


def _refuse_without_test(corpus: Corpus) -> None:
    if WHOLE not in corpus.splits and "test" not in corpus.splits:
        there = " and ".join(corpus.splits)
        raise UserError(f"corpus {corpus.name}: no test part, {there} alone. Add test/, or name a file of it.")


def _rewrite(
    corpus: Corpus,
    works: Sequence[Work],
    tokenizer: Tokenizer,
    progress: Progress,
    limits: Limits,
    *,
    test_only: bool,
) -> None:
    """Give every block of the corpus to every language, whose kept sentences go to its scratch files.

    Where there is to be a test set alone, what is not divided is all of it, and other parts are only counted.
    """
    families = {work.language.family.name: work.language.family for work in works}
    read = begins = 0
    progress.start(f"{', '.join(work.language.name for work in works)}: sentences read", None)
    try:
        for stream in corpus.splits:
            rewriters = [work.language.start() for work in works]
            kept = "test" if test_only and stream == WHOLE else stream
            begins = read if kept == "test" else begins
            for source, columns in corpus.part(stream).blocks():
                if test_only and kept != "test":
                    read += len(columns)
                    continue
                blocks = sentences_for(families.values(), columns, tokenizer, read)
                by_family = dict(zip(families, blocks, strict=True))
                left_out = limits.left_out(next(iter(by_family.values())))
                for work, rewrite in zip(works, rewriters, strict=True):
                    made = rewrite(by_family[work.language.family.name])
                    mine = {reason: is_out[made.sentence - read] for reason, is_out in left_out.items()}
                    work.add(kept, made, source.genre, mine)
                read += len(columns)
                progress.at(read)
    finally:
        progress.end()
        for work in works:
            work.close()
    for work in works:
        work.test_begins = begins
        split, said = ("test", "test") if test_only else ("train", "training")
        if not len(work.spools[split]):
            name = work.language.name
            raise UserError(f"corpus {corpus.name}: no {said} sentence is left in {name} ({read} were read).")


def _divided(stream: str, sentence: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The splits that sentences of a stream go to, with a mask of those that do."""
    if stream != WHOLE:
        yield stream, np.ones(len(sentence), dtype=bool)
        return
    place = sentence % HOLD_OUT
    yield "train", place < HOLD_OUT - 2
    yield "dev", place == HOLD_OUT - 2
    yield "test", place == HOLD_OUT - 1


def _order(spool: Spool, request: Mapping[str, Any]) -> NDArray[np.int64]:
    """Which training sentence comes at each place, as a dataset's request says."""
    if request.get("order") != PUBLISHED:
        return shuffled(len(spool), request["seed"])
    columns = spool.columns()
    return shuffled_as_published(columns["genre"], spool.genres, columns["affected"], request["seed"])


def _write_blocks(
    spool: Spool, order: NDArray[np.int64], folder: Path, tokenizer: Tokenizer, context: int
) -> tuple[int, int]:
    """Write the sentences in `order` as shards of blocks; the number of blocks, and of tokens in the tail."""
    from impossible_lms.kernels import joined

    sentences = spool.sentences()
    total = len(sentences.values) + len(sentences)
    blocks = total // context
    if blocks == 0:
        raise UserError(f"--context {context}: longer than the data, which has {total} training tokens.")
    per_shard = max(1, TOKENS_IN_SHARD // context)
    waiting = np.empty(0, dtype=tokenizer.dtype)
    slabs = iter(range(0, len(order), SLAB))
    for shard in range(-(-blocks // per_shard)):
        rows = min(per_shard, blocks - shard * per_shard)
        with (folder / shard_name(shard)).open("wb") as file:
            header = {"descr": tokenizer.dtype.str, "fortran_order": False, "shape": (rows, context)}
            np.lib.format.write_array_header_1_0(file, header)
            missing = rows * context
            while missing:
                if not len(waiting):
                    start = next(slabs)
                    chosen = order[start : start + SLAB]
                    lengths = sentences.offsets[chosen + 1] - sentences.offsets[chosen] + 1
                    waiting = np.empty(int(lengths.sum()), tokenizer.dtype)
                    joined(sentences.values, sentences.offsets, chosen, tokenizer.end_of_text, waiting)
                file.write(waiting[:missing].data)
                missing, waiting = missing - len(waiting[:missing]), waiting[missing:]
    return blocks, total - blocks * context


def _write_sentences(spool: Spool, path: Path, tokenizer: Tokenizer) -> None:
    """Write held-out sentences as a Parquet table, one row a sentence."""
    tokens = pa.list_(pa.from_numpy_dtype(tokenizer.dtype))
    schema = pa.schema({"sentence": pa.int64(), "genre": pa.string(), "affected": pa.bool_(), "tokens": tokens})
    sentences, columns = spool.sentences(), spool.columns()
    genres = pa.array(spool.genres, pa.string())
    with pq.ParquetWriter(path, schema, use_dictionary=["genre"], compression="none") as writer:
        for start in range(0, len(sentences), SLAB):
            rows = np.arange(start, min(start + SLAB, len(sentences)))
            slab = sentences.take(rows)
            table = {
                "sentence": pa.array(columns["sentence"][rows]),
                "genre": genres.take(pa.array(columns["genre"][rows])),
                "affected": pa.array(columns["affected"][rows]),
                "tokens": pa.ListArray.from_arrays(pa.array(slab.offsets.astype(np.int32)), pa.array(slab.values)),
            }
            writer.write_batch(pa.record_batch(table, schema=schema))
