"""What a run will cost: a model's size, and the speed of training it on this machine, measured for a moment."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from impossible_lms.models.architectures import described_model, make_model
from impossible_lms.training.devices import Devices
from impossible_lms.training.memory import sequences_at_a_time
from impossible_lms.training.operations import operations_of_run, operations_per_token
from impossible_lms.training.order import dropout_keys
from impossible_lms.training.recipe import Recipe

MICRO_BATCHES = 8  # timed at most
SECONDS = 8.0  # after which no other is begun


@dataclass(frozen=True)
class Cost:
    """What training a model takes on one device, in the recipe's precision and compiled where a run would be.

    Attributes:
        parameters: how many numbers are trained.
        tokens_per_second: of whole steps, with the optimizer's part.
        seconds_before: what a run takes beside its steps: compiling, and the first steps without.
        held_out_tokens_per_second: of losses on the dev split.
        compiled: whether a run would be compiled.
    """

    parameters: int
    tokens_per_second: float
    seconds_before: float = 0.0
    held_out_tokens_per_second: float = float("inf")
    compiled: bool = False


def measured_cost(
    model: str, size: str | None, recipe: Recipe, vocabulary: int, say: Callable[[str], None] = lambda line: None
) -> Cost:
    """Train a fresh model for a few micro-batches of random tokens.

    Args:
        model: as `train` takes it.
        size: of a GPT-2.
        recipe: the hyperparameters.
        vocabulary: how many ids there are.
        say: is told what is being measured.
    """
    import torch

    from impossible_lms.training.fast import compiling
    from impossible_lms.training.fast.network import Network

    device = Devices.start((), "").device
    architecture, config, _ = described_model(
        model, size, vocabulary_size=vocabulary, context=recipe.context, end_of_text=0, dropout=recipe.dropout
    )
    fresh = make_model(architecture, config, seed=0)
    rows = sequences_at_a_time(fresh, recipe, device, recipe.sequences_per_step)
    operations = operations_of_run(operations_per_token(fresh, recipe.context), recipe)
    network = Network(fresh, recipe, device, sequences=rows, operations=operations, compiled=None, say=say)
    ids = torch.randint(vocabulary, (rows, recipe.context), device=device)
    keys = torch.from_numpy(np.ascontiguousarray(dropout_keys(0, 0, rows, network.sites))).to(device)

    def micro_batch() -> float:
        began = time.perf_counter()
        float(network.micro_batch(ids, keys).sum())  # waits for a GPU
        return time.perf_counter() - began

    def of_step(step: int) -> float:
        """Seconds of what a step takes once, whatever the number of its micro-batches."""
        began = time.perf_counter()
        network.begin_step(step)
        network.update(0.0, float(network.gradient_norm()))
        return time.perf_counter() - began

    say(f"measuring: training {architecture.name}")
    eager_steps = compiling.STEPS_BEFORE_COMPILING.get(device.type, 0)
    network.begin_step(0)
    micro_batch()
    eager = micro_batch()
    before = 0.0
    began = time.perf_counter()
    network.held_out_losses(ids)
    held_out = time.perf_counter() - began
    if network.compiled:
        say(f"measuring: compiling {architecture.name}")
        network.begin_step(eager_steps)
        before = micro_batch()
    spent = [micro_batch()]
    while len(spent) < MICRO_BATCHES and sum(spent) < SECONDS:
        spent.append(micro_batch())
    usual, once = median(spent), min(of_step(eager_steps) for _ in range(2))
    micro_batches = -(-recipe.sequences_per_step // rows)
    if network.compiled:
        before += min(eager_steps, recipe.steps) * micro_batches * max(0.0, eager - usual)
    tokens = recipe.sequences_per_step * recipe.context
    return Cost(
        network.parameters,
        tokens / (micro_batches * usual + once),
        before,
        rows * recipe.context / held_out,
        network.compiled,
    )
