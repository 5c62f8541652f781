"""The *Shuffle* family: the tokens of a sentence in another order (paper, section 3.1)."""

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from impossible_lms.languages.language import Family, Language, Maker, Rewritten, Rule, Sentences, Style
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

LONGEST = 350  # tokens; the published scripts drop longer sentences
TOO_LONG = f"more than {LONGEST} tokens"

SHUFFLE, CONTROL = Family("shuffle", markers=()), "no-shuffle"

# For a length n, (n,) int64: the old index of the token that comes at each new index.
Order = Callable[[int], NDArray[np.int64]]


def by_length(order: Order) -> Rule:
    """The rule that gives every sentence the `order` of its length."""
    table = cache(lambda: np.concatenate([order(length) for length in range(LONGEST + 1)]).astype(np.uint16))

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        from impossible_lms.kernels import by_table

        tokens, too_long = short_enough(sentences)
        return affected(Ragged(by_table(tokens.values, tokens.offsets, table()), tokens.offsets), too_long)

    return rule


def in_one_stream(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
    """Every sentence shuffled with the next draws of one generator; sentences that are too long consume theirs too."""
    from impossible_lms.kernels import shuffle_each

    tokens = sentences.tokens
    values = tokens.values.copy()
    shuffle_each(values, tokens.offsets, generator)
    return affected(*_emptied(Ragged(values, tokens.offsets)))


def unchanged(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
    """The control: the tokens as they are, of the sentences that the family keeps."""
    return affected(*short_enough(sentences))


def drawn_anew(seed: int) -> Order:
    """A shuffle by a generator that begins anew with every sentence: one order a length."""

    def order(length: int) -> NDArray[np.int64]:
        places = np.arange(length)
        np.random.default_rng(seed).shuffle(places)
        return places

    return order


def in_windows(width: int) -> Order:
    """A shuffle inside each window of `width` tokens, the last one shorter, by a generator that begins anew in each."""
    window = cache(drawn_anew(0))

    def order(length: int) -> NDArray[np.int64]:
        starts = range(0, length, width)
        return np.concatenate([start + window(min(width, length - start)) for start in starts] or [np.arange(0)])

    return order


def even_odd(length: int) -> NDArray[np.int64]:
    """The tokens at even indices, then those at odd ones."""
    return np.concatenate([np.arange(0, length, 2), np.arange(1, length, 2)])


@lru_cache(maxsize=1)  # the languages of the family are applied to a block one after the other
def short_enough(sentences: Sentences) -> tuple[Ragged, NDArray[np.bool_]]:
    """The tokens of a block with sentences that are too long emptied, and (k,) bool: which those are."""
    return _emptied(sentences.tokens)


def _emptied(tokens: Ragged) -> tuple[Ragged, NDArray[np.bool_]]:
    too_long = tokens.lengths() > LONGEST
    if not too_long.any():
        return tokens, too_long
    kept = tokens.values[tokens.spread(~too_long)]
    return Ragged.of_lengths(kept, np.where(too_long, 0, tokens.lengths())), too_long


def affected(tokens: Ragged, too_long: NDArray[np.bool_], origins: Callable[[], Ragged] | None = None) -> Rewritten:
    """A result in which every sentence counts as changed, the control's too, as in the published evaluation."""
    return Rewritten(tokens, np.ones(len(tokens), dtype=bool), {TOO_LONG: too_long}, origins)


def undone(order: Order) -> Callable[[Ragged, Tokenizer], Ragged]:
    """The inverse of `by_length(order)`: every token back to where it was."""

    def inverse(tokens: Ragged, tokenizer: Tokenizer) -> Ragged:
        orders = Ragged.of([order(length) for length in range(int(tokens.lengths().max(initial=0)) + 1)])
        return tokens.scatter(orders.take(tokens.lengths()).values)

    return inverse


def bits_of_order(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.float64]:
    """log2 of the number of distinct orders of each sentence's tokens: n! over the factorials of their counts."""
    from scipy.special import gammaln  # it takes as long to import as all else that a sentence needs

    keys = tokens.spread(np.arange(len(tokens))) * (1 << 32) + tokens.values.astype(np.int64)
    distinct, counts = np.unique(keys, return_counts=True)
    repeated = np.bincount(distinct >> 32, weights=gammaln(counts + 1), minlength=len(tokens))
    return np.asarray((gammaln(tokens.lengths() + 1) - repeated) / np.log(2), dtype=np.float64)


def no_shuffle(name: str, number: int) -> Language:
    """The control of the family; its number is never used."""
    style = Style("#606060", "-", "o")
    return Language(
        name, SHUFFLE, CONTROL, unchanged, "the tokens as they are", style, inverse=lambda tokens, _: tokens
    )


def nondeterministic(name: str, seed: int) -> Language:
    """Another order for every sentence."""
    style = Style("#E8384F", "--", "s")
    summary = "every sentence in an order of its own"
    parameters = {"seed": seed}
    return Language(name, SHUFFLE, CONTROL, in_one_stream, summary, style, parameters, seed, added_bits=bits_of_order)


def deterministic(name: str, seed: int) -> Language:
    """One order for all sentences of a length."""
    style = {21: Style("#FFB000", "-.", "D"), 57: Style("#8db000", "-.", "^")}.get(seed, Style("#62BB35", "-.", "v"))
    return _ordered(name, drawn_anew(seed), f"one order for each length, seed {seed}", style, {"seed": seed})


def local(name: str, window: int) -> Language:
    """One order for all windows of a width."""
    style = {3: Style("#208EA3", ":", "<"), 5: Style("#4178BC", ":", ">")}.get(window, Style("#AA71FF", ":", "P"))
    return _ordered(name, in_windows(window), f"shuffled in windows of {window} tokens", style, {"window": window})


def evens_then_odds(name: str, number: int) -> Language:
    """Even places first; its number is never used."""
    return _ordered(
        name, even_odd, "the tokens at even places, then those at odd ones", Style("#E37CFF", "--", "X"), {}
    )


def _ordered(name: str, order: Order, summary: str, style: Style, parameters: dict[str, int]) -> Language:
    return Language(name, SHUFFLE, CONTROL, by_length(order), summary, style, parameters, inverse=undone(order))


MAKERS = (
    Maker("no-shuffle", "", no_shuffle, {CONTROL: 0}),
    Maker("nondeterministic-shuffle", "s", nondeterministic, {"nondeterministic-shuffle": 0}),
    Maker(
        "deterministic-shuffle", "s", deterministic, {f"deterministic-shuffle-s{seed}": seed for seed in (21, 57, 84)}
    ),
    # `default_rng(0)` leaves two tokens in order, so that a window of two would change nothing.
    Maker("local-shuffle", "w", local, {f"local-shuffle-w{width}": width for width in (3, 5, 10)}, least=3),
    Maker("even-odd-shuffle", "", evens_then_odds, {"even-odd-shuffle": 0}),
)
