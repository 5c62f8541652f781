"""Loss curves of the fast path in bf16 and fp32, and of a plain fp32 loop, paired by seed and data: a bias, or chance?

    python -m benchmarks.curves [--device cpu] [--size tiny] [--context 128] [--sequences 16] [--steps 50] [--seeds 8]
                                [--ways fp32 bf16 plain] [--compile]

Printed is the mean loss of the last ten steps, and its difference from the fast path in fp32, paired by seed, with the
95 % interval of t. The fast path in fp32 has the same masks of dropout as that in bf16 (on a GPU not attention's), so
that their difference is precision alone; the plain loop is transformers' model and loss with torch's dropout.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from impossible_lms import build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.architectures import get_architecture, get_size, make_config, make_model
from impossible_lms.training.fast.network import Network
from impossible_lms.training.order import blocks_of_step, dropout_keys, generator_seed
from impossible_lms.training.recipe import Recipe, load_recipe

LAST = 10
WAYS = ("fp32", "bf16", "plain")


def fast(model: Any, dataset: TokenDataset, recipe: Recipe, seed: int, options: argparse.Namespace) -> list[float]:
    """The losses of this project's steps."""
    device, sequences = torch.device(options.device), recipe.sequences_per_step
    compiled = options.compile
    network = Network(model, recipe, device, sequences=sequences, operations=0, compiled=compiled, say=print)
    losses = []
    for step in range(recipe.steps):
        ids = torch.from_numpy(dataset.blocks(blocks_of_step(seed, step, sequences, len(dataset)))).to(device)
        keys = torch.from_numpy(np.ascontiguousarray(dropout_keys(seed, step, sequences, network.sites))).to(device)
        torch.manual_seed(generator_seed(seed, step, 0))
        network.begin_step(step)
        losses.append(network.micro_batch(ids, keys).mean())
        network.update(recipe.learning_rate_at(step), network.gradient_norm())
    return torch.stack(losses).tolist()


def plain(model: Any, dataset: TokenDataset, recipe: Recipe, seed: int, options: argparse.Namespace) -> list[float]:
    """The losses of a loop as one writes it, in float32."""
    model = model.to(options.device).train()
    torch.manual_seed(seed)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon)
    losses = []
    for step in range(recipe.steps):
        chosen = blocks_of_step(seed, step, recipe.sequences_per_step, len(dataset))
        ids = torch.from_numpy(dataset.blocks(chosen)).to(options.device)
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_clip)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(step)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
    return torch.stack(losses).tolist()


def main() -> None:
    """Train all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--size", default="tiny")
    for name, value in (("context", 128), ("sequences", 16), ("steps", 50), ("seeds", 8)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[float]] = {way: [] for way in options.ways}
    with tempfile.TemporaryDirectory() as scratch:
        corpus = read_corpus("grammar:sentences=60000,seed=0")
        tokenizer = load_tokenizer("train:vocab=2048", corpus)
        language = get_language("partial-reverse")
        dataset = build_dataset(corpus, language, tokenizer, Path(scratch) / "data", context=options.context)
        for seed in range(options.seeds):
            for way in options.ways:
                recipe = load_recipe("demo").model_copy(
                    update={
                        "steps": options.steps,
                        "warmup_steps": options.steps // 5,
                        "sequences_per_step": options.sequences,
                        "context": options.context,
                        "precision": "bf16" if way == "bf16" else "fp32",
                    }
                )
                config = make_config(
                    get_size(options.size),
                    vocabulary_size=dataset.vocabulary_size,
                    context=options.context,
                    end_of_text=dataset.tokenizer.end_of_text,
                    dropout=recipe.dropout,
                )
                model = make_model(get_architecture("gpt2"), config, seed)
                losses = (plain if way == "plain" else fast)(model, dataset, recipe, seed, options)
                found[way].append(float(np.mean(losses[-LAST:])))
                print(f"seed {seed}, {way}: {found[way][-1]:.4f}", flush=True)
    base = np.array(found[options.ways[0]])
    print(
        f"\n| {options.size}, {options.device}, last {LAST} of {options.steps} steps | loss | seeds spread by |", end=""
    )
    print(f" difference from {options.ways[0]}, paired | 95 % interval |\n| --- | ---: | ---: | ---: | ---: |")
    for way, values in found.items():
        apart = np.array(values) - base
        half = stats.t.ppf(0.975, len(base) - 1) * apart.std(ddof=1) / len(base) ** 0.5
        interval = f"{apart.mean() - half:+.4f} to {apart.mean() + half:+.4f}" if way != options.ways[0] else ""
        spread = np.std(values, ddof=1)
        print(f"| {way} | {np.mean(values):.4f} | {spread:.4f} | {apart.mean():+.4f} | {interval} |")


if __name__ == "__main__":
    main()
