"""Arguments and options that several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

SPLITS = ("train", "dev", "test")

CorpusSpec = Annotated[
    str,
    typer.Option(
        help="A file or folder of text (one sentence a line; BabyLM's layouts, FOLDER:10M to choose a size), tables "
        "(.jsonl, .csv, .tsv, .parquet), CoNLL-U, *_parsed.json of the published scripts, or bracketed trees; "
        "hub:NAME[:config][:split][:column] for a Hugging Face dataset; or grammar:sentences=N,seed=S."
    ),
]
SentencesFlag = Annotated[
    str | None,
    typer.Option(
        "--sentences",
        metavar="line|split|paragraph",
        help="What a sentence of a text is: a line; a part of a line, divided by rules; or of lines up to a blank one, "
        "joined. English, or split-de, paragraph-fr ...",
    ),
]
BadLines = Annotated[
    str | None,
    typer.Option(
        metavar="stop|skip",
        help="At lines that are no text (too long, not UTF-8, with a NUL): stop, or skip and count.",
    ),
]
Column = Annotated[
    str | None, typer.Option(metavar="NAME", help="The column of sentences in tables; `text`, or the only one of text.")
]
Features = Annotated[
    str | None,
    typer.Option(
        metavar="aligned|shifted",
        help="Of the published tagging script's *_parsed.json: stop where features are seen not to be those of their "
        "words, or take them as they are, shifted.",
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
