"""Switch: the words at two fixed places change places (Ziv et al. 2025: those at 0 and 3).

Their final punctuation stays last: `He sees his dog.` is `dog sees his He.` Capitals stay with their words, so that the
same again gives the sentence back (docs/differs.md).
"""

import numpy as np
import pyarrow as pa

from impossible_lms.languages.language import Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.languages.shuffle import CONTROL, LONGEST, affected
from impossible_lms.languages.signs import Piece, origins_of_text
from impossible_lms.languages.word_shuffle import WORD_SHUFFLE, Words, lost_where_unspaced, not_told, said
from impossible_lms.ragged import Ragged
from impossible_lms.scripts import joined_as_written
from impossible_lms.tokenizer import Tokenizer

SECOND = 3  # as published; the first is 0
FINAL = (".", "!", "?", "\u3002", "\uff01", "\uff1f")  # punctuation, at the end of the last word or a word of its own


def switched(words: Words, second: int) -> pa.StringArray:
    """(k,): the texts with the words at 0 and `second` exchanged, short ones as they are. Done twice, it is undone."""
    changed = words.reordered(_orders(words, second)).to_pylist()
    for row, each in _ending(words, second).items():
        said_anew = _with_last(each)
        changed[row] = joined_as_written(said_anew) if words.annotated[row] else " ".join(said_anew)
    return pa.array(changed, pa.string())


def _orders(words: Words, second: int) -> Ragged:
    """The old index of the word at each new one; texts in which the second is the last are as they were."""
    orders = Ragged.of_lengths(np.empty(int(words.lengths.sum()), np.int64), words.lengths)
    places = orders.place()
    is_longer = orders.spread(words.lengths > second + 1)
    moved = np.where(is_longer & (places == 0), second, np.where(is_longer & (places == second), 0, places))
    return Ragged(moved, orders.offsets)


def _ending(words: Words, second: int) -> dict[int, list[str]]:
    """The words of the texts, by row, in which the second is the last."""
    starts = np.cumsum(words.lengths) - words.lengths
    rows = np.flatnonzero(words.lengths == second + 1).tolist()
    return {row: words.flat.slice(int(starts[row]), second + 1).to_pylist() for row in rows}


def _with_last(words: list[str]) -> list[str]:
    """Words with the first and the last exchanged, final punctuation apart; as they are if it could not be undone."""
    first, last = words[0], words[-1]
    stop = last[-1:] if last.endswith(FINAL) else ""
    bare = last.removesuffix(stop)
    if not first or not bare or (not stop and first.endswith(FINAL)):
        return words
    return [bare, *words[1:-1], first + stop]


def _pieces(words: Words, texts: pa.Array, second: int) -> list[list[Piece]]:
    """The words of each text in their new order, with where their punctuation stood."""
    pieces = words.pieces(texts, _orders(words, second))
    for row, each in _ending(words, second).items():
        anew = _with_last(each)
        if anew is each:
            continue
        bare, first = anew[0], anew[-1]
        old = [piece for _, piece in pieces[row]]  # the signs of each word, with the blank before it
        stop, space = first.removeprefix(each[0]), "" if words.annotated[row] else " "
        last = old[-1][-len(each[-1]) :]
        mine: list[Piece] = [(bare, last[: len(bare)]), *pieces[row][1:-1]]
        blank = list(old[-1][: len(old[-1]) - len(each[-1])])
        mine.append((space * bool(blank) + each[0], [*blank, *old[0]]))
        pieces[row] = [*mine, (stop, last[len(bare) :])] if stop else mine
    return pieces


def _rule(second: int) -> Rule:
    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        words = Words.of_sentences(sentences)
        tokens = sentences.tokenizer.encode(switched(words, second))

        def origins() -> Ragged:
            return origins_of_text(sentences, _pieces(words, sentences.columns.column("text"), second))

        return affected(tokens, sentences.tokens.lengths() > LONGEST, origins)

    return rule


def make(name: str, second: int) -> Language:
    """Two words exchanged."""

    def inverse(tokens: Ragged, tokenizer: Tokenizer) -> Ragged:
        texts = said(tokens, tokenizer)
        return lost_where_unspaced(tokenizer.encode(switched(Words.of(texts), second)), texts)

    summary = f"the first word and the one {second} places after it exchanged"
    style, parameters = Style("#8A5A44", "-", "v"), {"index": second}
    rule = _rule(second)
    return Language(name, WORD_SHUFFLE, CONTROL, rule, summary, style, parameters, inverse=inverse, lacking=not_told)


MAKERS = (Maker("switch-indices", "k", make, {"switch-indices": SECOND}, least=1),)
