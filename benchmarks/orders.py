"""The paper's order inside each family, on the built-in grammar: which comparisons hold, with intervals over seeds.

`impossible run benchmarks/orders.toml --engine local:2` trains and measures; `python -m benchmarks.orders
benchmarks/orders.toml [--set KEY=VALUE ...]`, with the same changes, prints the last values and, for every comparison
that the paper predicts, the difference paired by seed with its 95 % interval of t.
"""

import argparse
from collections.abc import Iterator
from itertools import pairwise

import pandas as pd

from impossible_lms import METRICS
from impossible_lms.evaluation.metric import LOWER
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.evaluation.statistics import mean_over_seeds
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.reporting import findings_of_experiment

# From what should be learnt best to what should be learnt worst, by metric.
CHAINS: dict[str, list[tuple[str, ...]]] = {
    "perplexity": [
        ("no-shuffle", "local-shuffle-w3", "local-shuffle-w5", "local-shuffle-w10", "deterministic-shuffle-s21"),
        ("deterministic-shuffle-s21", "nondeterministic-shuffle"),
        ("no-reverse", "partial-reverse"),
        ("no-reverse", "full-reverse"),
        ("no-hop", "token-hop", "word-hop"),
    ],
    "surprisal": [("no-hop", "token-hop", "word-hop")],
    "learnability": [
        ("local-shuffle-w3", "local-shuffle-w5", "local-shuffle-w10", "deterministic-shuffle-s21"),
        ("token-hop", "word-hop"),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--set", action="append", default=[], dest="changes")
    arguments = parser.parse_args()
    findings = findings_of_experiment(Plan.of(load_experiment(arguments.experiment, arguments.changes)), "")
    for metric in CHAINS:
        curves = [found.curve for found in findings.evaluations if found.metric.name == metric]
        if curves:
            report(metric, curves)
    for what, why in findings.failures:
        print(f"failed: {what}: {why}")


def report(metric: str, curves: list[pd.DataFrame]) -> None:
    """Print the last values, and the comparisons."""
    value, shown = METRICS[metric].value, METRICS[metric].shown
    for column, group in shown.items():
        curves = [curve[curve[column] == group] for curve in curves]
    table = over_seeds(METRICS[metric], curves)
    last = table[table["step"] == table["step"].max()].sort_values(value)
    print(f"\n| {metric} after {table['step'].max():,} steps | {METRICS[metric].unit} | 95 % interval | seeds |")
    print("| --- | ---: | ---: | ---: |")
    for row in last.to_dict("records"):
        print(f"| {row['language']} | {row[value]:.3f} | {row['low']:.3f} to {row['high']:.3f} | {row['seeds']} |")
    print(f"\n| {metric}: better, worse | difference, 95 % interval | seeds that agree | holds |")
    print("| --- | ---: | ---: | --- |")
    for line in compared(metric, curves):
        print(line)


def compared(metric: str, curves: list[pd.DataFrame]) -> Iterator[str]:
    """A line for each comparison, of the values after the last step, paired by seed."""
    value, sign = METRICS[metric].value, 1 if METRICS[metric].direction == LOWER else -1
    ends = pd.concat([curve[curve["step"] == curve["step"].max()] for curve in curves])
    by_seed = ends.pivot_table(index="seed", columns="language", values=value)
    for chain in CHAINS[metric]:
        for better, worse in pairwise(chain):
            apart = (by_seed[worse] - by_seed[better]).dropna().to_numpy(dtype=float)
            found = mean_over_seeds(apart)
            agree = int((sign * apart > 0).sum())
            bounds = [bound for bound in (found.low, found.high) if bound is not None]
            is_sure = bool(bounds) and all(sign * bound > 0 for bound in bounds)
            holds = "yes" if is_sure else "in the mean" if sign * found.estimate > 0 else "NO"
            said = " to ".join(f"{bound:.3f}" for bound in bounds) or "-"
            yield f"| {better}, {worse} | {found.estimate:.3f} ({said}) | {agree} of {len(apart)} | {holds} |"


if __name__ == "__main__":
    main()
