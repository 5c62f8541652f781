"""CoNLL-U: annotated sentences in and out, as Universal Dependencies distributes them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.corpora.streams import CorpusFile, opened
from impossible_lms.errors import UserError
from impossible_lms.files import written_beside

SUFFIX = ".conllu"
CHUNK_BYTES = 4 << 20
LONGEST_SENTENCE = 16 << 20  # bytes; a file without blank lines is no CoNLL-U
TREE = "# constituency = "  # the comment in which Stanza writes a sentence's bracketed tree
FIELDS = ("id", "words", "lemmas", "upos", "xpos", "features", "head", "deprel", "deps", "misc")
WIDTH = len(FIELDS)
NUMBER = "[1-9][0-9]{0,5}"
RANGE, EMPTY_NODE = f"({NUMBER})-({NUMBER})", rf"(0|{NUMBER})\.{NUMBER}"
FEATURE = re.compile(r"[^=|\s]+=[^=|\s]+")

_STRINGS, _NUMBERS = pa.list_(pa.string()), pa.list_(pa.int32())
CONLLU_SCHEMA = pa.schema(
    [("text", pa.string())]
    + [(name, _STRINGS) for name in FIELDS[1:6]]
    + [("space_after", pa.list_(pa.bool_())), ("head", _NUMBERS)]
    + [(name, _STRINGS) for name in (*FIELDS[7:], "comments")]
    # Ranges and empty nodes, as they stand, each with the number of words before it.
    + [("extra_rows", _STRINGS), ("extra_places", _NUMBERS), ("tree", pa.string())]
)


@dataclass(frozen=True)
class ConlluFile(CorpusFile):
    """A CoNLL-U file of one genre. Its words are the syntactic words: `don't` is `do` and `n't`."""

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Blocks in `CONLLU_SCHEMA`; `_` is null, except as a form or as the lemma of the form `_`.

        UserError names the line and the column of whatever is malformed.
        """
        first_line, sentences = 1, 0
        for chunk in self._chunks():
            try:
                text = chunk.decode()
            except UnicodeDecodeError as error:
                line = first_line + chunk.count(b"\n", 0, error.start)
                self._fail(line, None, f"not UTF-8 (byte 0x{chunk[error.start]:02X}). Convert the file")
            for batch in _Chunk(self, text, first_line).batches():
                yield batch
                sentences += len(batch)
            first_line += text.count("\n")
        if not sentences:
            raise UserError(f"{self.path}: holds no sentences.")

    def count(self) -> tuple[int, int]:
        """Its sentences and words, told by the numbers that rows begin with; whether all is well `blocks` finds out."""
        sentences = words = 0
        for chunk in self._chunks():
            signs = np.frombuffer(b"\n" + chunk, np.uint8)
            place = np.flatnonzero(signs[:-1] == ord("\n")) + 1
            sentences += int(((signs[place[:-1]] == ord("1")) & (signs[place[:-1] + 1] == ord("\t"))).sum())
            place = place[(signs[place] >= ord("1")) & (signs[place] <= ord("9"))]
            while (is_digit := (signs[place] >= ord("0")) & (signs[place] <= ord("9"))).any():
                place += is_digit
            words += int((signs[place] == ord("\t")).sum())
        return sentences, words

    def _chunks(self) -> Iterator[bytes]:
        """Whole sentences of about CHUNK_BYTES, each with its blank line; lines end at `\\n`."""
        rest = b""
        with opened(self.path) as file:
            while piece := file.read(CHUNK_BYTES):
                head, end, rest = (rest + piece).replace(b"\r\n", b"\n").rpartition(b"\n\n")
                if end:
                    yield head + end
                if len(rest) > LONGEST_SENTENCE:
                    raise UserError(f"{self.path}: {LONGEST_SENTENCE:,} bytes without a blank line. Is it CoNLL-U?")
        if rest.strip(b"\n"):
            yield rest + b"\n" * (2 if not rest.endswith(b"\n") else 1)

    def _fail(self, line: int, column: int | None, what: str) -> NoReturn:
        where = f"line {line}" if column is None else f"line {line} column {column} ({_NAMES[column - 1]})"
        raise UserError(f"{self.path} {where}: {what}.")


_NAMES = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")


class _Chunk:
    """Some sentences of a file as arrays over their lines and rows."""

    def __init__(self, file: ConlluFile, text: str, first_line: int) -> None:
        self.file, self.first_line = file, first_line
        self.lines = pa.array(text.split("\n"), pa.string())
        is_blank = _numpy(pc.equal(self.lines, ""))
        self.is_comment = _numpy(pc.starts_with(self.lines, "#"))
        self.is_row = ~is_blank & ~self.is_comment
        opens = ~is_blank & np.append(True, is_blank[:-1])
        self.sentence_of_line = np.cumsum(opens) - 1
        self.sentences = int(opens.sum())
        self.row_line = np.flatnonzero(self.is_row)

    def batches(self) -> Iterator[pa.RecordBatch]:
        if not self.sentences:
            return
        self._check_comments()
        fields = self._fields()
        sentence = self.sentence_of_line[self.row_line]
        is_word, place = self._numbered(fields[0], sentence)
        words, of_word = pa.array(np.flatnonzero(is_word)), sentence[is_word]
        lengths = np.bincount(of_word, minlength=self.sentences)
        if (lengths == 0).any():
            self._fail_line(int(np.searchsorted(self.sentence_of_line, np.argmin(lengths))), "a sentence without words")
        columns = dict(zip(FIELDS, (field.take(words) for field in fields), strict=True))
        self._check_features(columns["features"], is_word)
        values: dict[str, Any] = {name: _without_underscore(columns[name]) for name in FIELDS[2:]}
        is_underscore = pc.equal(columns["words"], "_")
        values["words"] = columns["words"]
        values["lemmas"] = pc.if_else(is_underscore, columns["lemmas"], values["lemmas"])
        values["head"] = self._heads(values["head"], is_word, of_word, lengths)
        extra = np.flatnonzero(~is_word)
        values["space_after"] = self._spaces(values["misc"], fields, is_word)
        rows = {name: _lists(value, lengths) for name, value in values.items()}
        rows["comments"] = _lists(
            self.lines.filter(pa.array(self.is_comment)),
            np.bincount(self.sentence_of_line[self.is_comment], minlength=self.sentences),
        )
        extra_lengths = np.bincount(sentence[extra], minlength=self.sentences)
        rows["extra_rows"] = _lists(self.lines.take(pa.array(self.row_line[extra])), extra_lengths)
        rows["extra_places"] = _lists(pa.array(place[extra], pa.int32()), extra_lengths)
        rows["text"] = self._texts(rows)
        rows["tree"] = self._trees()
        yield pa.record_batch([rows[name] for name in CONLLU_SCHEMA.names], schema=CONLLU_SCHEMA)

    def _check_comments(self) -> None:
        inside = self.is_comment[1:] & self.is_row[:-1]
        if inside.any():
            self._fail_line(int(np.argmax(inside)) + 1, "a comment inside a sentence; is the blank line missing")

    def _fields(self) -> list[pa.Array]:
        """The ten columns of all rows."""
        split = pc.split_pattern(self.lines.filter(pa.array(self.is_row)), "\t")
        widths = split.value_lengths().to_numpy(zero_copy_only=False)
        if (widths != WIDTH).any():
            row = int(np.argmax(widths != WIDTH))
            what = f"{WIDTH} columns separated by tabs are expected, found {widths[row]}"
            self._fail_line(int(self.row_line[row]), what)
        flat = split.flatten()
        is_empty = _numpy(pc.equal(flat, ""))
        if is_empty.any():
            row, column = divmod(int(np.argmax(is_empty)), WIDTH)
            self._fail_row(row, column + 1, "empty. Write _ where there is nothing")
        return [flat.take(pa.array(np.arange(column, len(flat), WIDTH))) for column in range(WIDTH)]

    def _numbered(self, ids: pa.Array, sentence: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """(n,) bool: whether a row is a word; (n,) int64: the number of words of its sentence before it."""
        distinct = ids.dictionary_encode()
        names = distinct.dictionary.to_pylist()
        which = distinct.indices.to_numpy(zero_copy_only=False)
        numbers = np.array([int(name) if re.fullmatch(NUMBER, name) else 0 for name in names], np.int64)[which]
        is_word = numbers > 0
        before = np.cumsum(is_word) - is_word
        place = before - before[np.searchsorted(sentence, sentence)]
        expected = np.where(is_word, place + 1, 0)
        wrong = int(np.argmax(np.append(numbers != expected, True)))  # the first that is
        lengths, covered = np.bincount(sentence[is_word], minlength=self.sentences), 0
        for row in np.flatnonzero(~is_word[:wrong]).tolist():
            name, following = str(ids[row]), place[row] + 1
            if match := re.fullmatch(RANGE, name):
                is_right = int(match[1]) == following <= int(match[2]) <= lengths[sentence[row]]
                is_right &= before[row] >= covered  # a word stands in one range at most
                covered = before[row] - place[row] + int(match[2])
            else:
                match = re.fullmatch(EMPTY_NODE, name)
                is_right = match is not None and int(match[1]) == place[row]
            if not is_right:
                self._fail_row(row, 1, f"'{name}' is no number, range or empty node that can stand here")
        if wrong < len(numbers):
            self._fail_row(wrong, 1, f"the next word is number {expected[wrong]}, found '{ids[wrong]}'")
        return is_word, place

    def _check_features(self, features: pa.Array, is_word: NDArray[np.bool_]) -> None:
        distinct = features.dictionary_encode()
        for number, entry in enumerate(distinct.dictionary.to_pylist()):
            if fault := _fault_of(entry):
                word = int(np.argmax(distinct.indices.to_numpy(zero_copy_only=False) == number))
                self._fail_row(int(np.flatnonzero(is_word)[word]), 6, f"'{entry}' {fault}")

    def _heads(
        self, heads: pa.Array, is_word: NDArray[np.bool_], of_word: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> pa.Array:
        """(n,) int32 with nulls, each a word of the sentence or 0."""
        given = _numpy(pc.is_valid(heads))
        is_number = _numpy(pc.match_substring_regex(heads.fill_null("0"), "^[0-9]{1,6}$"))
        if not is_number.all():
            word = int(np.argmax(~is_number))
            self._fail_row(int(np.flatnonzero(is_word)[word]), 7, f"'{heads[word]}' is no number of a word")
        numbers = heads.fill_null("0").cast(pa.int32()).to_numpy(zero_copy_only=False)
        own = np.arange(len(of_word)) - (np.cumsum(lengths) - lengths)[of_word] + 1
        wrong = (numbers > lengths[of_word]) | (numbers == own)
        if wrong.any():
            word = int(np.argmax(wrong))
            self._fail_row(int(np.flatnonzero(is_word)[word]), 7, f"'{numbers[word]}' is no other word of the sentence")
        return pa.array(numbers, pa.int32(), mask=~given)

    def _spaces(self, misc: pa.Array, fields: list[pa.Array], is_word: NDArray[np.bool_]) -> pa.Array:
        """(n,) bool: whether a space follows each word. The words of a range touch; the range says what follows it."""
        spaces = ~_numpy(pc.match_substring_regex(misc.fill_null(""), r"(^|\|)SpaceAfter=No($|\|)"))
        words_before: NDArray[np.int64] = np.cumsum(is_word) - is_word
        for row in np.flatnonzero(~is_word).tolist():
            if match := re.fullmatch(RANGE, str(fields[0][row])):
                first = int(words_before[row])
                last = first + int(match[2]) - int(match[1])
                spaces[first:last] = False
                spaces[last : last + 1] = "SpaceAfter=No" not in str(fields[9][row]).split("|")
        return pa.array(spaces)

    def _texts(self, rows: dict[str, pa.Array]) -> pa.Array:
        """The `# text` of each sentence; where there is none, its words with their spaces."""
        is_text = _numpy(pc.match_substring_regex(self.lines, r"^# text ?= ?"))
        line = np.full(self.sentences, -1)
        where = np.flatnonzero(is_text & self.is_comment)[::-1]  # of two, the first
        line[self.sentence_of_line[where]] = where
        texts = pc.replace_substring_regex(self.lines.take(pa.array(np.maximum(line, 0))), r"^# text ?= ?", "")
        if (line >= 0).all():
            return texts
        written = texts.to_pylist()
        for sentence in np.flatnonzero(line < 0):
            written[sentence] = _surface(*(rows[name][int(sentence)].as_py() for name in _SURFACE))
        return pa.array(written, pa.string())

    def _trees(self) -> pa.Array:
        """The tree of each sentence, as its comment has it; null where there is none."""
        is_tree = pc.starts_with(self.lines, TREE)
        if not is_tree.true_count:
            return pa.nulls(self.sentences, pa.string())
        where = np.flatnonzero(_numpy(is_tree))[::-1]  # of two, the first
        opened, closed = (pc.count_substring(self.lines.take(pa.array(where)), bracket) for bracket in "()")
        wrong = _numpy(pc.not_equal(opened, closed))
        if wrong.any():
            self._fail_line(int(where[wrong].min()), "the brackets of the tree are not balanced")
        line = np.full(self.sentences, -1)
        line[self.sentence_of_line[where]] = where
        trees = self.lines.take(pa.array(line, mask=line < 0))
        return pc.utf8_slice_codeunits(trees, len(TREE))

    def _fail_line(self, line: int, what: str) -> NoReturn:
        self.file._fail(self.first_line + line, None, what)

    def _fail_row(self, row: int, column: int, what: str) -> NoReturn:
        self.file._fail(self.first_line + int(self.row_line[row]), column, what)


_SURFACE = ("words", "space_after", "extra_rows", "extra_places")


def write_conllu(blocks: Iterator[pa.RecordBatch], path: Path) -> None:
    """Write sentences with `words` as CoNLL-U; what was read from CoNLL-U is written as it was.

    Columns that the blocks have not become `_`; a sentence without comments gets its `# text`, and its `tree` as the
    comment `# constituency`.
    """
    with written_beside(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        for block in blocks:
            if "words" not in block.schema.names:
                raise UserError(f"{path}: the corpus has no words to write as CoNLL-U.")
            for row in block.to_pylist():
                file.write(conllu_sentence(row))


def conllu_sentence(row: Mapping[str, Any]) -> str:
    """One sentence as CoNLL-U, with its blank line; `row` has the columns of CONLLU_SCHEMA, or those there are.

    A tree that no comment holds gets one.
    """
    nothing = [None] * len(row["words"])
    columns = [row.get(name) or nothing for name in FIELDS[1:-1]]
    misc = row.get("misc") or ["_" if space else "SpaceAfter=No" for space in row.get("space_after") or ()] or nothing
    lines = [
        "\t".join([str(number), *("_" if value is None else str(value) for value in word)])
        for number, word in enumerate(zip(*columns, misc, strict=True), 1)
    ]
    extras = list(zip(row.get("extra_places") or (), row.get("extra_rows") or (), strict=True))
    for place, extra in reversed(extras):
        lines.insert(place, extra)
    comments = row.get("comments")
    if comments is None:
        comments = [f"# text = {row['text']}"]
    if row.get("tree") and not any(comment.startswith(TREE) for comment in comments):
        comments = [*comments, TREE + row["tree"].replace("\n", " ")]
    return "\n".join([*comments, *lines, "", ""])


def _surface(words: list[str], spaces: list[bool], extra_rows: list[str], extra_places: list[int]) -> str:
    """The text of a sentence from its words, ranges standing for the words they hold."""
    written = list(words)
    for place, row in zip(extra_places, extra_rows, strict=True):
        fields = row.split("\t")
        if match := re.fullmatch(RANGE, fields[0]):
            written[place : int(match[2])] = [fields[1], *[""] * (int(match[2]) - int(match[1]))]
    return "".join(word + " " * space for word, space in zip(written, spaces, strict=True)).rstrip()


@cache
def _fault_of(features: str) -> str | None:
    """What is wrong with an entry of FEATS, if anything is."""
    if features == "_":
        return None
    entries = features.split("|")
    if not all(FEATURE.fullmatch(entry) for entry in entries):
        return "is not written as Name=Value|Name=Value"
    names = [entry.partition("=")[0] for entry in entries]
    return "names a feature twice" if len(set(names)) < len(names) else None


def _without_underscore(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, "_"), pa.scalar(None, pa.string()), values)


def _lists(values: pa.Array, lengths: NDArray[np.int64]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(lengths)).astype(np.int32)), values)


def _numpy(values: pa.Array) -> NDArray[Any]:
    return np.asarray(values.to_numpy(zero_copy_only=False))
