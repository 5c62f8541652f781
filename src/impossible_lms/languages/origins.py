"""Where tokens went: a rule is given numbers in place of tokens, and what comes out says which stood where before."""

from difflib import SequenceMatcher

import numpy as np
import pyarrow as pa

from impossible_lms.languages.language import Language, Rewritten, Sentences
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer


def traced(
    language: Language, columns: pa.RecordBatch, original: Ragged, marked: Tokenizer
) -> tuple[Rewritten, Ragged]:
    """What a language makes of k sentences, and the same of the numbers 0, 1, 2 ... in place of each one's tokens.

    Where the language moves tokens and does no more, the second says of each token where it stood. Numbers begin anew
    at the vocabulary's size, so that markers stay markers; `marked` is the tokenizer with the family's.
    """
    ordinary = marked.vocabulary_size - len(marked.markers)
    numbers = Ragged(original.place() % ordinary, original.offsets)
    results = []
    for values in (original, numbers):
        sentences = Sentences(columns, marked, 0, lambda values=values: values)  # type: ignore[misc]
        results.append(language.rule(sentences, np.random.default_rng(language.seed)))
    return results[0], results[1].tokens


def origins(language: Language, columns: pa.RecordBatch, original: Ragged, marked: Tokenizer) -> list[list[int | None]]:
    """For each of k sentences, where each of its tokens in the language stood before; None for markers and new tokens.

    Of languages that do more than move tokens it is read off the tokens that stay, in order.
    """
    result, numbered = traced(language, columns, original, marked)
    ordinary = marked.vocabulary_size - len(marked.markers)
    found = []
    for before, after, old in zip(original, result.tokens, numbered, strict=True):
        is_token = after < ordinary
        places = old[is_token].astype(np.int64) if len(old) == len(after) else np.empty(0, np.int64)
        if (
            len(places) == is_token.sum()
            and (places < len(before)).all()
            and np.array_equal(before[places], after[is_token])
        ):
            rest = iter(places.tolist())
            found.append([next(rest) if token else None for token in is_token.tolist()])
        else:
            found.append(_in_order(before.tolist(), after.tolist()))
    return found


def _in_order(before: list[int], after: list[int]) -> list[int | None]:
    places: list[int | None] = [None] * len(after)
    for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            places[block.b + step] = block.a + step
    return places
