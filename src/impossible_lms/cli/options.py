"""Arguments and options that several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

CorpusSpec = Annotated[
    str,
    typer.Option(
        help="A text file or folder (one sentence a line; BabyLM's layout), CoNLL-U, Parquet, bracketed trees, "
        "hub:NAME[:config][:split][:column] for a Hugging Face dataset, or grammar:sentences=N,seed=S."
    ),
]
TokenizerSpec = Annotated[
    str, typer.Option(help="A folder with vocab.json and merges.txt or tokenizer.json, train:vocab=N, or a Hub id.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RunFolder = Annotated[Path, typer.Argument(help="A folder made by `impossible train`.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the file: recipe.steps=100. May be repeated."),
]
