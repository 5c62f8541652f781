"""Training: the loop, from a token dataset to a run folder with checkpoints, readable top to bottom."""

import json
import math
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.files import locked, refuse_other, to_json, write_text
from impossible_lms.models.architectures import get_architecture, get_size, make_config, make_model
from impossible_lms.models.checkpoints import save_checkpoint
from impossible_lms.models.run import FINISHED, METRICS, RECORD, Run
from impossible_lms.progress import Progress, Quiet
from impossible_lms.training.order import blocks_of_step, dropout_seed
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.state import load_state, save_state
from impossible_lms.versions import versions

if TYPE_CHECKING:
    import torch

# Computed at a time unless asked otherwise; on a processor small ones stay in its cache (measured: +10 %).
TOKENS_IN_MICRO_BATCH = {"cuda": 8192, "cpu": 2048}


def train(
    data: str | Path,
    output: str | Path,
    *,
    recipe: Recipe,
    model: str = "gpt2-no-pos",
    size: str = "small",
    seed: int = 53,
    micro_batch: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train a model from fresh weights on the dataset at `data`, and write checkpoints to the run folder `output`.

    Data order and dropout are functions of `seed` and step, so a run that was stopped goes on as if it had not been;
    a finished one is left as it is. `micro_batch` sequences are computed at a time: it changes memory and speed, and
    with dropout the masks, but neither the data nor the tokens of a step.

    Raises:
        UserError: the dataset does not fit the recipe, `output` belongs to another run or is in use, or the loss is
            no longer finite.
        Interrupted: Ctrl-C or SIGTERM; the step was finished and saved.
    """
    output, progress = Path(output), progress or Quiet()
    architecture, shape, dataset = get_architecture(model), get_size(size), TokenDataset.open(data)
    if dataset.context != recipe.context:
        raise UserError(
            f"{data}: blocks of {dataset.context} tokens, but the recipe's context is {recipe.context}. "
            f"Build the data with --context {recipe.context}."
        )
    request = {
        "dataset": dataset.identity,
        "model": architecture.name,
        "size": size,
        "recipe": recipe.model_dump(),
        "seed": seed,
    }
    if output.is_dir() and any(path.name != ".lock" for path in output.iterdir()) and not (output / RECORD).is_file():
        raise UserError(f"{output}: exists and is not a run. Choose another output folder.")
    with locked(output / ".lock", "in use"):
        if (output / RECORD).is_file():
            run = Run.open(output)
            refuse_other(output, run.record["request"], request)
            if run.finished is not None:
                return run
        dataset.verify()
        if not (output / RECORD).is_file():
            run = Run.begin(output, dataset.folder, request, {"versions": _versions()})
        config = make_config(
            shape,
            vocabulary_size=dataset.vocabulary_size,
            context=dataset.context,
            end_of_text=dataset.tokenizer.end_of_text,
            dropout=recipe.dropout,
        )
        network = make_model(architecture, config, seed)
        _loop(run, dataset, network, recipe, seed, micro_batch, progress)
    return run


def _loop(
    run: Run,
    dataset: TokenDataset,
    network: Any,
    recipe: Recipe,
    seed: int,
    micro_batch: int | None,
    progress: Progress,
) -> None:
    import torch
    from accelerate import Accelerator

    # Precision is ours: an Accelerator's is fixed for the life of the process, and a process may train several models.
    accelerator = Accelerator(mixed_precision="no")
    precision = torch.autocast(accelerator.device.type, torch.bfloat16, enabled=recipe.precision == "bf16")
    network.to(accelerator.device)
    optimizer = _optimizer(network, recipe)
    states = run.folder / "state"
    progressed = load_state(states, network, optimizer)
    model = accelerator.prepare_model(network).train()
    tokens_at_a_time = TOKENS_IN_MICRO_BATCH.get(accelerator.device.type, TOKENS_IN_MICRO_BATCH["cpu"])
    micro = min(micro_batch or max(1, tokens_at_a_time // recipe.context), recipe.sequences_per_step)
    predicted = recipe.sequences_per_step * (recipe.context - 1)
    progress.start(f"{run.name}, seed {seed}", recipe.steps)
    with _metrics(run.folder / METRICS, progressed.step) as metrics, _stop_signals() as stopping:
        try:
            for step in range(progressed.step, recipe.steps):
                began = time.perf_counter()
                chosen = blocks_of_step(seed, step, recipe.sequences_per_step, len(dataset))
                loss = torch.zeros((), dtype=torch.float64, device=accelerator.device)
                for first in range(0, recipe.sequences_per_step, micro):
                    ids = torch.from_numpy(dataset.blocks(chosen[first : first + micro])).to(accelerator.device)
                    torch.manual_seed(dropout_seed(seed, step, first))
                    with precision:
                        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
                    summed = torch.nn.functional.cross_entropy(
                        logits.reshape(-1, logits.shape[-1]).float(), ids[:, 1:].reshape(-1), reduction="sum"
                    )
                    accelerator.backward(summed / predicted)
                    loss += summed.detach().double() / predicted
                norm = torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_clip)
                _refuse_non_finite(run, step + 1, float(loss), float(norm))
                for group in optimizer.param_groups:
                    group["lr"] = recipe.learning_rate_at(step)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                spent = time.perf_counter() - began
                progressed = replace(progressed, step=step + 1, seconds=progressed.seconds + spent)
                speed = recipe.sequences_per_step * recipe.context / spent
                metrics(
                    step=step + 1,
                    loss=float(loss),
                    learning_rate=recipe.learning_rate_at(step),
                    gradient_norm=float(norm),
                    tokens_per_second=round(speed, 1),
                )
                progress.at(step + 1, f"loss {float(loss):.3f}  {speed:,.0f} tokens/s")
                if recipe.has_checkpoint(step + 1):
                    folder = run.folder / "checkpoints" / f"checkpoint-{step + 1}"
                    save_checkpoint(network, dataset.tokenizer, folder, step + 1)
                if recipe.has_checkpoint(step + 1) or stopping:
                    save_state(states, progressed, network, optimizer)
                if stopping and step + 1 < recipe.steps:
                    raise Interrupted(f"{run.folder}: stopped after step {step + 1}. The same command continues.")
        finally:
            progress.end()
    finished = {
        "steps": progressed.step,
        "seconds": round(progressed.seconds, 3),
        "loss": run.metrics()[-1]["loss"],
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "hardware": _hardware(accelerator.device),
        "versions": _versions(),
    }
    write_text(run.folder / FINISHED, to_json(finished))


def _optimizer(network: "torch.nn.Module", recipe: Recipe) -> "torch.optim.Optimizer":
    """AdamW with weight decay on matrices and embeddings, none on biases and layer norms."""
    import torch

    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon, fused=True
    )


@contextmanager
def _metrics(path: Path, step: int) -> Iterator[Any]:
    """A function that appends one line of metrics; lines of steps that will be done again are taken off first."""
    kept: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n") if path.is_file() else ():
        if len(kept) < step and line:
            kept.append(line)
    write_text(path, "".join(f"{line}\n" for line in kept))
    with path.open("a", encoding="utf-8") as file:

        def write(**values: float) -> None:
            file.write(json.dumps(values) + "\n")
            file.flush()

        yield write


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that is no longer empty once Ctrl-C or SIGTERM came; the second Ctrl-C stops at once."""
    received: list[int] = []

    def remember(number: int, frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    # Only the main thread may handle signals; elsewhere whoever started the thread does.
    handled = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, remember) for number in handled}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse_non_finite(run: Run, step: int, loss: float, norm: float) -> None:
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise UserError(
            f"{run.folder}: step {step} has loss {loss} and gradient norm {norm}. The checkpoints before it are good; "
            "lower the recipe's learning_rate, or set precision to fp32."
        )


def _hardware(device: "torch.device") -> dict[str, Any]:
    import torch

    if device.type == "cuda":
        return {"device": torch.cuda.get_device_name(device), "threads": torch.get_num_threads()}
    return {"device": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}


def _versions() -> dict[str, str]:
    return versions("accelerate", "numpy", "torch", "transformers")
