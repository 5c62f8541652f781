"""Rules over words: other words put into a text in place of its own, and all else of it, spaces too, left as it was."""

from collections.abc import Sequence

import numpy as np

from impossible_lms.errors import UserError
from impossible_lms.languages.language import Rewritten, Sentences
from impossible_lms.ragged import Ragged

NOT_IN_TEXT = "its words are not those of its text"


def with_words(sentences: Sentences, words: Sequence[Sequence[str]]) -> Rewritten:
    """The sentences with `words` in place of theirs: what a rule over annotated words returns.

    The first word stands where the first one stood, and so on, with the same spaces (or none) around it. So a sentence
    that keeps its words keeps its tokens, and `no-shuffle`, the usual control, differs from such a language in nothing
    but what the rule does. Sentences whose annotated words do not stand in their text (those that a treebank takes
    apart, such as *du* into *de* and *le*) are dropped, and counted.

    Args:
        sentences: the block that the rule was given.
        words: k lists of as many words as the sentences have.

    Raises:
        UserError: there is not a list for each sentence, or not a word for each word.
    """
    texts = sentences.columns.column("text").to_pylist()
    before = sentences.annotation("words").to_pylist()
    if len(words) != len(before):
        raise UserError(f"with_words: {len(words)} lists for {len(before)} sentences. One for each is expected.")
    changed, is_lost = [], np.zeros(len(texts), dtype=bool)
    for row, (text, old, new) in enumerate(zip(texts, before, words, strict=True)):
        if len(old or ()) != len(new):
            raise UserError(f'with_words: {len(new)} words for the {len(old or ())} of "{text[:60]}". Give as many.')
        found = _replaced(text, old or (), new)
        is_lost[row] = found is None
        changed.append(text if found is None else found)
    tokens = sentences.tokenizer.encode(changed)
    return Rewritten(tokens, _differ(sentences.tokens, tokens), {NOT_IN_TEXT: is_lost}, by_change=True)


def _replaced(text: str, old: Sequence[str], new: Sequence[str]) -> str | None:
    """The text with each old word, found from left to right, exchanged for the new one; None where one is not there."""
    pieces, at = [], 0
    for before, after in zip(old, new, strict=True):
        begin = text.find(before, at)
        if begin < 0:
            return None
        pieces += [text[at:begin], after]
        at = begin + len(before)
    return "".join([*pieces, text[at:]])


def _differ(one: Ragged, other: Ragged) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(k,) bool: which sequences are not the same."""
    return np.array([not np.array_equal(left, right) for left, right in zip(one, other, strict=True)], dtype=bool)
