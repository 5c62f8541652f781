"""How often the interval of 95 % of a separation covers the separation that it is about, on data of known variances.

`python -m benchmarks.separation [--repetitions 2000] [--processes 2]` draws models again and again: each of two
attested and four impossible languages has a cost of its own, which stays; human languages differ in their cost, and in
what each language costs in them; seeds differ, alike in all models of one seed; and models differ. The truth is the
mean share over many such draws. It prints how often the interval of `separation` holds it, for as many units (human
languages, or seeds of one) as one might have, and how often all pairs agree, when the interval is another. It ends with
code 1 where the coverage is below LEAST.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product, repeat
from multiprocessing import get_context
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from impossible_lms.evaluation.separation import ACROSS, MODELS, WITHIN, Model, with_interval

ATTESTED, IMPOSSIBLE = 2, 4
LEAST = 0.88
DRAWS = 20_000  # of the truth
OF_HUMANS, OF_SEEDS = "human languages", "seeds"


@dataclass(frozen=True)
class Scenario:
    """What is drawn: over which units, of which pairs, and how far apart the two kinds are in standard deviations."""

    over: str
    pairs: str
    apart: float


SCENARIOS = (
    *(Scenario(OF_HUMANS, pairs, apart) for pairs in (WITHIN, ACROSS) for apart in (0.0, 0.7, 1.5, 3.0)),
    *(Scenario(OF_SEEDS, WITHIN, apart) for apart in (0.0, 0.7, 1.5, 3.0)),
)
UNITS = (3, 4, 6, 12)


def drawn(scenario: Scenario, units: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """(humans, seeds, languages): what each model pays; the attested languages come first."""
    humans, seeds = (units, 1) if scenario.over == OF_HUMANS else (1, units)
    kinds = ATTESTED + IMPOSSIBLE
    of_language = np.concatenate(
        [np.linspace(-0.3, 0.3, ATTESTED), scenario.apart + np.linspace(-0.5, 0.5, IMPOSSIBLE)]
    )
    of_human = generator.normal(size=(humans, 1, 1)) * (scenario.over == OF_HUMANS)
    in_human = generator.normal(size=(humans, 1, kinds)) * 0.7 * (scenario.over == OF_HUMANS)
    of_seed = generator.normal(size=(1, seeds, 1)) * 0.5
    return np.asarray(of_language + of_human + in_human + of_seed + generator.normal(size=(humans, seeds, kinds)) * 0.7)


def shares(values: NDArray[np.float64], pairs: str) -> float:
    """The share of pairs in which the attested language is cheaper, counted by itself."""
    mine, theirs = values[..., :ATTESTED], values[..., ATTESTED:]
    is_less = mine[:, :, :, None, None, None] < theirs[None, None, None]
    same = np.eye(len(values), dtype=bool)[:, None, None, :, None, None]
    counts = np.broadcast_to(same if pairs == WITHIN else ~same, is_less.shape)
    return float(is_less[counts].mean())


def truth_of(scenario: Scenario, units: int) -> float:
    """The mean over many draws of a few units: what the share is an estimate of."""
    generator, few = np.random.default_rng(1), min(units, 3)
    return float(np.mean([shares(drawn(scenario, few, generator), scenario.pairs) for _ in range(DRAWS)]))


def models_of(values: NDArray[np.float64]) -> tuple[list[Model], NDArray[np.float64]]:
    """The same as `separation` has it."""
    found, flat = [], []
    for (human, seed, language), value in np.ndenumerate(values):
        nothing = cast(Any, None)
        found.append(
            Model(f"h{human}", f"l{language}", "gpt2", str(seed), language < ATTESTED, {}, 1, nothing, is_parallel=True)
        )
        flat.append(value)
    return found, np.array(flat)


def coverage(row: tuple[Scenario, int], repetitions: int) -> tuple[float, float, float]:
    """The truth, how often the interval holds it, and how often all pairs agreed."""
    scenario, units = row
    truth, generator = truth_of(scenario, units), np.random.default_rng(0)
    held = agreed = 0
    for _ in range(repetitions):
        found = with_interval(*models_of(drawn(scenario, units, generator)), scenario.pairs)
        held += found["low"] <= truth <= found["high"]
        agreed += found["interval"] == MODELS
    return truth, held / repetitions, agreed / repetitions


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(arguments)
    print(
        f"| coverage of intervals of 95 %, {asked.repetitions:,} times | pairs | units | truth | covered | all agree |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    worst, rows = 1.0, list(product(SCENARIOS, UNITS))
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
        for (scenario, units), found in zip(rows, pool.map(coverage, rows, repeat(asked.repetitions)), strict=True):
            truth, held, agreed = found
            said = f"{scenario.over} | {scenario.pairs} | {units} | {truth:.3f} | {100 * held:.1f} | {agreed:.1%}"
            print(f"| {said} |", flush=True)
            worst = min(worst, held)
    return 0 if worst >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
