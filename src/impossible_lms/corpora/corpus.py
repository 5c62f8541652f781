"""Corpus: sentences in columns, read in blocks, from whatever `read_corpus` is pointed at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from impossible_lms.corpora.conllu import conllu_files
from impossible_lms.corpora.grammar import GRAMMAR_VERSION, grammar_blocks
from impossible_lms.corpora.hub import HUB, hub_rows
from impossible_lms.corpora.parquet import parquet_files
from impossible_lms.corpora.text import text_files
from impossible_lms.corpora.trees import tree_files
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of
from impossible_lms.spec import parse_options

WHOLE = "all"  # the one split of a corpus that is not divided
SPLITS = ("train", "dev", "test")
GRAMMAR = "grammar"
GRAMMAR_DEFAULTS = {"sentences": 200_000, "seed": 0}


class Source(Protocol):
    """One stretch of a corpus: sentences of one split and one genre."""

    @property
    def split(self) -> str: ...
    @property
    def genre(self) -> str: ...

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """The sentences in order, in columns: `text`, and annotation where there is one."""
        ...

    def digest(self) -> str:
        """A hash of the content, to tell one corpus from another."""
        ...


@dataclass(frozen=True)
class Corpus:
    """Sentences in a fixed order, in columns.

    Each block is an Arrow RecordBatch with a `text` column and, where the corpus is annotated, `words`, `lemmas`,
    `upos`, `xpos`, `features` (Universal Dependencies), `space_after` (lists, one entry a word) and `tree` (bracketed).
    """

    name: str
    sources: tuple[Source, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """`("train", "dev", "test")`, or those of them there are; `("all",)` for a corpus that is not divided."""
        found = {source.split for source in self.sources}
        return tuple(split for split in (*SPLITS, WHOLE) if split in found)

    def part(self, split: str) -> "Corpus":
        """The sentences of one split."""
        return Corpus(self.name, tuple(source for source in self.sources if source.split == split))

    def blocks(self) -> Iterator[tuple[Source, pa.RecordBatch]]:
        """Every block with the source it is from."""
        for source in self.sources:
            for block in source.blocks():
                yield source, block

    def texts(self) -> Iterator[str]:
        """Every sentence as text."""
        for _, block in self.blocks():
            yield from block.column("text").to_pylist()

    def fingerprint(self) -> str:
        """sha256 over the content of all sources, their splits and genres; it reads the files once."""
        return digest_of([[source.split, source.genre, source.digest()] for source in self.sources])


def read_corpus(spec: str) -> Corpus:
    """The corpus that `spec` names.

    Args:
        spec: a text file with one sentence a line; a folder of such files, which is divided into splits if it has
            BabyLM's layout (`train/*.train`, `dev/*.dev`, `test/*.test`); a CoNLL-U file or a folder of them, which is
            divided if all are named `...-train.conllu`, `...-dev.conllu` or `...-test.conllu`; a Parquet file with a
            column `text`, or a folder of them, divided if they stand in `train/`, `dev/` and `test/`; bracketed trees
            in Penn style (`.mrg`, `.ptb`, `.tree`, `.trees`), likewise;
            `hub:NAME[:config][:split][:column]`, a Hugging Face dataset of one sentence a row, or a local folder that
            the library `datasets` can load (parts may be left empty, as in `hub:NAME::train`); or
            `grammar:sentences=200000,seed=0`, the built-in synthetic English with gold annotation. Files are taken in
            sorted order, and a file's stem is its genre.

    Raises:
        UserError: there is nothing at `spec`, or no sentence in it. Faults inside a file are raised as it is read.
    """
    if spec == GRAMMAR or spec.startswith(f"{GRAMMAR}:"):
        options = parse_options("--corpus", spec, GRAMMAR_DEFAULTS)
        if options["sentences"] < 1:
            raise UserError(f"--corpus {spec}: sentences must be at least 1.")
        name = f"{GRAMMAR}:sentences={options['sentences']},seed={options['seed']}"
        return Corpus(name, (GrammarSource(options["sentences"], options["seed"]),))
    if spec.startswith(f"{HUB}:"):
        return Corpus(*hub_rows(spec))
    path = Path(spec)
    if not path.exists():
        raise UserError(f"--corpus {spec}: no such file or folder.")
    return Corpus(path.resolve().name, _files(path))


def _files(path: Path) -> tuple[Source, ...]:
    return conllu_files(path) or parquet_files(path) or tree_files(path) or text_files(path)


def corpus_of(texts: Sequence[str], name: str = "memory") -> Corpus:
    """A corpus of sentences already in memory."""
    return Corpus(name, (Memory(pa.record_batch({"text": pa.array(texts, pa.string())})),))


@dataclass(frozen=True)
class GrammarSource:
    """The built-in synthetic English."""

    sentences: int
    seed: int
    split: str = WHOLE
    genre: str = GRAMMAR

    def blocks(self) -> Iterator[pa.RecordBatch]:
        return grammar_blocks(self.sentences, self.seed)

    def digest(self) -> str:
        return digest_of([GRAMMAR_VERSION, self.sentences, self.seed])


@dataclass(frozen=True)
class Memory:
    """Sentences already in columns."""

    columns: pa.RecordBatch
    split: str = WHOLE
    genre: str = "memory"

    def blocks(self) -> Iterator[pa.RecordBatch]:
        yield self.columns

    def digest(self) -> str:
        return digest_of(self.columns.to_pydict())
