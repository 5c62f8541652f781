"""Intervals: t over seeds, bootstrap over sentences, Wilson for proportions; one shape for all."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from impossible_lms.errors import UserError

LEVEL = 0.95
RESAMPLES = 2_000
CELLS = 4_000_000  # draws of a bootstrap held at a time


class Interval(NamedTuple):
    """An estimate with its interval, in the unit of what was measured. `low` and `high` are None where none exists."""

    estimate: float
    low: float | None
    high: float | None


def mean_over_seeds(values: NDArray[np.float64], level: float = LEVEL) -> Interval:
    """The mean of one value a seed, `values` (n,), with the interval of Student's t with n - 1 degrees of freedom.

    One seed has no interval. UserError for no value.
    """
    from scipy.stats import t

    _refuse_empty(values)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, None, None)
    reach = float(t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - reach, mean + reach)


def mean_over_items(
    values: NDArray[np.float64], seed: int = 0, level: float = LEVEL, resamples: int = RESAMPLES
) -> Interval:
    """The mean of `values` (n,), one an item, with the percentile interval of a bootstrap over items.

    Differences of two conditions on the same items make it the paired bootstrap. One item has no interval. UserError
    for no value.
    """
    return ratio_over_items(values, np.ones(len(values)), seed, level, resamples)


def ratio_over_items(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    seed: int = 0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """The sum of `values` (n,) over that of `weights` (n,), as bits a token are; intervals as in `mean_over_items`."""
    _refuse_empty(values)
    ratio = float(values.sum() / weights.sum())
    if len(values) < 2:
        return Interval(ratio, None, None)
    generator, at_once = np.random.default_rng(seed), max(1, CELLS // len(values))
    ratios = []
    for done in range(0, resamples, at_once):
        drawn = generator.integers(0, len(values), (min(at_once, resamples - done), len(values)))
        ratios.append(values[drawn].sum(axis=1) / weights[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(ratios), [(1 - level) / 2, (1 + level) / 2])
    return Interval(ratio, float(low), float(high))


def proportion(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """The share of successes in so many trials, with Wilson's interval; UserError for no trial."""
    from scipy.stats import norm

    if trials < 1:
        raise UserError("no observation: a proportion needs at least one.")
    z = float(norm.ppf((1 + level) / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return Interval(share, max(0.0, float(centre - reach)), min(1.0, float(centre + reach)))


def _refuse_empty(values: NDArray[np.float64]) -> None:
    if not len(values):
        raise UserError("no observation: a mean needs at least one.")
