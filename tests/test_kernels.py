"""The compiled loops give what numpy gives."""

import numpy as np
import pytest

from impossible_lms.kernels import by_table, joined, shuffle_each
from impossible_lms.ragged import Ragged


@pytest.fixture(params=[np.uint16, np.uint32])
def tokens(request):
    generator = np.random.default_rng(5)
    lengths = generator.integers(0, 40, 500)
    return Ragged.of_lengths(generator.integers(0, 60_000, lengths.sum()).astype(request.param), lengths)


def test_by_table(tokens):
    orders = [np.random.default_rng(length).permutation(length) for length in range(40)]
    found = Ragged(by_table(tokens.values, tokens.offsets, np.concatenate(orders).astype(np.uint16)), tokens.offsets)
    assert found.values.dtype == tokens.values.dtype
    for old, new in zip(tokens, found, strict=True):
        assert new.tolist() == old[orders[len(old)]].tolist()


def test_shuffle_each_takes_the_draws_of_numpy(tokens):
    ours, theirs = np.random.default_rng(0), np.random.default_rng(0)
    values, expected = tokens.values.copy(), tokens.values.copy()
    half = len(tokens) // 2
    shuffle_each(values, tokens.offsets[: half + 1], ours)
    shuffle_each(values, tokens.offsets[half:], ours)
    for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True):
        theirs.shuffle(expected[start:end])
    assert values.tolist() == expected.tolist()
    assert ours.integers(1 << 30) == theirs.integers(1 << 30)


def test_joined(tokens):
    order = np.random.default_rng(1).permutation(len(tokens))[:300]
    expected = [token for index in order for token in [*tokens[int(index)].tolist(), 7]]
    result = np.zeros(len(expected), tokens.values.dtype)
    joined(tokens.values, tokens.offsets, order, 7, result)
    assert result.tolist() == expected
