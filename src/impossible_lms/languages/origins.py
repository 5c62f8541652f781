"""Where tokens came from: by the rule itself, or by giving it numbers in place of tokens."""

from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.languages.language import NEW, Language, Rewritten, Sentences
from impossible_lms.ragged import Ragged


def origins(language: Language, sentences: Sentences) -> tuple[Rewritten, Ragged]:
    """What a language makes of k sentences, and for each of their tokens which one it was before, or NEW.

    The second has the same k lengths, int64. NEW are markers and what else was made. Where a rule does not say it
    (`Rewritten.origins`), it is given the numbers 0, 1, 2 ... in place of each sentence's tokens, and what comes out
    says which stood where; of a rule that does more than move tokens, it is read off the tokens that stay, in order.
    The language draws as in a stream that begins with these sentences.
    """
    result = language.rule(sentences, np.random.default_rng(language.seed))
    if result.origins is not None:
        return result, result.origins()
    original, marked = sentences.tokens, sentences.tokenizer
    ordinary = marked.vocabulary_size - len(marked.markers)
    numbers = Ragged(original.place() % ordinary, original.offsets)
    try:
        counted = Sentences(sentences.columns, marked, sentences.first, lambda: numbers)
        numbered = language.rule(counted, np.random.default_rng(language.seed)).tokens
    except UserError:  # a rule of the user's own that cannot do with numbers
        numbered = Ragged.of([[]] * len(original))
    found = []
    for before, after, old in zip(original, result.tokens, numbered, strict=True):
        is_token, places = after < ordinary, np.full(len(after), NEW)
        said = old[is_token].astype(np.int64) if len(old) == len(after) else np.empty(0, np.int64)
        places[is_token] = said if _moved(before, after[is_token], said) else NEW
        is_read = len(said) == is_token.sum() and (places[is_token] != NEW).all()
        found.append(places if is_read else _in_order(before, after))
    return result, Ragged.of(found)


def _moved(before: NDArray[np.int64], after: NDArray[np.int64], places: NDArray[np.int64]) -> bool:
    """Whether the tokens `after` are those that stood at `places` before."""
    return len(places) == len(after) and bool((places < len(before)).all()) and np.array_equal(before[places], after)


def _in_order(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.int64]:
    places = np.full(len(after), NEW)
    for block in SequenceMatcher(None, before.tolist(), after.tolist(), autojunk=False).get_matching_blocks():
        places[block.b : block.b + block.size] = np.arange(block.a, block.a + block.size)
    return places
