"""Perplexity and interventions: this project beside the published procedure, in one run on one device.

`python -m benchmarks.evaluation [--sentences N] [--corpus SPEC] [--tokenizer SPEC] [--pairs N] [--threads N] [--size
small|tiny]` prints the tables of RESULTS.md. The published procedure: batches of 8 in file order padded to the
longest, logits of the whole vocabulary for every token, a cross-entropy over all of them; for interventions one full
forward of base and source and one with the intervention for each layer and position, in batches of 16, and the
probabilities of every token at every position.
"""

import argparse
import platform
import resource
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch

from impossible_lms import load_tokenizer, read_corpus
from impossible_lms.evaluation.interventions import interchange
from impossible_lms.evaluation.perplexity import perplexity
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.models.architectures import ARCHITECTURES, get_size, make_config, make_model
from impossible_lms.models.heads import blocks_of
from impossible_lms.ragged import Ragged

Result = TypeVar("Result")
VOCABULARY, CONTEXT = 50_259, 1_024
BATCH, PAIRS_IN_BATCH = 8, 16  # as published
LENGTH = 7  # tokens of a prefix: the, noun, verb, and four more


def published_perplexity(model: Any, sentences: list[list[int]]) -> np.ndarray:
    """Perplexity of each sentence by the published procedure."""
    found = []
    for start in range(0, len(sentences), BATCH):
        batch = sentences[start : start + BATCH]
        width = max(map(len, batch))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in batch], device=model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in batch], device=model.device)
        with torch.no_grad():
            logits = model(input_ids=ids, labels=ids, attention_mask=mask).logits[:, :-1].contiguous()
        losses = torch.nn.functional.cross_entropy(
            logits.view(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), reduction="none"
        )
        kept = mask[:, 1:]
        found += torch.exp((losses.view(kept.shape) * kept).sum(1) / kept.sum(1)).tolist()
    return np.array(found)


def published_interventions(model: Any, base: np.ndarray, source: np.ndarray, markers: np.ndarray) -> np.ndarray:
    """(pairs, layers, positions, 2): the markers' probabilities by the published procedure."""
    blocks = blocks_of(model)
    found = np.empty((len(base), len(blocks), base.shape[1], 2))
    for start in range(0, len(base), PAIRS_IN_BATCH):
        rows = slice(start, start + PAIRS_IN_BATCH)
        ids, other = (torch.from_numpy(each[rows]).to(model.device) for each in (base, source))
        for layer, block in enumerate(blocks):
            for position in range(base.shape[1]):
                found[rows, layer, position] = _one(model, block, position, ids, other, markers)
    return found


def _one(model: Any, block: Any, position: int, ids: Any, other: Any, markers: np.ndarray) -> np.ndarray:
    kept: list[torch.Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        kept.append(output if torch.is_tensor(output) else output[0])

    def swap(module: Any, inputs: Any, output: Any) -> Any:
        hidden = (output if torch.is_tensor(output) else output[0]).clone()
        hidden[:, position] = kept[0][:, position]
        return hidden if torch.is_tensor(output) else (hidden, *output[1:])

    with torch.no_grad():
        model.base_model(ids)
        hook = block.register_forward_hook(keep)
        model.base_model(other)
        hook.remove()
        hook = block.register_forward_hook(swap)
        hidden = model.base_model(ids).last_hidden_state
        hook.remove()
        probabilities = torch.softmax(model.lm_head(hidden), dim=-1)
    return np.asarray(probabilities[:, -1, markers].cpu().numpy())


def timed(work: Callable[[], Result], device: str) -> tuple[Result, float]:
    """What `work` gives, and the seconds it took."""
    began = time.perf_counter()
    result = work()
    if device != "cpu":
        torch.cuda.synchronize()
    return result, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=400)
    parser.add_argument("--corpus", default="grammar:sentences=20000,seed=0", help="sentences are drawn from it")
    parser.add_argument("--tokenizer", default="train:vocab=400")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--size", default="small")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = make_config(
        get_size(arguments.size), vocabulary_size=VOCABULARY, context=CONTEXT, end_of_text=0, dropout=0.1
    )
    model = make_model(ARCHITECTURES["gpt2"], config, seed=1).eval().to(device)
    name = torch.cuda.get_device_name() if device == "cuda" else f"{platform.processor() or platform.machine()}"
    print(f"{name}, {arguments.threads} threads, torch {torch.__version__}, GPT-2 {arguments.size}, fresh weights\n")

    texts = list(read_corpus(arguments.corpus).texts())
    drawn = np.random.default_rng(0).permutation(len(texts))[: arguments.sentences]
    tokens = load_tokenizer(arguments.tokenizer, texts).encode([texts[place] for place in np.sort(drawn)])
    tokens = tokens.take((tokens.lengths() > 1) & (tokens.lengths() <= CONTEXT))
    lists = [row.astype(int).tolist() for row in tokens]
    published, slow = timed(lambda: published_perplexity(model, lists), device)
    ours, quick = timed(lambda: perplexity(Scorer(model), tokens), device)
    print(
        f"| perplexity of {len(tokens):,} sentences, {len(tokens.values):,} tokens "
        "| seconds | times | largest difference |"
    )
    print("| --- | ---: | ---: | ---: |")
    print(f"| published, fp32 | {slow:.1f} | 1 | |")
    print(f"| ours, fp32 | {quick:.1f} | {slow / quick:.1f} | {np.abs(ours / published - 1).max():.1e} |")
    half = make_model(ARCHITECTURES["gpt2"], config, seed=1).eval().to(device, torch.bfloat16)
    in_half, seconds = timed(lambda: perplexity(Scorer(half), tokens), device)
    print(f"| ours, bf16 | {seconds:.1f} | {slow / seconds:.1f} | {np.abs(in_half / published - 1).max():.1e} |\n")

    generator = np.random.default_rng(0)
    base = generator.integers(1, VOCABULARY, (arguments.pairs, LENGTH))
    source = base.copy()
    source[:, 1] = generator.integers(1, VOCABULARY, arguments.pairs)
    markers = np.array([VOCABULARY - 2, VOCABULARY - 1])
    published, slow = timed(lambda: published_interventions(model, base, source, markers), device)
    table, quick = timed(lambda: interchange(Scorer(model), Ragged.of(base), Ragged.of(source), markers), device)
    logits = table.sort_values(["pair", "layer", "position"])[["singular", "plural"]].to_numpy()
    odds, expected = np.exp(logits[:, 1] - logits[:, 0]), (published[..., 1] / published[..., 0]).ravel()
    print(
        f"| interventions, {arguments.pairs} pairs of {LENGTH} tokens | seconds | times | largest difference of odds |"
    )
    print("| --- | ---: | ---: | ---: |")
    print(f"| published, fp32 | {slow:.1f} | 1 | |")
    print(f"| ours, fp32 | {quick:.1f} | {slow / quick:.1f} | {np.abs(odds / expected - 1).max():.1e} |\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    on_device = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory" if device == "cuda" else ""
    print(f"Peak memory of all of it: {peak:.1f} GiB{on_device}.")


if __name__ == "__main__":
    main()
