"""The verbs of models: train one, list what there is."""

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from impossible_lms.cli.options import Json


class CheckpointDtype(StrEnum):
    """What a checkpoint's weights are stored as."""

    fp32 = "fp32"
    bf16 = "bf16"


def train(
    data: Annotated[Path, typer.Option(help="A folder made by `impossible build`.")],
    output: Annotated[Path, typer.Option(help="The run folder; a run in it that was stopped goes on.")],
    model: Annotated[
        str,
        typer.Option(
            help="A name of `impossible models` (gpt2, gpt2-no-pos, llama ...), or a configuration of transformers: a "
            "folder, a file or a Hub id."
        ),
    ] = "gpt2-no-pos",
    size: Annotated[
        str | None, typer.Option(help="Of a name: small (the published size, the default) or tiny.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="paper, demo, or a TOML file.")] = "paper",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe: steps=100. May be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Weights, data order and dropout.")] = 53,
    micro_batch: Annotated[
        int | None, typer.Option(min=1, help="Sequences computed at a time: memory and speed, not the result.")
    ] = None,
    keep: Annotated[int | None, typer.Option(min=1, help="Checkpoints that stay, the newest; all by default.")] = None,
    dtype: Annotated[CheckpointDtype, typer.Option(help="Of the weights in checkpoints.")] = CheckpointDtype.fp32,
    track: Annotated[
        list[str] | None, typer.Option(help="trackio, wandb or tensorboard, beside metrics.jsonl; may be repeated.")
    ] = None,
    compiled: Annotated[
        bool | None,
        typer.Option("--compile/--no-compile", help="Compile the model's blocks; where it pays by default."),
    ] = None,
    deterministic: Annotated[
        bool,
        typer.Option("--deterministic", help="On a GPU: the same bits each time, and after an interruption; slower."),
    ] = False,
) -> None:
    """Train a model from scratch on a token dataset. Under torchrun, on several devices."""
    from impossible_lms.documents import split_change
    from impossible_lms.progress import Console
    from impossible_lms.training.recipe import load_recipe
    from impossible_lms.training.train import Options
    from impossible_lms.training.train import train as train_model

    run = train_model(
        data,
        output,
        recipe=load_recipe(recipe, dict(split_change("--set", each, "steps=100") for each in changes or ())),
        model=model,
        size=size,
        seed=seed,
        options=Options(micro_batch, keep, dtype.value, tuple(track or ()), compiled, deterministic),
        progress=Console(),
        say=lambda line: print(line, file=sys.stderr),
    )
    if os.environ.get("RANK", "0") == "0":  # of torchrun: the first process speaks
        done = run.finished or {}
        print(f"{output}: {run.name}, {done['steps']:,} steps, loss {done['loss']:.3f}, {done['seconds']:,.0f} s")


def models(as_json: Json = False) -> None:
    """List the named architectures and their sizes. How each represents token order stands beside it."""
    from impossible_lms.models.architectures import ARCHITECTURES, SIZES, parameters_of

    vocabulary, context = 50_257, 1024  # of the published models
    rows: list[dict[str, Any]] = []
    for architecture in ARCHITECTURES.values():
        sizes: dict[str, dict[str, int]] = {}
        rows.append(
            {"name": architecture.name, "is": architecture.summary, "order": architecture.order, "sizes": sizes}
        )
        if not as_json:  # each as soon as it is counted, which takes a second
            print(f"{architecture.name}: {architecture.summary}; {architecture.order}", flush=True)
        for name, size in SIZES.items():
            whole, blocks = parameters_of(architecture, size, vocabulary_size=vocabulary, context=context)
            sizes[name] = {"width": size.width, "parameters": whole, "in_blocks": blocks}
            if not as_json:
                millions = f"{whole / 1e6:.1f} million parameters, {blocks / 1e6:.2f} in its blocks"
                print(f"  {name}: width {size.width}, {millions}", flush=True)
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print(
            f"parameters with {vocabulary:,} ids and blocks of {context:,} tokens; any other model: train --model PATH"
        )
