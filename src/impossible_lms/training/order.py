"""Data order and keys of dropout: pure functions of seed and step, so that a run can be cut and resumed anywhere."""

import functools

import numpy as np
from numpy.typing import NDArray

_ORDER, _DROPOUT = 0, 1  # names of the streams split from a run's seed


@functools.lru_cache(maxsize=2)
def _epoch_order(seed: int, epoch: int, blocks: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(blocks)


def blocks_of_step(seed: int, step: int, sequences: int, blocks: int) -> NDArray[np.int64]:
    """(sequences,) int64: the blocks of one step, out of `blocks`. Every epoch is a permutation of its own."""
    places = np.arange(step * sequences, (step + 1) * sequences)
    epochs = places // blocks
    chosen = np.empty(sequences, dtype=np.int64)
    for epoch in np.unique(epochs):
        mine = epochs == epoch
        chosen[mine] = _epoch_order(seed, int(epoch), blocks)[places[mine] % blocks]
    return chosen


def dropout_keys(seed: int, step: int, sequences: int, sites: int) -> NDArray[np.int32]:
    """(sites, sequences, 2) int32: what the masks of each dropout and sequence of a step are made from.

    A sequence has its keys by its place in the step, so its masks do not depend on how the step is cut.
    """
    generator = np.random.default_rng([seed, _DROPOUT, step])
    drawn = generator.integers(-(2**31), 2**31, size=(sequences, sites, 2), dtype=np.int32)
    return np.ascontiguousarray(drawn.transpose(1, 0, 2))


def generator_seed(seed: int, step: int, first: int) -> int:
    """The seed of torch's generator for the micro-batch of a step that begins at its sequence `first`.

    Only a GPU's attention kernel draws from it, and modules of other architectures that know no keys.
    """
    return int(np.random.SeedSequence([seed, _DROPOUT, step, first]).generate_state(1, np.uint64)[0] >> 1)
