"""Annotated sentences: words with their place in the text, and the rows of CoNLL-U they become."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from impossible_lms.documents import read_json
from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST, read_file_manifest, read_manifest, sha256_of

KIND = "annotated corpus"

Row = dict[str, Any]  # a sentence in the columns of CONLLU_SCHEMA
# What UDPipe writes for white space that is not one space, and Stanza too.
WHITE_SPACE = {"\\": "\\\\", " ": "\\s", "\t": "\\t", "\r": "\\r", "\n": "\\n", "|": "\\p"}

ONE_LINE = str.maketrans("\t\r\n", "   ")  # what would end a column or a line of CoNLL-U
COLUMNS = ("words", "lemmas", "upos", "xpos", "features", "head", "deprel")
AUTO = "auto"  # the device: a GPU where there is one
# What gets a tagger where there is none: its library, and models of English.
GET_SPACY = 'pip install "impossible-lms[spacy]" && python -m spacy download en_core_web_sm'
GET_STANZA = 'pip install "impossible-lms[stanza]" && python -c "import stanza; stanza.download(\'en\')"'
SHOWN = 200  # characters of a text in a message


class Word(NamedTuple):
    """A syntactic word, in the order of COLUMNS.

    `head` is the number of its head in the sentence, from 1, or 0 for the root. None is unknown.
    """

    form: str
    lemma: str | None = None
    upos: str | None = None
    xpos: str | None = None
    features: str | None = None
    head: int | None = None
    deprel: str | None = None


class Token(NamedTuple):
    """The stretch of a text from character `start` up to `end`: one word, or several (`don't` is `do` and `n't`).

    A word alone is written as the text has it, whatever its `form`.
    """

    start: int
    end: int
    words: tuple[Word, ...]


class Sentence(NamedTuple):
    """A sentence of a text, and its bracketed tree where there is one."""

    tokens: Sequence[Token]
    tree: str | None = None


class Annotator(Protocol):
    """What annotates sentences.

    Attributes:
        description: what it is, for records: its name, its model's name and version, the packages and theirs.
        packages: whose versions the record keeps.
        batch: sentences it is given at a time.
        longest: characters of a text that it can take, where there is a limit.
        makes_trees: whether a sentence without a tree is one it found none for.
    """

    description: dict[str, Any]
    packages: tuple[str, ...]
    batch: int
    longest: int | None
    makes_trees: bool

    def annotate(self, sentences: pa.RecordBatch) -> Iterable[list[Row]]:
        """The annotated sentences that each of the `sentences` of a corpus becomes, in order.

        The same sentences give the same rows. Raises UserError for what cannot be annotated faithfully.
        """
        ...


def verify_annotated(path: Path) -> None:
    """UserError where a file or folder that `annotate` wrote is not as it was written; anything else is left alone."""
    beside = path / MANIFEST if path.is_dir() else path.with_name(f"{path.name}.json")
    try:
        about = read_json(beside)
    except (OSError, ValueError):
        return
    if not isinstance(about, dict) or about.get("kind") != KIND:
        return
    manifest = (read_manifest if path.is_dir() else read_file_manifest)(path, KIND)
    for name, entry in manifest["files"].items():
        file = beside.parent / name
        if not file.is_file() or sha256_of(file) != entry["sha256"]:
            what = "has changed since it was annotated (sha256)" if file.is_file() else "missing"
            raise UserError(
                f"{file}: {what}. Annotate the corpus again; or remove {beside}, if it was changed on purpose."
            )


def rows_of(text: str, sentences: Sequence[Sentence]) -> list[Row]:
    """The rows of a text's sentences. Each is the text to the character, and the words of each are it without spaces.

    Raises:
        UserError: the tokens are not in order, or leave out more than white space; both strings are named.
    """
    spans = [(token.start, token.end) for sentence in sentences for token in sentence.tokens]
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    gaps = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    is_ordered = all(end <= start for end, start in zip(ends, starts, strict=True))
    if not is_ordered or any(gap.strip() for gap in gaps) or any(not text[start:end].strip() for start, end in spans):
        words = " ".join(text[start:end] for start, end in spans)
        shown = " became ".join(f"'{piece}'" for piece in _where_they_part(text, words))
        raise UserError(f"the annotator's words are not those of the text: {shown}.")
    rows, first = [], 0
    for sentence in sentences:
        last = first + len(sentence.tokens)
        rows.append(_row(text, sentence, [*gaps[first + 1 : last], " "]))  # nothing follows the last in its sentence
        first = last
    return rows


def _where_they_part(text: str, words: str) -> tuple[str, str]:
    """Both as they are; of long ones, what stands where they begin to differ, but for white space."""
    if max(len(text), len(words)) <= 2 * SHOWN:
        return text, words
    left, right = (" ".join(each.split()) for each in (text, words))
    same = next((place for place, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), 0)
    start = max(0, same - SHOWN // 2)
    left, right = (f"{'…' * (start > 0)}{each[start : start + SHOWN]}…" for each in (left, right))
    return left, right


def _row(text: str, sentence: Sentence, after: Sequence[str]) -> Row:
    """The row of a sentence; `after` is the white space after each token."""
    words: list[Word] = []
    misc: list[str | None] = []
    extra_rows, extra_places = [], []
    for token, gap in zip(sentence.tokens, after, strict=True):
        surface = text[token.start : token.end].translate(ONE_LINE)
        if len(token.words) == 1:
            words.append(token.words[0]._replace(form=surface))
            misc.append(_spaces(gap))
            continue
        first, last = len(words) + 1, len(words) + len(token.words)
        extra_rows.append("\t".join([f"{first}-{last}", surface, *"______", "_", _spaces(gap) or "_"]))
        extra_places.append(first - 1)
        words.extend(token.words)
        misc.extend([None] * len(token.words))
    start, end = sentence.tokens[0].start, sentence.tokens[-1].end
    return {
        "text": text[start:end],
        **dict(zip(COLUMNS, map(list, zip(*words, strict=True)), strict=True)),
        "misc": misc,
        "extra_rows": extra_rows,
        "extra_places": extra_places,
        "tree": sentence.tree,
    }


def _spaces(gap: str) -> str | None:
    """What MISC says of the white space after a word."""
    if gap == " ":
        return None
    return (
        "SpacesAfter=" + "".join(WHITE_SPACE.get(character, character) for character in gap) if gap else "SpaceAfter=No"
    )
