"""The *Reverse* family: a marker at a random place, and the tokens reversed after it, or all (paper, section 3.1)."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from impossible_lms.languages.language import Family, Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

MARKER = "🅁"
SEED = 21  # of the published draws

REVERSE = Family("reverse", markers=(MARKER,))

# Takes sentences that hold the marker and (k,) int64, the index of the marker in each.
Change = Callable[[Ragged, NDArray[np.int64]], Ragged]


def marked(change: Change) -> Rule:
    """The rule that puts 🅁 at a uniformly drawn index in [0, n] of n tokens, then does `change`.

    One array draw of `integers(0, n + 1)` takes the same values from the stream as a `choice(n + 1)` per sentence,
    which is how the published draws were made.
    """

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        places = generator.integers(0, sentences.tokens.lengths() + 1)
        changed = change(_with_marker(sentences, places.tobytes()), places)
        return Rewritten(changed, affected=np.ones(len(places), dtype=bool))

    return rule


@lru_cache(maxsize=1)  # the languages of the family draw the same places in a block
def _with_marker(sentences: Sentences, places: bytes) -> Ragged:
    """The tokens of a block with the marker at the given places, int64 in bytes."""
    tokens = sentences.tokens
    marker = sentences.tokenizer.markers[MARKER]
    return tokens.insert(np.arange(len(tokens)), np.frombuffer(places, np.int64), marker)


def keep(tokens: Ragged, places: NDArray[np.int64]) -> Ragged:
    """Nothing more: the marker stands in an otherwise unchanged sentence."""
    return tokens


def reverse_after(tokens: Ragged, places: NDArray[np.int64]) -> Ragged:
    """Reverse the tokens after the marker; those before it, and the marker, stay."""
    starts, ends = tokens.offsets[:-1], tokens.offsets[1:]
    new = np.arange(len(tokens.values))
    is_after = new > tokens.spread(starts + places)
    old = tokens.spread(starts + places + ends)
    old -= new
    return Ragged(tokens.values[np.where(is_after, old, new)], tokens.offsets)


def reverse_all(tokens: Ragged, places: NDArray[np.int64]) -> Ragged:
    """Reverse the whole sentence, the marker included."""
    old = tokens.spread(tokens.offsets[:-1] + tokens.offsets[1:] - 1)
    old -= np.arange(len(old))
    return Ragged(tokens.values[old], tokens.offsets)


def unmarked(change: Change) -> Callable[[Ragged, Tokenizer], Ragged]:
    """The inverse of `marked(change)`, for a change that undoes itself: done again, and the marker taken out."""

    def inverse(tokens: Ragged, tokenizer: Tokenizer) -> Ragged:
        is_marker = tokens.values == tokenizer.markers[MARKER]
        undone = change(tokens, tokens.place()[is_marker])
        return Ragged.of_lengths(undone.values[undone.values != tokenizer.markers[MARKER]], tokens.lengths() - 1)

    return inverse


def bits_of_place(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.float64]:
    """log2(n + 1) for a sentence of n tokens: the marker is as likely at each of its n + 1 places."""
    return np.asarray(np.log2(tokens.lengths() + 1), dtype=np.float64)


def maker(
    stem: str,
    family: Family,
    rule: Rule,
    inverse: Callable[[Ragged, Tokenizer], Ragged],
    added_bits: Callable[[Ragged, Tokenizer], NDArray[np.float64]],
    summary: str,
    style: Style,
) -> Maker:
    """Languages that differ in the seed of their markers' places, compared with the control of the same seed."""

    def make(name: str, seed: int) -> Language:
        return Language(
            name,
            family,
            control=name.replace(stem, f"no-{family.name}"),
            rule=rule,
            summary=summary,
            style=style,
            parameters={"seed": seed},
            seed=seed,
            added_bits=added_bits,
            inverse=inverse,
        )

    return Maker(stem, "s", make, {stem: SEED})


def _maker(stem: str, change: Change, summary: str, style: Style) -> Maker:
    return maker(stem, REVERSE, marked(change), unmarked(change), bits_of_place, summary, style)


# Colours as in the paper's figures; dashes and signs are ours, so that lines can be told apart without colour.
MAKERS = (
    _maker("no-reverse", keep, "🅁 at a random place", Style("#606060", "-", "o")),
    _maker(
        "partial-reverse",
        reverse_after,
        "🅁 at a random place, the tokens after it reversed",
        Style("#E5A836", "--", "s"),
    ),
    _maker("full-reverse", reverse_all, "🅁 at a random place, all tokens reversed", Style("#A348A6", "-.", "D")),
)
