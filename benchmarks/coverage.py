"""How often intervals of 95 % cover what they are about, on data of known seed and item variance.

`python -m benchmarks.coverage [--repetitions 4000] [--processes 2]` draws, again and again, seeds by items with effects
of seeds, of items and of both; takes the interval that the evaluation takes; and prints how often it holds the true
value, for 2, 3, 5 and 10 seeds and for several parts of the estimate's variance that are the seeds'. It ends with code
1 where an interval leaves the possible range, has no width, or where the coverage is not between 93 and 97 %. Seeds of
shares spread by no more than WIDEST: where they spread more, near 0 and 1, half items pull them inwards and coverage
falls.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product, repeat
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from impossible_lms.evaluation.statistics import (
    IDENTITY,
    LOGARITHM,
    SHARE,
    Interval,
    Moved,
    crossed,
    moved_by,
    together,
)

SEEDS = (2, 3, 5, 10)
WIDEST = 2.0  # standard deviation of seeds in logarithmic odds: around 0.99 from 0.65 to 0.9998 within two of them
OF_SEEDS = (0.0, 0.2, 0.5, 0.8, 0.98)  # the seeds' part of the variance of the mean
BOUNDS = 0.93, 0.97
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """What is drawn.

    Attributes:
        name: what it is.
        scale: that of the interval.
        items: how many.
        skewed: whether item effects are exponential, which have a skewness of 2; else normal.
        centre: of the values on their scale, of shares in logits.
        residual: variance of seed and item together, where that of items is 1; of shares it is that of the draw.
        genres: how many strata there are, each with a mean of its own and as many items.
        lengths: whether items have weights, as tokens of sentences.
        against: whether it is a difference of two languages, with the same seeds.
        shared: which part of the items both languages have.
    """

    name: str
    scale: str = IDENTITY
    items: int = 200
    skewed: bool = False
    centre: float = 0.0
    residual: float = 0.5
    genres: int = 1
    lengths: bool = False
    against: bool = False
    shared: float = 1.0


SCENARIOS = (
    Scenario("bits"),
    Scenario("bits, skewed, 1,000 sentences", items=1000, skewed=True),
    Scenario("bits, skewed, 100 sentences", items=100, skewed=True),
    Scenario("bits, 5 genres", genres=5),
    Scenario("bits a token", lengths=True),
    Scenario("perplexity", LOGARITHM, centre=4.0),
    Scenario("share near 0.5", SHARE),
    Scenario("share near 0.9", SHARE, centre=2.8),
    Scenario("share near 0.99, 500 pairs", SHARE, items=500, centre=5.5),
    Scenario("share near 0.01, 500 pairs", SHARE, items=500, centre=-5.5),
    Scenario("difference in bits, same sentences", against=True),
    Scenario("difference in bits, half the same", against=True, shared=0.5),
    Scenario("ratio of perplexities, none the same", LOGARITHM, centre=4.0, against=True, shared=0.0),
    Scenario("ratio of odds", SHARE, centre=1.0, against=True),
    Scenario("ratio of odds, shares near 0.98", SHARE, items=500, centre=4.5, against=True),
)


def drawn(scenario: Scenario, seeds: int, of_seeds: float, generator: np.random.Generator) -> tuple[Interval, float]:
    """An interval, and the true value."""
    count = scenario.items
    strata = np.repeat(np.arange(scenario.genres), count // scenario.genres)
    items = _effects(scenario, count, generator)
    spread = _spread(scenario, seeds, of_seeds)
    seed_effect = generator.normal(size=seeds) * spread
    if not scenario.against:
        one = _language(scenario, items, seed_effect, generator, strata)
        return together(*one).interval(scenario.scale), _truth(scenario)
    # Effects that both languages share, and as large ones of their own.
    own, own_seed = _effects(scenario, count, generator), generator.normal(size=seeds) * spread
    shared = round(scenario.shared * count)
    other = np.concatenate([items[:shared] * 0.6, _effects(scenario, count - shared, generator) * 0.6]) + own * 0.8
    sides = [
        _language(scenario, each, effect, generator, strata)
        for each, effect in ((items, seed_effect), (other, seed_effect * 0.6 + own_seed * 0.8))
    ]
    moved = [np.zeros((seeds, 2 * count - shared)) for _ in sides]
    places = [np.arange(count), np.concatenate([np.arange(shared), np.arange(count, 2 * count - shared)])]
    for into, at, (_, influence) in zip(moved, places, sides, strict=True):
        into[:, at] = influence
    means = [np.array([each.mean for each in found]) for found, _ in sides]
    pseudo = sum(float(np.mean([each.pseudo for each in found])) for found, _ in sides)
    apart = crossed(means[0] - means[1], moved[0] - moved[1], sides[0][0][0].items, pseudo=pseudo)
    return apart.interval(LOGARITHM if scenario.scale != IDENTITY else IDENTITY), float(scenario.scale != IDENTITY)


def _effects(scenario: Scenario, count: int, generator: np.random.Generator) -> Floats:
    if scenario.skewed:
        return generator.exponential(size=count) - 1
    return generator.normal(size=count)


def _spread(scenario: Scenario, seeds: int, of_seeds: float) -> float:
    """The standard deviation of seeds with which they have this part of the variance of the mean."""
    rest = (1 + scenario.residual / seeds) / scenario.items
    if scenario.scale == SHARE:  # in logarithmic odds: items that differ, and the draw of what is so
        share = _truth(scenario)
        rest = 1 / (share * (1 - share)) / scenario.items / np.sqrt(seeds)
    spread = float(np.sqrt(seeds * rest * of_seeds / (1 - of_seeds)))
    return min(spread, WIDEST) if scenario.scale == SHARE else spread


def _language(
    scenario: Scenario,
    items: Floats,
    seed_effect: Floats,
    generator: np.random.Generator,
    strata: NDArray[np.int64],
) -> tuple[list[Moved], Floats]:
    shape = len(seed_effect), len(items)
    values = scenario.centre + seed_effect[:, None] + items + np.zeros(shape)
    weights = np.ones(len(items))
    if scenario.scale == SHARE:
        values = (generator.random(shape) < expit(values)).astype(float)
    else:
        values += generator.normal(size=shape) * np.sqrt(scenario.residual)
    if scenario.genres > 1:  # whose means lie far apart, and move with the seed a little
        far = np.linspace(-3, 3, scenario.genres)
        values += far[strata]
    if scenario.lengths:
        weights = generator.integers(5, 40, len(items)).astype(float)
    parts = [moved_by(row, weights, strata if scenario.genres > 1 else None, scenario.scale) for row in values]
    return parts, np.array([part.influence for part in parts])


@cache
def _truth(scenario: Scenario) -> float:
    """Of a share: over the items, of the seed in the middle."""
    if scenario.scale != SHARE:
        return float(np.exp(scenario.centre)) if scenario.scale == LOGARITHM else scenario.centre
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    return float((weights * expit(scenario.centre + points)).sum() / weights.sum())


def coverage(
    scenario: Scenario,
    seeds: int,
    of_seeds: float,
    repetitions: int,
    take: Callable[..., tuple[Interval, float]] = drawn,
) -> tuple[float, str]:
    """How often the interval holds the truth, and what is wrong with any of them ("" for nothing)."""
    generator = np.random.default_rng([seeds, round(of_seeds * 100), SCENARIOS.index(scenario)])
    low_end, high_end = {SHARE: (0.0, np.inf if scenario.against else 1.0), LOGARITHM: (0.0, np.inf)}.get(
        scenario.scale, (-np.inf, np.inf)
    )
    held, fault = 0, ""
    for _ in range(repetitions):
        found, truth = take(scenario, seeds, of_seeds, generator)
        if found.low is None or found.high is None or not found.low < found.high:
            fault = "no width"
        elif not low_end <= found.low <= found.estimate <= found.high <= high_end:
            fault = "out of the possible range"
        else:
            held += found.low <= truth <= found.high
    return held / repetitions, fault


def _row(row: tuple[Scenario, int], repetitions: int) -> list[tuple[float, str]]:
    scenario, seeds = row
    return [coverage(scenario, seeds, share, repetitions) for share in OF_SEEDS]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=4000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    repetitions = arguments.repetitions
    said = " | ".join(f"{share:.0%}" for share in OF_SEEDS)
    print(f"| coverage of intervals of 95 %, {repetitions:,} times | seeds | the seeds' part {said} |")
    print("| --- | ---: |" + " ---: |" * len(OF_SEEDS))
    faults = []
    rows = list(product(SCENARIOS, SEEDS))
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        for (scenario, seeds), found in zip(rows, pool.map(_row, rows, repeat(repetitions)), strict=True):
            print(
                f"| {scenario.name} | {seeds} | " + " | ".join(f"{100 * each:.1f}" for each, _ in found) + " |",
                flush=True,
            )
            faults += [
                f"{scenario.name}, {seeds} seeds, {share:.0%}: {fault or f'{each:.1%}'}"
                for share, (each, fault) in zip(OF_SEEDS, found, strict=True)
                if fault or not BOUNDS[0] <= each <= BOUNDS[1]
            ]
    for each in faults:
        print(f"outside: {each}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
