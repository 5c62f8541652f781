"""Bracketed constituency trees: files in Penn style, cleaned for probing, and the constituents of a tree."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, NoReturn

import pyarrow as pa

from impossible_lms.corpora.penn import escaped, follows_space, unescaped
from impossible_lms.corpora.streams import CorpusFile
from impossible_lms.corpora.text import chunks
from impossible_lms.errors import UserError

ROWS = 2_000  # sentences in a block
DEEPEST = 1_000  # brackets inside each other; a sentence of the Penn Treebank has 30 or so
LARGEST = 200_000  # brackets and words in a tree; more is a file whose brackets do not close
LONGEST_LINE = 16 << 20  # bytes
BANNER = "*x*"  # how the lines of the copyright notice begin in the Penn Treebank's Brown and Switchboard files

PIECE = re.compile(r"[()]|[^() \t\r\f\v]+")
CATEGORY = re.compile(r"-[A-Z]+-|[^-=|]+")  # NP of NP-SBJ-1, NP=2 and ADVP|PRT; -LRB- is a tag as it stands
ROOT = "ROOT"
ROOTS = {None, ROOT, "TOP", "S1"}  # what treebanks call the bracket around a sentence, if anything
TRACE = "-NONE-"

TREE_SCHEMA = pa.schema(
    [("text", pa.string())]
    + [(name, pa.list_(pa.string())) for name in ("words", "xpos")]
    + [("space_after", pa.list_(pa.bool_())), ("tree", pa.string())]
)


class Constituent(NamedTuple):
    """A labelled stretch of words: those from number `start` up to `end`, which is the first after it, from 0."""

    label: str
    start: int
    end: int


class Tree(NamedTuple):
    """A cleaned tree.

    Attributes:
        bracketed: `(ROOT (S (NP (NNP Anna)) ...))`, the brackets of words written -LRB- and -RRB-.
        words: the words, with Penn's escapes undone (`(` for -LRB-, `"` for two backquotes).
        xpos: their tags.
        space_after: whether a space follows each word in ordinary writing.
        constituents: all but ROOT and the words, outer before inner.
    """

    bracketed: str
    words: tuple[str, ...]
    xpos: tuple[str, ...]
    space_after: tuple[bool, ...]
    constituents: tuple[Constituent, ...]

    @property
    def text(self) -> str:
        """The words with the spaces of ordinary writing."""
        spaced = zip(self.words, self.space_after, strict=True)
        return "".join(word + " " * space for word, space in spaced).rstrip(" ")


def read_tree(bracketed: str) -> Tree:
    """The tree that is written in `bracketed`, cleaned.

    Cleaned as for the paper's constituency probes: function tags and indices are taken off (`NP-SBJ-1` is `NP`), traces
    and what is empty without them are gone, and the outermost bracket is `ROOT` whatever it was called.

    Raises:
        UserError: it is no tree, or several; the message names the tree and the fault.

    >>> read_tree("( (S (NP-SBJ-1 (NNP Anna)) (VP (VBZ sleeps) (NP (-NONE- *-1)))))").bracketed
    '(ROOT (S (NP (NNP Anna)) (VP (VBZ sleeps))))'
    """

    def fail(line: int, what: str) -> NoReturn:
        shown = bracketed if len(bracketed) <= 100 else bracketed[:100] + "…"
        raise UserError(f"tree '{shown}': {what}.")

    pieces = ((piece, 1) for piece in PIECE.findall(bracketed.replace("\n", " ")))
    trees = list(_trees(pieces, fail))
    if len(trees) != 1:
        fail(1, f"one tree is expected, found {len(trees)}")
    return trees[0]


def constituents(bracketed: str) -> tuple[Constituent, ...]:
    """The labelled constituents of a tree, without ROOT and the words' own tags, outer before inner.

    Words are counted without traces, from 0. UserError where `bracketed` is no tree.

    >>> constituents("(S (NP (NNP Anna)) (VP (VBZ sleeps)))")[1:]
    (Constituent(label='NP', start=0, end=1), Constituent(label='VP', start=1, end=2))
    """
    return read_tree(bracketed).constituents


@dataclass(frozen=True)
class TreeFile(CorpusFile):
    """A file of bracketed trees of one genre, each over any number of lines."""

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Blocks in `TREE_SCHEMA`, of ROWS sentences. UserError names the line of whatever is malformed."""
        rows: list[Tree] = []
        is_empty = True
        for tree in _trees(self._pieces(), self._fail):
            is_empty = False
            rows.append(tree)
            if len(rows) == ROWS:
                yield _columns(rows)
                rows = []
        if rows:
            yield _columns(rows)
        if is_empty:
            raise UserError(f"{self.path}: holds no trees.")

    def _pieces(self) -> Iterator[tuple[str, int]]:
        """Brackets, labels and words, each with the number of its line; lines end at `\\n`."""
        number = 0
        for chunk in chunks(self.path, LONGEST_LINE):
            for line in chunk.split(b"\n"):
                number += 1
                if len(line) > LONGEST_LINE:
                    self._fail(number, f"longer than {LONGEST_LINE:,} bytes. Are these bracketed trees")
                text = self._decoded(line, number)
                if not text.startswith(BANNER):
                    for piece in PIECE.findall(text):
                        yield piece, number

    def _decoded(self, line: bytes, number: int) -> str:
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            self._fail(number, f"not UTF-8 (byte 0x{line[error.start]:02X}). Convert the file")
        if "\0" in text:
            self._fail(number, "holds a NUL. This is no text")
        return text

    def _fail(self, line: int, what: str) -> NoReturn:
        raise UserError(f"{self.path} line {line}: {what}.")


def _columns(rows: list[Tree]) -> pa.RecordBatch:
    columns = {name: [getattr(row, name) for row in rows] for name in TREE_SCHEMA.names if name != "tree"}
    columns["tree"] = [row.bracketed for row in rows]
    return pa.record_batch(columns, schema=TREE_SCHEMA)


@dataclass
class _Bracket:
    """A bracket that is open. `pieces` is what it holds so far, cleaned and written; `first` its first word."""

    line: int
    first: int
    label: str | None = None
    word: str | None = None
    has_brackets: bool = False
    pieces: list[str] = field(default_factory=list)


def _trees(pieces: Iterable[tuple[str, int]], fail: Callable[[int, str], NoReturn]) -> Iterator[Tree]:
    """The trees written in `pieces`: brackets, labels and words, each with its line."""
    builder = _Builder(fail)
    for piece, line in pieces:
        if piece == "(":
            builder.open(line)
        elif piece != ")":
            builder.write(piece, line)
        elif tree := builder.close(line):
            yield tree
            builder = _Builder(fail)
    if builder.stack:
        fail(builder.stack[0].line, "the tree that begins here is not closed. Is a bracket missing")


class _Builder:
    """Puts one tree together, with a stack of its own: how deep a tree is does not matter to Python."""

    def __init__(self, fail: Callable[[int, str], NoReturn]) -> None:
        self.stack: list[_Bracket] = []
        self._fail_at, self._size = fail, 0
        self._words: list[str] = []  # as Penn writes them
        self._xpos: list[str] = []
        self._constituents: list[Constituent] = []  # inner before outer

    def open(self, line: int) -> None:
        if self.stack:
            around = self.stack[-1]
            if around.word is not None:
                self._fail(line, f"a bracket after the word '{around.word}' of a leaf")
            if around.label is None and len(self.stack) > 1:
                self._fail(line, "a bracket without a label")
            around.has_brackets = True
        if len(self.stack) == DEEPEST:
            self._fail(line, f"more than {DEEPEST:,} brackets inside each other. Are these trees")
        self._count(line)
        self.stack.append(_Bracket(line, len(self._words)))

    def write(self, piece: str, line: int) -> None:
        self._count(line)
        if not self.stack:
            self._fail(line, f"'{piece}' stands outside brackets")
        inside = self.stack[-1]
        if inside.has_brackets:
            self._fail(line, f"the word '{piece}' has no tag")
        if inside.word is not None:
            self._fail(line, f"two words, '{inside.word}' and '{piece}', in one leaf")
        if inside.label is not None:
            inside.word = piece
            return
        if piece in ROOTS and any(above.label not in ROOTS for above in self.stack):
            self._fail(line, f"{piece} inside a constituent. Is a bracket missing before it")
        inside.label = piece

    def close(self, line: int) -> Tree | None:
        """Close a bracket; the tree, if it was the outermost."""
        if not self.stack:
            self._fail(line, "a closing bracket too many")
        closed = self.stack[-1]
        if closed.word is None and not closed.has_brackets:
            held = "nothing" if closed.label is None else f"'{closed.label}' and neither a word nor brackets"
            self._fail(line, f"brackets that hold {held}")
        if closed.word is not None and closed.label in ROOTS:
            self._fail(line, f"the word '{closed.word}' has no tag")
        self.stack.pop()
        category = _category(closed.label)
        if closed.word is not None:
            written = []
            if category != TRACE:
                self._words.append(closed.word)
                self._xpos.append(str(category))
                written = [f"({category} {escaped(unescaped(closed.word))})"]
        elif closed.label in ROOTS or not closed.pieces:
            written = closed.pieces
        else:
            written = [f"({category} {' '.join(closed.pieces)})"]
            self._constituents.append(Constituent(str(category), closed.first, len(self._words)))
        if self.stack:
            self.stack[-1].pieces.extend(written)
            return None
        if not self._words:
            self._fail_at(closed.line, "a tree without words")
        return self._tree(f"({ROOT} {' '.join(written)})")

    def _tree(self, bracketed: str) -> Tree:
        words, xpos = tuple(map(unescaped, self._words)), tuple(self._xpos)
        spaces = [follows_space(*pair) for pair in pairwise(zip(self._words, xpos, strict=True))]
        outer_first = self._constituents[::-1]
        outer_first.sort(key=lambda found: (found.start, -found.end))  # keeps the order of those of the same words
        return Tree(bracketed, words, xpos, (*spaces, True), tuple(outer_first))

    def _count(self, line: int) -> None:
        self._size += 1
        if self._size > LARGEST:
            self._fail(line, f"more than {LARGEST:,} brackets and words in one tree. Is a bracket missing")

    def _fail(self, line: int, what: str) -> NoReturn:
        begun = self.stack[0].line if self.stack else line
        self._fail_at(line, what + (f" (the tree begins at line {begun})" if begun != line else ""))


def _category(label: str | None) -> str | None:
    """A label without function tags and indices."""
    match = CATEGORY.match(label or "")
    return match[0] if match else label
