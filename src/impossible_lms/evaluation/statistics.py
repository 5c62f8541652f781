"""Intervals over seeds and items together, on a metric's own scale; where each comes from is in docs/statistics.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impossible_lms.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95
FLOOR = 0.3  # of the residual's variance
IDENTITY, LOGARITHM, SHARE = "identity", "logarithm", "share"  # scales
# Of seeds' degrees of freedom, what the square of the items' part and its first power add to them: found so that
# intervals of 95 % cover 95 %, whatever the parts (benchmarks/coverage.py); Satterthwaite's are 2 and 1.
CALIBRATED = {1: (0.0, 0.10), 2: (0.0, 0.80), 3: (0.377, 1.104), 4: (0.687, 1.181), 9: (1.355, 1.16), 1e6: (2.0, 1.0)}


class Interval(NamedTuple):
    """An estimate with its interval, in the unit of what was measured. `low` and `high` are None where none exists."""

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Uncertain:
    """An estimate on its scale and what it is uncertain by.

    Attributes:
        estimate: on the scale; a mean over seeds and items, or the difference of two.
        of_seeds: the variance of the estimate that seeds show, with what else differs between them.
        of_items: the variance that seeds cannot show, for their items are the same ones.
        seeds: degrees of freedom of the former; 0 for one seed, of which nothing is known of others.
        items: degrees of freedom of the latter.
        shares: of a share, that of each seed; its scale is logarithmic odds.
        trials: of a share of one seed, as many independent trials as would tell it as well.
    """

    estimate: float
    of_seeds: float
    of_items: float
    seeds: float
    items: float
    shares: tuple[float, ...] = ()
    trials: float = 0.0

    @property
    def variance(self) -> float:
        """Of the estimate."""
        return self.of_seeds + self.of_items

    def critical(self, level: float = LEVEL) -> float:
        """How many standard errors an interval reaches.

        At 95 % as calibrated. Elsewhere in proportion to the root of the mean of both squared quantiles, weighted with
        the parts of the variance, which beyond 95 % is on the safe side (Zou & Donner 2008).
        """
        share = self.of_seeds / self.variance if self.variance > 0 and self.seeds else 0.0
        return _calibrated(share, self.seeds, self.items) * (
            1.0
            if level == LEVEL
            else _mixed(level, share, self.seeds, self.items) / _mixed(LEVEL, share, self.seeds, self.items)
        )

    def interval(self, scale: str, level: float = LEVEL, reach: float | None = None) -> Interval:
        """The estimate with its interval, in the metric's unit; without one where nothing is known of its variance.

        `reach` is how many standard errors, where another says it. A share of one seed has Wilson's interval.
        """
        reach = self.critical(level) if reach is None else reach
        if scale == SHARE and len(self.shares) == 1:
            return Interval(self.shares[0], *_wilson(self.shares[0], self.trials, reach))
        by = reach * float(np.sqrt(self.variance))
        if (self.items < 1 and not self.seeds) or not np.isfinite(by):
            return Interval(self._back(0.0, scale), None, None)
        return Interval(*(self._back(each, scale) for each in (0.0, -by, by)))

    def _back(self, by: float, scale: str) -> float:
        """The estimate and so much more, in the unit; a share itself is never beyond those of all seeds."""
        if scale == LOGARITHM:
            return float(np.exp(self.estimate + by))
        if scale != SHARE:
            return self.estimate + by
        from scipy.special import expit

        typical = float(np.clip(expit(self.estimate), min(self.shares), max(self.shares)))
        found = float(expit(self.estimate + by))
        return typical if by == 0 else min(found, typical) if by < 0 else max(found, typical)

    def p(self) -> float:
        """Of a difference: the level at which its interval begins to hold 0, as 1 less it; 1 where nothing is known."""
        error = float(np.sqrt(self.variance))
        if not error > 0:
            return 1.0 if self.estimate == 0 else 0.0
        if self.items < 1 and not self.seeds:
            return 1.0
        return inverted(lambda level: abs(self.estimate) > self.critical(level) * error)


def inverted(excludes: Callable[[float], bool]) -> float:
    """The smallest p with which `excludes(1 - p)` holds, to a relative 1e-4; 1 where it never does, 0 below 1e-12."""
    low, high = np.log(1e-12), 0.0
    if excludes(1 - 1e-12):
        return 0.0
    if not excludes(1 - 0.9999):
        return 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if excludes(1 - float(np.exp(middle))) else (middle, high)
    return float(np.exp(high))


def crossed(
    values: NDArray[np.float64],
    influence: NDArray[np.float64],
    items: float,
    *,
    pseudo: float = 0.0,
    shares: tuple[float, ...] = (),
    trials: float = 0.0,
) -> Uncertain:
    """A mean over seeds, from a value each and the items' influence on it.

    Where all seeds have the same items, `of_seeds` and `of_items` are those of the two-way analysis of variance with
    both factors random: MS(seeds) / RN and (MS(items) - MS(residual)) / RN. Items that only some seeds have count so
    far as they are shared. Together they are never less than FLOOR of the residual's, lest seeds that agree by chance
    give an interval of no width.

    Args:
        values: (R,) on the scale, one a seed.
        influence: (R, n): by how much each item moves the seed's value from what it is; the sum of squares is the
            variance of the value over items. 0 where a seed does not have it.
        items: their degrees of freedom.
        pseudo: of odds, the variance of each seed's half items; it counts so far as items vary alike in all seeds.
        shares: of a share, that of each seed.
        trials: of a share of one seed, as in `Moved`.
    """
    count = len(values)
    mean = influence.mean(axis=0)
    of_items = float((mean**2).sum())
    if count < 2:
        return Uncertain(float(values.mean()), 0.0, of_items + pseudo, 0, items, shares, trials)
    residual = float(((influence - mean) ** 2).sum()) / (count * (count - 1))
    of_seeds = float(values.var(ddof=1)) / count
    alike = max(of_items - residual, 0.0) / of_items if of_items > 0 else 1.0
    rest = max(of_items - residual, FLOOR * residual - of_seeds, 0.0) + alike * pseudo
    return Uncertain(float(values.mean()), of_seeds, rest, count - 1, items, shares)


class Moved(NamedTuple):
    """A mean over items, and by how much each of them moves it.

    `mean` is on the scale, `influence` (n,) too: its sum of squares estimates the variance of the mean over items;
    `items` are its degrees of freedom. Of a share, whose scale is logarithmic odds, `share` is itself, `trials` as many
    independent trials as would tell it as well, and `pseudo` the variance of the half item that is so and the half that
    is not, which keep its odds finite (Haldane 1956, Anscombe 1956).
    """

    mean: float
    influence: NDArray[np.float64]
    items: float
    share: float = np.nan
    trials: float = 0.0
    pseudo: float = 0.0


def moved_by(
    values: NDArray[np.float64], weights: NDArray[np.float64], strata: NDArray[np.int64] | None, scale: str
) -> Moved:
    """The mean of `values` (n,) with `weights` (n,), in logarithmic odds if it is a share.

    Variance is that within `strata` (n,) where the sample was drawn so. A stratum of one item goes together with the
    others of its kind, or with the largest.
    """
    total = float(weights.sum())
    mean = float((weights * values).sum() / total)
    influence, items = _influence(values, weights, mean, total, strata)
    if scale != SHARE:
        return Moved(mean, influence, items)
    variance, within = float((influence**2).sum()), mean * (1 - mean)
    trials = within / variance if within > 0 and variance > 1e-9 * within else total
    inner = (mean * total + 0.5) / (total + 1)
    influence, _ = _influence(values, weights, inner, total + 1, strata)
    slope = inner * (1 - inner)
    pseudo = 0.5 * ((1 - inner) ** 2 + inner**2) / ((total + 1) * slope) ** 2
    return Moved(float(np.log(inner / (1 - inner))), influence / slope, np.inf, mean, trials, float(pseudo))


def _influence(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    mean: float,
    total: float,
    strata: NDArray[np.int64] | None,
) -> tuple[NDArray[np.float64], float]:
    raw = weights * (values - mean) / total
    if strata is None and (weights != 0).all():
        count = len(values)
        return (raw - raw.mean()) * np.sqrt(count / max(count - 1, 1)), count - 1.0
    is_in = weights != 0
    groups = np.zeros(len(values), dtype=np.int64) if strata is None else _whole(np.where(is_in, strata, -1))
    labels, group = np.unique(groups[is_in], return_inverse=True)
    counts = np.bincount(group, minlength=len(labels)).astype(np.float64)
    centre = np.bincount(group, raw[is_in], minlength=len(labels)) / counts
    influence = np.zeros(len(values))
    grow = np.sqrt(counts / np.maximum(counts - 1, 1))
    influence[is_in] = (raw[is_in] - centre[group]) * grow[group]
    return influence, float(is_in.sum() - len(labels))


def mean_over_items(values: NDArray[np.float64], strata: NDArray[np.int64] | None = None) -> Interval:
    """The mean of `values` (n,), one an item, with the interval of t over items, within `strata` if drawn so.

    One item has no interval. UserError for no value.
    """
    return ratio_over_items(values, np.ones(len(values)), strata)


def ratio_over_items(
    values: NDArray[np.float64], weights: NDArray[np.float64], strata: NDArray[np.int64] | None = None
) -> Interval:
    """The sum of `values` (n,) over that of `weights` (n,), as bits a token are; the interval by linearisation."""
    return _over_items(values / weights, weights, strata, IDENTITY)


def share_over_items(is_so: NDArray[np.bool_], strata: NDArray[np.int64] | None = None) -> Interval:
    """The share of items of which something holds, `is_so` (n,), with Wilson's interval, within `strata`."""
    return _over_items(is_so.astype(np.float64), np.ones(len(is_so)), strata, SHARE)


def share_over_splits(shares: NDArray[np.float64], tested: NDArray[np.float64], overlap: float) -> Interval:
    """The mean share of `tested` (n,) over n splits of the same data, whose test parts are `overlap` times the rest.

    They are not independent: the variance is 1 + n `overlap` times that of n that were (Nadeau & Bengio 2003).
    """
    found = moved_by_splits(shares, tested, overlap)
    return together([found], found.influence[None]).interval(SHARE)


def moved_by_splits(shares: NDArray[np.float64], tested: NDArray[np.float64], overlap: float) -> Moved:
    """The mean share over splits, and by how much each moves it."""
    found = moved_by(shares, tested, None, SHARE)
    larger = 1 + len(shares) * overlap
    return found._replace(
        influence=found.influence * np.sqrt(larger), items=len(shares) - 1.0, trials=found.trials / larger
    )


def numbered(names: "pd.Series[str]") -> NDArray[np.int64]:
    """Each name's number, as strata."""
    import pandas as pd

    return np.asarray(pd.factorize(names)[0], dtype=np.int64)


def _over_items(
    values: NDArray[np.float64], weights: NDArray[np.float64], strata: NDArray[np.int64] | None, scale: str
) -> Interval:
    if not len(values):
        raise UserError("no observation: a mean needs at least one.")
    found = moved_by(values, weights, strata, scale)
    return together([found], found.influence[None]).interval(scale)


def together(found: "Sequence[Moved]", influence: NDArray[np.float64]) -> Uncertain:
    """The mean over seeds of what each gave; `influence` (R, n) is theirs, with items in the same order."""
    is_share = not np.isnan(found[0].share)
    return crossed(
        np.array([each.mean for each in found]),
        influence,
        float(np.mean([each.items for each in found])),
        pseudo=float(np.mean([each.pseudo for each in found])),
        shares=tuple(each.share for each in found) if is_share else (),
        trials=found[0].trials,
    )


def holm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values (n,) corrected for their number after Holm (1979); what is NaN is not counted and stays NaN."""
    corrected = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(steps)) if len(order) else steps
    return corrected


def _wilson(share: float, trials: float, reach: float) -> tuple[float, float]:
    squared = reach * reach / trials
    centre = (share + squared / 2) / (1 + squared)
    by = reach * float(np.sqrt(share * (1 - share) / trials + squared / trials / 4)) / (1 + squared)
    return max(0.0, min(share, centre - by)), min(1.0, max(share, centre + by))


def _calibrated(share: float, seeds: float, items: float) -> float:
    """The critical value at 95 % where seeds have this share of the variance."""
    left = (1 - share) ** 2 / items if items > 0 else 0.0
    if share > 0 and seeds:
        knots = sorted(CALIBRATED, reverse=True)
        first, second = (
            float(np.interp(1 / seeds, [1 / knot for knot in knots], [CALIBRATED[knot][which] for knot in knots]))
            for which in (0, 1)
        )
        ratio = (1 - share) / share
        left += 1 / (seeds * (1 + first * ratio + second * ratio * ratio))
    return quantile(LEVEL, 1 / left if left > 0 else np.inf)


def _mixed(level: float, share: float, seeds: float, items: float) -> float:
    of_seeds = share * quantile(level, seeds) ** 2 if share > 0 else 0.0
    of_items = (1 - share) * quantile(level, items) ** 2 if share < 1 else 0.0
    return float(np.sqrt(of_seeds + of_items))


def quantile(level: float, degrees: float) -> float:
    """How many standard errors an interval of a level reaches; by Student's t, the normal's for infinite degrees."""
    from scipy.special import ndtri, stdtrit

    below = (1 - level) / 2  # of the lower tail, which keeps its digits
    return -float(ndtri(below) if degrees > 1e9 or degrees <= 0 else stdtrit(degrees, below))


def _whole(strata: NDArray[np.int64]) -> NDArray[np.int64]:
    """Strata of two items or more: those of one go together; one that is left goes with the largest."""
    labels, group, counts = np.unique(strata, return_inverse=True, return_counts=True)
    is_single = (counts == 1) & (labels >= 0)
    if not is_single.any() or len(labels) < 2:
        return strata
    home = labels[np.argmax(np.where(labels >= 0, counts, 0))] if is_single.sum() == 1 else labels[is_single][0]
    return np.where(is_single[group], home, strata)
