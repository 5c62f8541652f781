"""What a run will cost: a model's size, and the speed of training it on this machine, measured for a moment."""

import time
from dataclasses import dataclass

import numpy as np

from impossible_lms.models.architectures import described_model, make_model
from impossible_lms.training.devices import Devices
from impossible_lms.training.memory import sequences_at_a_time
from impossible_lms.training.order import dropout_keys
from impossible_lms.training.recipe import Recipe

MICRO_BATCHES = 6  # of which the fastest counts: the first ones set things up
SECONDS = 10.0  # after which no other is begun


@dataclass(frozen=True)
class Cost:
    """A model's `parameters`, and the speed of its training in tokens a second on one device, not compiled."""

    parameters: int
    tokens_per_second: float


def measured_cost(model: str, size: str | None, recipe: Recipe, vocabulary: int) -> Cost:
    """Train a fresh model for a few micro-batches of random tokens.

    Args:
        model: as `train` takes it.
        size: of a GPT-2.
        recipe: the hyperparameters.
        vocabulary: how many ids there are.
    """
    import torch

    from impossible_lms.training.fast.network import Network

    device = Devices.start((), "").device
    architecture, config, _ = described_model(
        model, size, vocabulary_size=vocabulary, context=recipe.context, end_of_text=0, dropout=recipe.dropout
    )
    fresh = make_model(architecture, config, seed=0)
    rows = sequences_at_a_time(fresh, recipe, device, recipe.sequences_per_step)
    network = Network(fresh, recipe, device, sequences=rows, operations=0.0, compiled=False, say=lambda line: None)
    ids = torch.randint(vocabulary, (rows, recipe.context), device=device)
    keys = torch.from_numpy(np.ascontiguousarray(dropout_keys(0, 0, rows, network.sites))).to(device)
    network.begin_step(0)
    spent: list[float] = []
    while len(spent) < MICRO_BATCHES and sum(spent) < SECONDS:
        began = time.perf_counter()
        losses = network.micro_batch(ids, keys)
        float(losses.sum())  # waits for a GPU
        spent.append(time.perf_counter() - began)
    return Cost(network.parameters, rows * recipe.context / min(spent))
