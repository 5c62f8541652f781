"""The verb of the explorer."""

import contextlib
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer


def explore(
    source: Annotated[
        list[str] | None,
        typer.Argument(
            help="Runs, folders of runs, experiments (file or folder), published models (folder, cache or id on the "
            "Hub); without any, sentences alone."
        ),
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(metavar="FILE.py:NAME", help="A language of your own; may be repeated.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="The tokenizer; by default that of the first run, or `speak`'s.")
    ] = None,
    annotator: Annotated[
        str | None,
        typer.Option(
            "--with", help="spacy[:pipeline or folder] or stanza[:language or folder] finds the verbs and the parse."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="By default the first free one from 7860.")] = None,
    space: Annotated[
        Path | None, typer.Option(help="Write a folder that is a Hugging Face Space of this page, and open nothing.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
) -> None:
    """Open a page to explore languages, models and results. It is served by this machine.

    Ctrl-C ends it.
    """
    from impossible_lms.explorer.given import given
    from impossible_lms.explorer.serve import launch

    found = given(source or (), languages=language or (), tokenizer=tokenizer, annotator=annotator)
    if space is not None:
        from impossible_lms.explorer.space import write_space

        write_space(found, space, language or (), annotator, tokenizer)
        print(space)
        return
    page, url = launch(found, host=host, port=port, browser=browser)
    with contextlib.suppress(KeyboardInterrupt):
        print(url, flush=True)
        print("Ctrl-C ends it.", file=sys.stderr)
        threading.Event().wait()
    page.close(verbose=False)
