"""Lines as people have them: blank ones are skipped and counted, what is no text is counted and named, or skipped."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.corpora.options import LINE, PARAGRAPH, SKIP, Options, described
from impossible_lms.corpora.splitting import Paragraphs, divided, splitter
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of

LONGEST_LINE = 100_000  # bytes; a sentence is not that long, a file without line ends is
LONGEST_TEXT = 16 << 20  # bytes of a line that is divided into sentences: a book fits
NAMED = 10  # lines at fault that are named
WHITE_SPACE = np.isin(np.arange(256), [9, 10, 11, 12, 13, 32])


class Lines(NamedTuple):
    """Some lines of a file, or rows of a table, one after the other.

    Attributes:
        values: binary or strings; null where there is nothing.
        numbers: (n,) int64: the number of each in its file.
        faults: of those that are no text at all, what is wrong, by their places in `values`.
    """

    values: pa.Array
    numbers: NDArray[np.int64]
    faults: Mapping[int, str] = MappingProxyType({})


class Reader(Protocol):
    """What gives lines: a file of text, a column of a table."""

    @property
    def split(self) -> str: ...
    @property
    def genre(self) -> str: ...
    @property
    def where(self) -> str:
        """What to call it in messages: its path."""
        ...

    @property
    def unit(self) -> str:
        """What its numbers count: `line` or `row`."""
        ...

    @property
    def has_rows(self) -> bool:
        """Whether each value is a text of its own, and not the next line of one text."""
        ...

    def lines(self, longest: int) -> Iterator[Lines]:
        """Its lines in order; of one of more than `longest` bytes, as many bytes as show it."""
        ...

    def digest(self) -> str:
        """A hash of the content."""
        ...


@dataclass
class Tally:
    """What was read of a source, or of several.

    Attributes:
        lines: lines there were, those of rows too; of an annotated source, its sentences.
        blank: of these, without text.
        bad: of these, no text, by what is wrong with them.
        named: the first of the bad ones, by file.
        sentences: sentences they became.
        words: in these: what stands between blanks, or the words of the annotation.
        open: lines that end in a small letter or a comma and are followed by one that begins with a small letter.
    """

    lines: int = 0
    blank: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    named: list[tuple[str, str]] = field(default_factory=list)
    sentences: int = 0
    words: int = 0
    open: int = 0

    @property
    def mean_words(self) -> float:
        """Words in a sentence."""
        return self.words / max(1, self.sentences)

    @property
    def open_share(self) -> float:
        """The share of lines that end within a sentence."""
        return self.open / max(1, self.lines - self.blank)

    def add(self, other: "Tally") -> None:
        """Add what was read of another source."""
        self.lines += other.lines
        self.blank += other.blank
        self.bad.update(other.bad)
        self.named = (self.named + other.named)[:NAMED]
        self.sentences += other.sentences
        self.words += other.words
        self.open += other.open

    def count(self, texts: pa.Array) -> None:
        """Count sentences and their words."""
        self.sentences += len(texts)
        self.words += words_in(texts)

    def refused(self) -> "BadLinesError":
        """The bad lines as one fault."""
        total = sum(self.bad.values())
        kinds = ", ".join(f"{number:,} {what}" for what, number in self.bad.most_common())
        by_file: dict[str, list[str]] = {}
        for where, what in self.named:
            by_file.setdefault(where, []).append(what)
        first = "; ".join(f"{where} {', '.join(whats)}" for where, whats in by_file.items())
        more = f" and {total - len(self.named):,} more" if total > len(self.named) else ""
        advice = "Mend them, or go on without them: --bad-lines skip"
        if TOO_LONG in self.bad:
            advice += "; or divide long lines: --sentences split"
        if total == 1:
            return BadLinesError(f"{first}. {advice}.")
        return BadLinesError(f"{first}{more}: {total:,} bad lines ({kinds}). {advice}.")


class BadLinesError(UserError):
    """Lines that are no text, where they are to stop the run."""


TOO_LONG, NOT_UTF8, NUL = "too long", "not UTF-8", "with a NUL"


@dataclass(frozen=True)
class Sentences:
    """A source of sentences: the lines of a reader, cleaned, each a sentence or divided into sentences."""

    reader: Reader
    options: Options

    @property
    def split(self) -> str:
        return self.reader.split

    @property
    def genre(self) -> str:
        return self.reader.genre

    def digest(self) -> str:
        changed = described(self.options)
        if self.options.unit != LINE:
            changed["splitter"] = splitter()
        return digest_of([self.reader.digest(), changed]) if changed else self.reader.digest()

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Blocks with one column, `text`. UserError names the lines that are no text, or that there is nothing."""
        return self.read(Tally())

    def read(self, tally: Tally) -> Iterator[pa.RecordBatch]:
        """The same, counting."""
        limit = LONGEST_LINE if self.options.unit == LINE else LONGEST_TEXT
        joined = Paragraphs(LONGEST_TEXT) if self.options.unit == PARAGRAPH else None
        for texts in self._texts(limit, joined, tally):
            if tally.bad and self.options.bad_lines != SKIP:
                continue  # to count what else is wrong
            if self.options.unit != LINE:
                texts = self._divided(texts, tally)
            tally.count(texts)
            if len(texts):
                yield pa.record_batch({"text": texts})
        if tally.bad and self.options.bad_lines != SKIP:
            raise tally.refused()
        if not tally.sentences:
            held = f" but {tally.blank:,} blank lines" if tally.blank else ""
            held += f"{' and' if held else ' but'} {sum(tally.bad.values()):,} bad ones" if tally.bad else ""
            raise UserError(f"{self.reader.where}: holds no sentences{held}. Fill it, or take it out of the corpus.")

    def _texts(self, limit: int, joined: Paragraphs | None, tally: Tally) -> Iterator[pa.Array]:
        """The lines that are text and not blank, or the paragraphs that they are joined to."""
        for lines in self.reader.lines(limit):
            texts = self._cleaned(lines, limit, tally)
            if joined is None:
                yield self._without_blank(texts, tally)
                continue
            self._without_blank(texts, tally)  # counts them
            yield pa.array(joined.of(texts.to_pylist()), pa.string())
        if joined is not None:
            yield pa.array(joined.rest(), pa.string())

    def _divided(self, texts: pa.Array, tally: Tally) -> pa.Array:
        """The sentences of the texts; one that is too long is a bad line."""
        sentences = divided(texts, self.options.language)
        long = pc.greater(pc.binary_length(sentences), LONGEST_LINE)
        if not long.true_count:
            return sentences
        for sentence in sentences.filter(long).to_pylist():
            tally.bad[TOO_LONG] += 1
            if len(tally.named) < NAMED:
                what = f"a sentence longer than {LONGEST_LINE:,} bytes ('{sentence[:40]}…')"
                tally.named.append((self.reader.where, what))
        return sentences.filter(pc.invert(long))

    def _cleaned(self, lines: Lines, limit: int, tally: Tally) -> pa.Array:
        """The lines that are text, or blank, as strings."""
        values, numbers = lines.values, lines.numbers
        faults: dict[int, tuple[str, str]] = {place: (what, what) for place, what in lines.faults.items()}
        long = pc.greater(pc.binary_length(values), limit).fill_null(False)
        if long.true_count:
            for place in np.flatnonzero(_numpy(long)).tolist():
                faults.setdefault(place, (TOO_LONG, f"longer than {limit:,} bytes"))
        with_nul = pc.match_substring(values, "\0").fill_null(False)
        if with_nul.true_count:
            for place in np.flatnonzero(_numpy(with_nul)).tolist():
                faults.setdefault(place, (NUL, "holds a NUL"))
        try:
            texts = values.cast(pa.string(), safe=True)
            texts.validate(full=True)  # strings of other tools may be none
        except pa.ArrowInvalid:
            texts = self._decoded(values, faults)
        if faults:
            for place in sorted(faults):
                kind, what = faults[place]
                tally.bad[kind] += 1
                if len(tally.named) < NAMED:
                    tally.named.append((self.reader.where, f"{self.reader.unit} {numbers[place]:,}: {what}"))
            keep = np.ones(len(texts), dtype=bool)
            keep[list(faults)] = False
            texts = texts.filter(pa.array(keep))
        texts = _without_returns(texts)
        if self.options.unit == PARAGRAPH and self.reader.has_rows:
            tally.lines -= len(texts)  # the blank lines that end rows are ours
            tally.blank -= len(texts)
            texts = pc.binary_join_element_wise(_without_last_end(texts), "\n\n", "")
        texts = _rows_as_lines(texts)
        tally.lines += len(faults) + len(texts)
        tally.open += _open(texts)
        return texts

    @staticmethod
    def _without_blank(texts: pa.Array, tally: Tally) -> pa.Array:
        blank = pc.or_kleene(pc.equal(texts, ""), pc.utf8_is_space(texts)).fill_null(True)
        if blank.true_count:
            tally.blank += blank.true_count
            texts = texts.filter(pc.invert(blank))
        return texts

    def _decoded(self, values: pa.Array, faults: dict[int, tuple[str, str]]) -> pa.Array:
        """The lines as strings, where some are not UTF-8."""
        texts: list[str | None] = []
        for place, value in enumerate(values.cast(pa.large_binary()).to_pylist()):
            try:
                texts.append(None if value is None or place in faults else value.decode())
            except UnicodeDecodeError as error:
                byte = f"byte 0x{value[error.start]:02X} at byte {error.start + 1}"
                faults[place] = (NOT_UTF8, f"not UTF-8 ({byte})")
                texts.append(None)
        return pa.array(texts, pa.string())


LINE_UNIT, ROW = "line", "row"


def words_in(texts: pa.Array) -> int:
    """How many words there are in strings: stretches without blanks."""
    if not len(texts):
        return 0
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    is_space = WHITE_SPACE[data]
    starts = ~is_space
    starts[1:] &= is_space[:-1]
    first = (
        offsets[:-1][np.diff(offsets) > 0] - offsets[0]
    )  # a sentence's first byte may begin a word, whatever is before
    begins = np.zeros(len(data), dtype=bool)
    begins[first] = True
    return int(np.count_nonzero(starts | (begins & ~is_space)))


def _open(texts: pa.Array) -> int:
    """How many of the lines go on in the next: they end in a small letter or a comma, and it begins with one."""
    ends = pc.match_substring_regex(texts, r"[\p{Ll},;]\s*\z")
    begins = pc.match_substring_regex(texts, r"\A\s*\p{Ll}")
    return int(np.count_nonzero(_numpy(ends.fill_null(False))[:-1] & _numpy(begins.fill_null(False))[1:]))


def _without_returns(texts: pa.Array) -> pa.Array:
    """Without the `\\r` that stood before a line's end."""
    if not pc.any(pc.ends_with(texts, "\r")).as_py():
        return texts
    return pc.replace_substring_regex(texts, r"\r\z", "")


def _rows_as_lines(texts: pa.Array) -> pa.Array:
    """The lines of rows that hold several."""
    if not pc.any(pc.match_substring(texts, "\n")).as_py():
        return texts
    return _without_returns(pc.split_pattern(_without_last_end(texts), "\n").flatten())


def _without_last_end(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts.fill_null(""), r"\r?\n\z", "")


def _numpy(mask: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(mask.to_numpy(zero_copy_only=False))
