"""The paper's order on the built-in grammar: train its languages, measure them, and say which comparisons hold.

`python -m benchmarks.grammar OUTPUT [--sentences N] [--steps N] [--seeds 1,2,3] [--model gpt2-no-pos]` trains each
language with each seed on the same synthetic English, and prints the last perplexities and surprisal differences with
intervals of t, and for every comparison that the paper predicts whether the mean over seeds agrees. What is done stays
done: the same command goes on where it was stopped.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import pandas as pd

from impossible_lms import METRICS, Request, evaluate, get_language, load_recipe, load_tokenizer, read_corpus, train
from impossible_lms.data.build import build_datasets, training_texts
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.models.run import Run
from impossible_lms.progress import Console
from impossible_lms.report.figures import save_figure
from impossible_lms.report.metric_figures import metric_figure

# From what should be learnt best to what should be learnt worst, by metric.
CHAINS: dict[str, list[tuple[str, ...]]] = {
    "perplexity": [
        ("no-shuffle", "local-shuffle-w3", "local-shuffle-w5", "local-shuffle-w10", "deterministic-shuffle-s21"),
        ("deterministic-shuffle-s21", "nondeterministic-shuffle"),
        ("no-shuffle", "even-odd-shuffle"),
        ("no-reverse", "partial-reverse"),
        ("no-reverse", "full-reverse"),
        ("no-hop", "token-hop"),
        ("no-hop", "word-hop"),
    ],
    "surprisal": [("no-hop", "token-hop", "word-hop")],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--sentences", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--model", default="gpt2-no-pos")
    arguments = parser.parse_args()
    names = list(dict.fromkeys(name for chains in CHAINS.values() for chain in chains for name in chain))
    runs = trained(arguments, names)
    for metric, chains in CHAINS.items():
        wanted = {name for chain in chains for name in chain}
        mine = [run for run in runs if run.language in wanted]
        curves = [evaluate(METRICS[metric], run, Request(), progress=Console()).curve for run in mine]
        save_figure(metric_figure(METRICS[metric], curves), arguments.output / f"{metric}.png")
        report(metric, over_seeds(METRICS[metric], curves))


def trained(arguments: argparse.Namespace, names: list[str]) -> list[Run]:
    """A run for each language and seed."""
    corpus = read_corpus(f"grammar:sentences={arguments.sentences},seed=0")
    tokenizer = load_tokenizer("train:vocab=2048", training_texts(corpus))
    base = load_recipe("demo")
    every = max(1, arguments.steps // 15)
    warmup = max(1, arguments.steps // 10)
    recipe = base.model_copy(update={"steps": arguments.steps, "checkpoint_every": every, "warmup_steps": warmup})
    languages = [get_language(name) for name in names]
    folder = arguments.output / "data"
    build_datasets(corpus, languages, tokenizer, folder, context=recipe.context, progress=Console())
    runs = []
    for seed in map(int, arguments.seeds.split(",")):
        for name in names:
            run = arguments.output / "runs" / f"{name}-{arguments.model}-seed{seed}"
            options = {"model": arguments.model, "size": "tiny", "seed": seed, "progress": Console()}
            runs.append(train(folder / name, run, recipe=recipe, **options))
    return runs


def report(metric: str, table: pd.DataFrame) -> None:
    """Print the last values, and which comparisons hold."""
    value = METRICS[metric].value
    last = table[table["step"] == table["step"].max()].set_index("language")
    print(f"\n| {metric} after {table['step'].max():,} steps | {value} | 95 % interval | seeds |")
    print("| --- | ---: | ---: | ---: |")
    for name, row in last.sort_values(value).iterrows():
        interval = f"{row['low']:.2f} to {row['high']:.2f} ({row['interval']})"
        print(f"| {name} | {row[value]:.2f} | {interval} | {row['seeds']} |")
    is_lower = METRICS[metric].direction == "lower"
    print(f"\n| {metric}: learnt better than | holds |\n| --- | --- |")
    for chain in CHAINS[metric]:
        for better, worse in pairwise(chain):
            holds = (last.loc[better, value] < last.loc[worse, value]) == is_lower
            print(f"| {better}, {worse} | {'yes' if holds else 'NO'} |")


if __name__ == "__main__":
    main()
