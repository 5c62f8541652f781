"""Training: from a token dataset to a run folder; checks what is asked for, and begins a run or goes on with it."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.files import refuse_other
from impossible_lms.locks import locked
from impossible_lms.models.architectures import described_model, make_model
from impossible_lms.models.run import LOCK, RECORD, Run
from impossible_lms.progress import Progress, usual
from impossible_lms.training.devices import Devices
from impossible_lms.training.finished import software
from impossible_lms.training.fixed_order import fixed_order
from impossible_lms.training.loop import Training
from impossible_lms.training.metrics import refuse_missing
from impossible_lms.training.recipe import Recipe, changed_recipe
from impossible_lms.training.words import words_apart

# Why a run does not become one of more steps.
OF_STEPS = (
    "The learning rate falls to zero at the last step, so a run of more steps is another run from its first step on."
)


@dataclass(frozen=True)
class Options:
    """Options that change a run's speed, size and messages, and none of its results.

    Attributes:
        micro_batch: sequences computed at a time on a device.
        keep: how many checkpoints stay, the newest; all where None.
        dtype: of the weights in checkpoints, `fp32` or `bf16`; training states are float32 always.
        track: trackers beside `metrics.jsonl`: `trackio`, `wandb`, `tensorboard`.
        compiled: whether to compile the model's blocks; where it pays if None.
        deterministic: whether a GPU is held to kernels that add up in a fixed order; a processor's always do.
    """

    micro_batch: int | None = None
    keep: int | None = None
    dtype: str = "fp32"
    track: tuple[str, ...] = ()
    compiled: bool | None = None
    deterministic: bool = False


def train(
    data: str | Path | TokenDataset,
    output: str | Path,
    *,
    recipe: Recipe | str | Path = "paper",
    model: str = "gpt2-no-pos",
    size: str | None = None,
    seed: int = 53,
    options: Options | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
    **changes: Any,
) -> Run:
    """Train a model from fresh weights on the dataset at `data`, and write checkpoints to the run folder `output`.

    Data order and dropout are functions of `seed` and step, so a run that was stopped goes on as if it had not been;
    a finished one is left as it is. Under torchrun every process trains its share of each step.

    Args:
        data: a token dataset, or its folder.
        output: the run folder; one that was stopped goes on.
        recipe: the hyperparameters: a Recipe, or what `load_recipe` takes the name of, whose `context` is then that of
            the dataset.
        model: `gpt2`, `gpt2-no-pos`, or a configuration of transformers (a folder, a file, or a Hub id).
        size: of the first two, `small` where None.
        seed: of weights, data order and dropout.
        options: speed, size and messages.
        progress: is told of every step.
        say: takes what a user should know, a line each.
        changes: fields of the recipe: `steps=100`.

    Raises:
        UserError: the dataset does not fit the recipe, `output` belongs to another run or is in use, the disk has no
            room, the processes do not divide a step, or the loss is no longer finite.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the step was finished and saved.
        OSError: the disk is full, or cannot be written; the last checkpoint is whole.
    """
    output, options = Path(output), options or Options()
    if options.keep is not None and options.keep < 1:
        raise UserError(f"--keep {options.keep}: at least one checkpoint must stay.")
    refuse_missing(options.track)
    dataset = data if isinstance(data, TokenDataset) else TokenDataset.open(data)
    data, recipe = dataset.folder, changed_recipe(recipe, changes, dataset.context)
    if dataset.context != recipe.context:
        raise UserError(
            f"{data}: blocks of {dataset.context} tokens, but the recipe's context is {recipe.context}. "
            f"Build the data with --context {recipe.context}."
        )
    if not len(dataset):
        raise UserError(f"{data}: has no training blocks; it was built without training text, to measure on alone.")
    architecture, config, described = described_model(
        model,
        size,
        vocabulary_size=dataset.vocabulary_size,
        context=dataset.context,
        end_of_text=dataset.tokenizer.end_of_text,
        dropout=recipe.dropout,
    )
    request = {"dataset": dataset.identity, **described, "recipe": recipe.model_dump(), "seed": seed}
    devices = Devices.start(options.track, str(output / "tracking"))
    devices.share_of(recipe.sequences_per_step)
    if not devices.is_first:
        progress, say = None, lambda line: None
    with ExitStack() as held:
        held.enter_context(fixed_order(options.deterministic))
        record, finished = devices.decided_by_first(lambda: _begin(held, dataset, output, request))
        run = Run(output, record)
        if not finished:
            network = make_model(architecture, config, seed)
            training = Training(
                run=run,
                dataset=dataset,
                recipe=recipe.counted(dataset.words_of_block) if words_apart(recipe.checkpoint_every) else recipe,
                seed=seed,
                micro_batch=options.micro_batch,
                keep=options.keep,
                dtype=options.dtype,
                track=options.track,
                compiled=options.compiled,
                deterministic=options.deterministic,
                devices=devices,
                progress=progress or usual(),
                say=say,
            )
            try:
                training.train(network)
            except Interrupted:
                devices.end()
                raise
        devices.end()
    return run


def _is_longer(run: Run, request: dict[str, Any]) -> bool:
    """Whether another number of steps is asked for than that of a run."""
    return bool(run.record["request"]["recipe"].get("steps") != request["recipe"]["steps"])


def _begin(
    held: ExitStack, dataset: TokenDataset, output: Path, request: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Lock the run folder, and begin or open the run: its record, and whether it is finished."""
    others = [path for path in output.iterdir() if path.name != LOCK] if output.is_dir() else []
    if others and not (output / RECORD).is_file():
        raise UserError(f"{output}: exists and is not a run (no {RECORD}). Choose another output folder.")
    held.enter_context(locked(output / LOCK, "in use"))
    if (output / RECORD).is_file():
        run = Run.open(output)
        refuse_other(output, run.record["request"], request, OF_STEPS if _is_longer(run, request) else "")
        if run.finished is not None:
            return run.record, True
        dataset.verify()
    else:
        dataset.verify()
        run = Run.begin(output, dataset.folder, request, {"versions": software()})
    return run.record, False
