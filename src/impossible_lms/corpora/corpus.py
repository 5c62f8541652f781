"""Corpus: sentences in columns, read in blocks, from whatever `read_corpus` is pointed at."""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.corpora.annotated import verify_annotated
from impossible_lms.corpora.conllu import ConlluFile
from impossible_lms.corpora.grammar import GRAMMAR_VERSION, grammar_blocks
from impossible_lms.corpora.hub import HUB, hub_rows
from impossible_lms.corpora.layout import CONLLU, OF_IDS, PARSED, SPLITS, TABLES, TREES, WHOLE, File, LeftOut, found
from impossible_lms.corpora.lines import BadLinesError, Reader, Sentences, Tally
from impossible_lms.corpora.options import Options, parted
from impossible_lms.corpora.parquet import ParquetFile, open_parquet
from impossible_lms.corpora.parsed import ParsedFile, is_parsed
from impossible_lms.corpora.survey import Part, Survey
from impossible_lms.corpora.tables import JsonLines, Separated
from impossible_lms.corpora.text import TextFile
from impossible_lms.corpora.trees import TreeFile
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of
from impossible_lms.shown import Shown
from impossible_lms.spec import parse_options

HOLD_OUT = 20  # of a corpus without splits, one sentence in twenty goes to test and one to dev
SHOWN, SHOWN_GENRES = 3, 6  # sentences and genres that a notebook shows
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


@dataclass(frozen=True, repr=False)
class Corpus(Shown):
    """Sentences in a fixed order, in columns.

    Each block is an Arrow RecordBatch with a `text` column and, where the corpus is annotated, `words`, `lemmas`,
    `upos`, `xpos`, `features` (Universal Dependencies), `space_after` (lists, one entry a word) and `tree` (bracketed).
    """

    name: str
    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...] = ()  # the files that were found and are not read
    is_tested_elsewhere: bool = False  # its test part is of other files, and comes first

    def title(self) -> str:
        return self.name

    def facts(self) -> dict[str, object]:
        genres = list(dict.fromkeys(source.genre for source in self.sources))
        named = ", ".join(genres[:SHOWN_GENRES]) + (", …" if len(genres) > SHOWN_GENRES else "")
        parts = "not divided" if self.splits == (WHOLE,) else ", ".join(self.splits)
        found: dict[str, object] = {"splits": parts, "genres": named}
        if "survey" in vars(self):  # it has been read
            found["sentences"] = f"{sum(part.tally.sentences for part in self.survey.parts):,}"
        return found

    def examples(self) -> list[str]:
        _, columns = next(self.blocks())
        return [str(text) for text in columns.column("text")[:SHOWN].to_pylist()]

    @property
    def splits(self) -> tuple[str, ...]:
        """`("train", "dev", "test")`, or those of them there are; `("all",)` for a corpus that is not divided.

        Sentences are numbered in this order. A test part of other files comes first, so that the sentences of parallel
        ones have the same numbers whatever was trained on.
        """
        found = {source.split for source in self.sources}
        order = ("test", *SPLITS) if self.is_tested_elsewhere else SPLITS
        return tuple(split for split in dict.fromkeys((*order, WHOLE)) if split in found)

    def part(self, split: str) -> "Corpus":
        """The sentences of one split."""
        return Corpus(self.name, tuple(source for source in self.sources if source.split == split))

    def blocks(self) -> Iterator[tuple[Source, pa.RecordBatch]]:
        """Every block with the source it is from."""
        try:
            for source in self.sources:
                for block in source.blocks():
                    yield source, block
        except BadLinesError:
            _ = self.survey  # says what is wrong in all of it
            raise

    def beginnings(self) -> list[pa.RecordBatch]:
        """The first block of each source; UserError for the first that cannot be read."""
        return [block for source in self.sources for block in itertools.islice(source.blocks(), 1)]

    def columns(self) -> list[str]:
        """The columns that the first block of each split has, those that all of them have."""
        parts = (self.part(split).blocks() for split in self.splits)
        names = [block.schema.names for blocks in parts for _, block in itertools.islice(blocks, 1)]
        return [name for name in (names[0] if names else ()) if all(name in each for each in names)]

    def texts(self) -> Iterator[str]:
        """Every sentence as text."""
        for _, block in self.blocks():
            yield from block.column("text").to_pylist()

    def training_texts(self) -> Iterator[str]:
        """The sentences of the training split, as text: what a tokenizer may be trained on.

        Of a corpus without splits these are the ones that `build_dataset` puts there. UserError where there are none.
        """
        self.refuse_without_training()
        if self.splits != (WHOLE,):
            yield from self.part("train").texts()
            return
        for index, text in enumerate(self.texts()):
            if index % HOLD_OUT < HOLD_OUT - 2:
                yield text

    def refuse_without_training(self) -> None:
        """UserError where all of it is held out."""
        if WHOLE not in self.splits and "train" not in self.splits:
            there = " and ".join(self.splits)
            raise UserError(f"corpus {self.name}: no training part, {there} alone. Add train/, or name a file of it.")

    @cached_property
    def survey(self) -> Survey:
        """What there is in it, counted; it reads everything once.

        Raises:
            UserError: some lines are no text, and are not to be skipped; or a file holds none.
        """
        parts: dict[tuple[str, str], Part] = {}
        refused = Tally()
        for source in self.sources:
            part = parts.setdefault((source.split, source.genre), Part(source.split, source.genre))
            tally = Tally()
            try:
                _count(source, tally)
            except BadLinesError:
                refused.add(tally)
            part.files += isinstance(source, OF_FILES)
            part.sentences = source.options.unit if isinstance(source, Sentences) else None
            part.tally.add(tally)
        if refused.bad:
            raise refused.refused()
        return Survey(self.name, tuple(parts.values()), self.left_out)

    def fingerprint(self) -> str:
        """sha256 over the content of all sources, their splits and genres; it reads the files once."""
        return digest_of([[source.split, source.genre, source.digest()] for source in self.sources])


def read_corpus(spec: str) -> Corpus:
    """The corpus that `spec` names.

    Args:
        spec: a file, or a folder with all that is in it and below it, of text (one sentence a line), JSON Lines, CSV,
            TSV or Parquet (the column `text`, or another), CoNLL-U, JSON of the published tagging script, or bracketed
            trees in Penn style, packed or not;
            `hub:NAME[:config][:split][:column]`, a Hugging Face dataset, or a local folder that the library `datasets`
            can load (parts may be left empty, as in `hub:NAME::train`); or `grammar:sentences=200000,seed=0`, the
            built-in synthetic English with gold annotation. `layout.found` says how splits and genres are told, and
            `Options` what may stand behind a colon: `babylm:10M,sentences=split`. With `es.txt:test=es.conllu` the
            test part is that of another file or folder, all of it where it is not divided, and what is not divided of
            the first is trained on.

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
        name, rows, hub_options = hub_rows(spec)
        return Corpus(name, tuple(Sentences(each, hub_options) for each in rows))
    path, asked = parted(spec)
    if any(OF_IDS.fullmatch(each.name) for each in (path.resolve(), *(path.iterdir() if path.is_dir() else ()))):
        raise UserError(
            f"--corpus {spec}: ids, not sentences. `impossible build --corpus {spec} --language NAME` makes a token "
            "dataset of them, in the language that they are in."
        )
    verify_annotated(path)
    layout = found(path, asked.size)
    files = layout.files if asked.test is None else _tested_on(layout.files, asked.test, spec)
    sources, left_out = _sources(files, asked, path)
    size = next((file.size for file in layout.files if file.size), None) if asked.size else None
    written = replace(asked, size=size or asked.size).written()
    name = path.resolve().name + (f":{written}" if written else "")
    return Corpus(name, sources, (*layout.left_out, *left_out), asked.test is not None)


def _tested_on(files: Sequence[File], test: str, spec: str) -> tuple[File, ...]:
    """The files of a corpus with those of another's test part in place of its own, before them."""
    if not Path(test).exists():
        raise UserError(f"--corpus {spec}: test={test}: no such file or folder.")
    theirs = found(Path(test)).files
    if {file.split for file in theirs} != {WHOLE}:
        theirs = tuple(file for file in theirs if file.split == "test")
    own = [replace(file, split="train") if file.split == WHOLE else file for file in files if file.split != "test"]
    if not theirs or not own:
        raise UserError(f"--corpus {spec}: {'no test part at ' + test if not theirs else 'nothing to train on'}.")
    return (*(replace(file, split="test") for file in theirs), *own)


def _sources(files: Sequence[File], options: Options, path: Path) -> tuple[tuple[Source, ...], list[LeftOut]]:
    """The sources that files are; tables without sentences that stand beside others are left out."""
    sources: list[Source] = []
    left_out: list[LeftOut] = []
    has_text = any(file.ending not in (*TABLES, *CONLLU, *PARSED, *TREES) for file in files)
    for file in files:
        is_beside = len(files) > 1 and (has_text or file.ending == ".json")
        try:
            opened = _opened(file, options)
        except UserError:
            if not is_beside or options.column or file.ending not in TABLES:
                raise
            left_out.append(LeftOut(os.path.relpath(file.path, path), "a table without a column 'text'"))
            continue
        sources.append(opened if isinstance(opened, ANNOTATED) else Sentences(opened, options))
    if not sources:
        raise UserError(f"{path}: no sentences in any of its {len(files)} files.")
    if options.column and not any(file.ending in TABLES for file in files):
        raise UserError(f"--corpus {path}: column={options.column} is for tables, and there is none.")
    changed = options.changed()
    if changed.pop("features", None) and not any(isinstance(source, ParsedFile) for source in sources):
        raise UserError(
            f"--corpus {path}: features={options.features} is for files of the published tagging script "
            "(*_parsed.json), and there is none."
        )
    if changed and all(isinstance(source, ANNOTATED) for source in sources):
        raise UserError(f"--corpus {path}: its sentences are annotated as they are; {', '.join(changed)} is for text.")
    return tuple(sources), left_out


def _opened(file: File, options: Options) -> "ConlluFile | ParsedFile | TreeFile | ParquetFile | Reader":
    path, split, genre, ending = file.path, file.split, file.genre, file.ending
    if ending in CONLLU:
        return ConlluFile(path, split, genre)
    if ending in PARSED or (ending == ".json" and is_parsed(path)):  # without trees it has a plain name
        return ParsedFile(path, split, genre, options.features)
    if ending in TREES:
        return TreeFile(path, split, genre)
    if ending == ".parquet":
        return open_parquet(path, split, genre, options.column)
    if ending in (".csv", ".tsv"):
        return Separated.open(path, split, genre, ending, options.column)
    if ending in TABLES:
        return JsonLines.open(path, split, genre, options.column)
    return TextFile.open(path, split, genre)


ANNOTATED = (ConlluFile, ParsedFile, TreeFile, ParquetFile)
OF_FILES = (*ANNOTATED, Sentences)


def _count(source: Source, tally: Tally) -> None:
    """Read a source to its end, counting."""
    if isinstance(source, Sentences):
        for _ in source.read(tally):
            pass
        return
    if isinstance(source, ConlluFile):
        tally.sentences, tally.words = source.count()
        tally.lines = tally.sentences
        if tally.sentences:
            return  # reading it takes several times as long, and says then what is wrong with it
    for block in source.blocks():
        tally.lines += len(block)
        if "words" in block.schema.names:
            tally.sentences += len(block)
            tally.words += pc.sum(pc.list_value_length(block.column("words"))).as_py() or 0
        else:
            tally.count(block.column("text"))


def corpus_of(texts: Sequence[str], name: str = "memory") -> Corpus:
    """A corpus of sentences already in memory; UserError for one that is no text (half of a pair of surrogates)."""
    for number, text in enumerate(texts, 1):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            place = f"character {error.start + 1}"
            raise UserError(
                f"{name}: sentence {number} is no text at {place} ({text[error.start]!r}). Mend it."
            ) from None
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
