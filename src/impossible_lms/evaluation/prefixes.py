"""Prefixes: sequences laid out so that a model reads a beginning that several of them share only once."""

from dataclasses import dataclass

import numpy as np

from impossible_lms.ragged import Ragged

NEVER = 2**31 - 1  # the end of a token that all later ones of its row follow


@dataclass(frozen=True)
class Rows:
    """Sequences in rows: each distinct prefix of the sequences of a row is one token of it, after its own prefix.

    A row is a forest in preorder: what follows a token in some sequence stands behind it and before the token's end.

    Attributes:
        tokens: r rows of n tokens in all.
        depth: the index of each token in its sequences, which is its position for the model.
        ends: for each token the index in its row of the first one after it that does not follow it in any sequence.
        nodes: for each element of the sequences, in their order, the index in `tokens.values` that stands for it.
    """

    tokens: Ragged
    depth: Ragged
    ends: Ragged
    nodes: Ragged


def in_rows(sequences: Ragged, width: int) -> Rows:
    """The k `sequences` in rows of at most `width` tokens, or of one sequence that is longer; a row each for 0.

    Sequences are taken in lexicographic order, so that those with the same beginning are neighbours.
    """
    lists = [sequence.tolist() for sequence in sequences]
    tokens: list[int] = []
    depth: list[int] = []
    ends: list[int] = []
    starts: list[int] = []
    nodes: list[list[int]] = [[] for _ in lists]
    path: list[int] = []  # the nodes of the sequence before
    before: list[int] = []
    for index in sorted(range(len(lists)), key=lists.__getitem__):
        sequence = lists[index]
        shared = _shared(before, sequence)
        if not starts or len(tokens) - starts[-1] + len(sequence) - shared > width:
            starts.append(len(tokens))
            path, shared = [], 0
        for node in path[shared:]:
            ends[node] = len(tokens) - starts[-1]
        path = [*path[:shared], *range(len(tokens), len(tokens) + len(sequence) - shared)]
        tokens += sequence[shared:]
        depth += range(shared, len(sequence))
        ends += [NEVER] * (len(sequence) - shared)
        nodes[index], before = path, sequence
    lengths = np.diff([*starts, len(tokens)])
    laid = [Ragged.of_lengths(np.array(values, np.int64), lengths) for values in (tokens, depth, ends)]
    return Rows(tokens=laid[0], depth=laid[1], ends=laid[2], nodes=Ragged.of(nodes))


def _shared(one: list[int], other: list[int]) -> int:
    """How many elements both begin with."""
    for index, (mine, yours) in enumerate(zip(one, other, strict=False)):
        if mine != yours:
            return index
    return min(len(one), len(other))
