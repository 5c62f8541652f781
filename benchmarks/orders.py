"""The paper's order inside each family, on the built-in grammar: which comparisons hold.

`impossible run benchmarks/orders.toml --engine local:2` trains and measures; `python -m benchmarks.orders
benchmarks/orders.toml [--set KEY=VALUE ...]`, with the same changes, prints the last values and, for every comparison
that the paper predicts, the contrast (`impossible_lms.compare`), corrected for the number of all of them.
"""

import argparse
from itertools import pairwise

import pandas as pd

from impossible_lms import METRICS, compare
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.metric import LOWER
from impossible_lms.evaluation.seeds import over_seeds
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


LEVEL = 0.05  # of p, corrected for the number of comparisons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--set", action="append", default=[], dest="changes")
    arguments = parser.parse_args()
    findings = findings_of_experiment(Plan.of(load_experiment(arguments.experiment, arguments.changes)), "")
    for metric in CHAINS:
        evaluations = [found for found in findings.evaluations if found.metric.name == metric]
        if evaluations:
            report(metric, evaluations)
    for what, why in findings.failures:
        print(f"failed: {what}: {why}")


def report(metric: str, evaluations: list[Evaluation]) -> None:
    """Print the last values, and the comparisons."""
    value = METRICS[metric].value
    table = over_seeds(METRICS[metric], [found.tables for found in evaluations])
    for column, group in METRICS[metric].shown.items():
        table = table[table[column] == group]
    last = table[table["step"] == table["step"].max()].sort_values(value)
    print(f"\n| {metric} after {table['step'].max():,} steps | {METRICS[metric].unit} | 95 % interval | seeds |")
    print("| --- | ---: | ---: | ---: |")
    for row in last.to_dict("records"):
        print(f"| {row['language']} | {row[value]:.3f} | {row['low']:.3f} to {row['high']:.3f} | {row['seeds']} |")
    pairs = [(worse, better) for chain in CHAINS[metric] for better, worse in pairwise(chain)]
    found = compare(evaluations, pairs, metric=metric)
    kind = found["contrast"].iloc[0]
    print(
        f"\n| {metric}: better, worse | {kind} of the worse, 95 % interval | p (Holm, {len(found)}) | seeds | holds |"
    )
    print("| --- | ---: | ---: | --- | --- |")
    for row in found.to_dict("records"):
        print(line(metric, row))


def line(metric: str, row: dict[str, pd.Timestamp | float | int | str]) -> str:
    """A comparison: whether the worse is worse, beyond chance or in the mean alone, in every contrast's own unit."""
    nothing = 1.0 if str(row["contrast"]).startswith("ratio") else 0.0
    sign = 1 if METRICS[metric].direction == LOWER else -1
    estimate, low, high, p = (float(str(row[name])) for name in ("estimate", "low", "high", "p_holm"))
    is_worse = sign * (estimate - nothing) > 0
    holds = ("yes" if is_worse else "NO") if p < LEVEL else "in the mean" if is_worse else "not in the mean"
    said = f"{estimate:.3f} ({low:.3f} to {high:.3f}) | {p:.2g} | {row['agree']} of {row['seeds']}"
    return f"| {row['less']}, {row['language']} | {said} | {holds} |"


if __name__ == "__main__":
    main()
