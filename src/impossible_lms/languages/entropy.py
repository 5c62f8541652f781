"""m-local entropy: how uncertain a token is given the m - 1 before it (Someya et al. 2025)."""

import numpy as np
from numpy.typing import NDArray

from impossible_lms.ragged import Ragged

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def local_entropy(tokens: Ragged, m: int, vocabulary_size: int, lengths: NDArray[np.int64] | None = None) -> float:
    """The m-local entropy of sentences, in bits a token, estimated from a sample.

    Languages differ in how many tokens they make of a sentence, and one that makes more of the same has fewer bits in
    each. So what the bits are divided by may be given: the `lengths` of the same sentences in the control.

    The estimate is a held-out cross-entropy: an interpolated m-gram model (Witten and Bell's weights, down to a uniform
    distribution over the vocabulary) counts the sentences with an even index and predicts those with an odd one. It is
    an upper bound that falls as the sample grows, so only estimates from samples of one size can be compared. (Counting
    and predicting the same sentences would fall below the truth instead, and the more, the more orders a language has.)

    Args:
        tokens: k >= 2 sentences; a context does not reach beyond its sentence, whose beginning it knows.
        m: the length of the stretch, 1 for the entropy of single tokens.
        vocabulary_size: the number of ids there are.
        lengths: (k,) what each sentence counts for; its own tokens by default.
    """
    is_counted = np.arange(len(tokens)) % 2 == 0
    counted, predicted = tokens.take(is_counted), tokens.take(~is_counted)
    probability = np.full(len(predicted.values), 1 / vocabulary_size)
    for order in range(1, m + 1):
        contexts, grams = _hashes(counted, order)
        mine, mine_grams = _hashes(predicted, order)
        distinct, counts = np.unique(grams, return_counts=True)
        _, first = np.unique(grams, return_index=True)
        context_of_gram = contexts[first]
        seen, followed = np.unique(contexts, return_counts=True)
        kinds = np.bincount(np.searchsorted(seen, context_of_gram), minlength=len(seen))
        of_gram = _looked_up(distinct, counts, mine_grams)
        of_context, of_kinds = _looked_up(seen, followed, mine), _looked_up(seen, kinds, mine)
        known = of_context > 0
        smoothed = (of_gram[known] + of_kinds[known] * probability[known]) / (of_context[known] + of_kinds[known])
        probability[known] = smoothed
    counted_as = (tokens.lengths() if lengths is None else lengths)[~is_counted]
    return float(-np.log2(probability).sum() / counted_as.sum())


def _hashes(tokens: Ragged, order: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """(n,) each: hashes of the order - 1 tokens before each token, and of these with the token.

    64 bits: among 10^8 different stretches one expects 0.0003 pairs with the same hash.
    """
    values = tokens.values.astype(np.uint64) + np.uint64(2)
    place = tokens.place()
    context = np.zeros(len(values), dtype=np.uint64)
    for back in range(order - 1, 0, -1):
        before = np.ones(len(values), dtype=np.uint64)  # 1 is the beginning of the sentence
        before[back:] = np.where(place[back:] >= back, values[:-back], np.uint64(1))
        context = _mixed(context, before)
    return context, _mixed(context, values)


def _mixed(state: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (state ^ values) * _FACTOR
    mixed ^= mixed >> np.uint64(29)
    return mixed * _FACTOR + np.uint64(1)


def _looked_up(keys: NDArray[np.uint64], counts: NDArray[np.int64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The count of each wanted key in sorted `keys`; 0 where it is none of them."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, counts[place], 0)
