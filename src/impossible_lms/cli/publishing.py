"""The verbs of publishing: `impossible publish`, `impossible card` and `impossible hub serve`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from impossible_lms.cli.options import RunFolder
from impossible_lms.errors import UserError


def publish(
    what: Annotated[
        Path, typer.Argument(metavar="RUN|DATA", help="A folder made by `impossible train` or `impossible build`.")
    ],
    to: Annotated[
        str,
        typer.Option(help="'cache' for this machine's Hugging Face cache, hub:NAMESPACE for the Hub, or a folder."),
    ],
    namespace: Annotated[
        str | None, typer.Option(help="The user or organisation in the id, for a cache or folder ('local').")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace revisions that hold something else.")] = False,
    private: Annotated[bool, typer.Option(help="Make a private repository (hub:).")] = False,
    collection: Annotated[str | None, typer.Option(help="The title of a collection to put it in (hub:).")] = None,
    dry_run: Annotated[
        bool, typer.Option(help="Print what would happen to each revision, and change nothing (hub:).")
    ] = False,
    revision_format: Annotated[
        str | None,
        typer.Option(
            help="Of a run: what revisions are called, with {step} or, of a recipe that counts words, {words}: "
            "step{step}, chck_{words}. checkpoint-{step} by default.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="The repository's name, in place of <language>-<architecture> or that of the corpus."),
    ] = None,
    license_id: Annotated[
        str | None, typer.Option("--license", help="Of data: the corpus's licence, as the Hub writes it (cc-by-4.0).")
    ] = None,
) -> None:
    """Publish a run or data. One revision per checkpoint, main the last; one configuration per language."""
    from impossible_lms.progress import Console
    from impossible_lms.publishing import repository

    publication = repository.publication_of(what, name, license_id, revision_format)
    if not to.startswith(repository.HUB):
        for flag, asked in (("--private", private), ("--collection", collection), ("--dry-run", dry_run)):
            if asked:
                raise UserError(f"{flag}: only with --to {repository.HUB}NAMESPACE.")
        published, place = repository.publish(publication, to, namespace or "local", overwrite=overwrite)
        print(f"{published}: {place}")
        return
    if namespace is not None:
        raise UserError(f"--namespace {namespace}: --to {to} names it already.")
    owner = to.removeprefix(repository.HUB)
    if dry_run:
        for change in repository.planned_on_hub(publication, owner):
            print(change)
        return
    address = repository.publish_to_hub(
        publication, owner, overwrite=overwrite, private=private, collection=collection, progress=Console()
    )
    print(address)


def card(
    run: RunFolder,
    namespace: Annotated[str, typer.Option(help="The user or organisation in the model's id.")] = "local",
) -> None:
    """Print the model card of a run, as it would be published."""
    from impossible_lms.models.run import Run
    from impossible_lms.publishing.card import model_card

    opened = Run.open(run)
    print(model_card(opened, f"{namespace}/{opened.name}"), end="")


def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that holds the hub; made if there is none.")
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 takes any that is free.")
    ] = 8321,
) -> None:
    """Serve a hub from DIR to this machine until Ctrl-C: Hugging Face tools use it through HF_ENDPOINT."""
    from impossible_lms.publishing.hub_server import hub_server

    with hub_server(folder, port, log=lambda line: print(line, file=sys.stderr)) as server:
        print(
            f"{folder} at HF_ENDPOINT={server.address} (uploads: also HF_HUB_DISABLE_XET=1). Ctrl-C ends it.",
            flush=True,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(f"{folder}: no longer served", file=sys.stderr)
