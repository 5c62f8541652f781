"""Intervals agree with scipy's, and cover what they should."""

import numpy as np
import pytest
from scipy import stats

from impossible_lms.errors import UserError
from impossible_lms.evaluation.statistics import mean_over_items, mean_over_seeds, proportion


def test_t_over_seeds_is_scipys():
    values = np.array([5.1, 4.8, 5.6, 5.0, 5.3])
    found = mean_over_seeds(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found == pytest.approx((values.mean(), expected.low, expected.high))
    assert mean_over_seeds(np.array([3.0])) == (3, None, None)
    assert mean_over_seeds(np.array([2.0, 2.0])) == (2, 2, 2)


def test_wilson_is_scipys():
    for successes, trials in ((0, 10), (7, 10), (10, 10), (512, 1000)):
        expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        found = proportion(successes, trials)
        assert found == pytest.approx((successes / trials, expected.low, expected.high), abs=1e-12)


def test_the_bootstrap_is_scipys_within_its_error():
    values = np.random.default_rng(0).gamma(2.0, size=400)
    found = mean_over_items(values)
    expected = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=5000, rng=1).confidence_interval
    assert found.estimate == pytest.approx(values.mean())
    assert found.low == pytest.approx(expected.low, abs=0.02) and found.high == pytest.approx(expected.high, abs=0.02)
    assert mean_over_items(values) == found != mean_over_items(values, seed=1)
    assert mean_over_items(np.array([2.5])) == (2.5, None, None)


def test_the_bootstrap_covers_the_mean_as_often_as_it_says():
    generator = np.random.default_rng(1)
    found = [mean_over_items(generator.normal(size=60), resamples=400) for _ in range(300)]
    bounds = np.array([[each.low, each.high] for each in found])
    assert 0.9 <= np.mean((bounds[:, 0] <= 0) & (bounds[:, 1] >= 0)) <= 0.98


def test_nothing_has_no_mean():
    for measure in (mean_over_items, mean_over_seeds):
        with pytest.raises(UserError, match="a mean needs at least one"):
            measure(np.empty(0))
    with pytest.raises(UserError, match="a proportion needs at least one"):
        proportion(0, 0)
