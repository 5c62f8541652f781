"""Publish: a run or datasets as a repository, in a Hugging Face cache, in plain folders, or on the Hub."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from impossible_lms.data.dataset import DATASET, TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST
from impossible_lms.models.run import RECORD, Run
from impossible_lms.progress import Progress
from impossible_lms.publishing.dataset import dataset_publication
from impossible_lms.publishing.local import machine_cache, write_cache, write_folders
from impossible_lms.publishing.model import model_publication
from impossible_lms.publishing.naming import USUAL
from impossible_lms.publishing.revision import Publication, Revision
from impossible_lms.publishing.upload import Change, Hub
from impossible_lms.unfinished import part_folder, remove, remove_of_the_dead

CACHE = "cache"
HUB = "hub:"
SCRATCH = ".publish-"  # in the name of a folder beside the source, of what has to be written to publish it
# What the Hub takes: letters, digits, and - _ . inside.
_NAME = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")


def publication_of(
    folder: Path, name: str | None = None, license_id: str | None = None, revision_format: str | None = None
) -> Publication:
    """What a folder holds to be published: a run, a token dataset, or a folder of datasets, which are one repository.

    `name` is the repository's, in place of `<language>-<architecture>` or the corpus's; `license_id` is for datasets,
    the corpus's licence; `revision_format` is for runs, as `revision_names` takes it. UserError for any other folder.
    """
    wanted = "A run made by `impossible train` or data made by `impossible build` is expected here."
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. {wanted}")
    if (folder / RECORD).is_file():
        if license_id is not None:
            raise UserError(f"--license {license_id}: only for data, not for a run.")
        publication = model_publication(Run.open(folder), revision_format=revision_format or USUAL)
        return publication if name is None else replace(publication, name=name)
    if revision_format is not None:
        raise UserError(f"--revision-format {revision_format}: only for a run, not for data.")
    if (folder / MANIFEST).is_file():
        return dataset_publication([TokenDataset.open(folder)], folder, name, license_id)
    found = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not found:
        raise UserError(f"{folder}: neither a run nor a {DATASET}. {wanted}")
    return dataset_publication([TokenDataset.open(path) for path in found], folder, name, license_id)


def publish(
    what: Run | Publication, to: str | Path, namespace: str, *, cache: Path | None = None, overwrite: bool = False
) -> tuple[str, Path]:
    """Publish on this machine, as `<namespace>/<name>`: of a run one revision a checkpoint, `main` the last.

    Args:
        what: a finished run, or what `publication_of` gives.
        to: `cache` for a Hugging Face cache, after which it loads by its id without a network; anything else is a
            folder, which gets `<namespace>/<name>/<revision>/` below it.
        namespace: the user or organisation in the id.
        cache: the folder of the cache; that of this machine (`HF_HUB_CACHE`) by default.
        overwrite: replace revisions that hold other weights or tables.

    Returns:
        The id and the folder of its repository.

    Raises:
        UserError: the run is not finished, the namespace is none, or a revision exists with other content.
    """
    publication = what if isinstance(what, Publication) else model_publication(what)
    repo_id = _id(publication, namespace, "--namespace ")
    with _written(publication, repo_id) as revisions:
        if to == CACHE:
            repository = (cache or machine_cache()) / f"{publication.kind}s--{repo_id.replace('/', '--')}"
            write_cache(repository, revisions, overwrite)
        else:
            _refuse_mistyped(to)
            repository = Path(to) / repo_id
            write_folders(repository, revisions, overwrite)
    return repo_id, repository


def publish_to_hub(
    what: Run | Publication,
    namespace: str,
    *,
    overwrite: bool = False,
    private: bool = False,
    collection: str | None = None,
    progress: Progress | None = None,
) -> str:
    """Publish on the Hugging Face Hub, or what `HF_ENDPOINT` is; the address of the repository.

    One commit a revision, `main` last; what is there already is not sent again. All else as in `Hub.upload`, and
    `publish`.
    """
    publication = what if isinstance(what, Publication) else model_publication(what)
    repo_id = _id(publication, namespace, f"--to {HUB}")
    hub = Hub(repo_id, publication.kind)
    with _written(publication, repo_id) as revisions:
        return hub.upload(revisions, overwrite=overwrite, private=private, collection=collection, progress=progress)


def planned_on_hub(what: Run | Publication, namespace: str) -> list[Change]:
    """What `publish_to_hub` would do to each revision; nothing is written on the Hub."""
    publication = what if isinstance(what, Publication) else model_publication(what)
    repo_id = _id(publication, namespace, f"--to {HUB}")
    hub = Hub(repo_id, publication.kind)
    with _written(publication, repo_id) as revisions:
        return hub.plan(revisions)


def _refuse_mistyped(to: str | Path) -> None:
    """UserError for what is meant to be a cache or a hub, by its looks; no folder of such a name is made by itself."""
    if not Path(to).exists() and (":" in str(to) or get_close_matches(str(to), [CACHE, HUB], cutoff=0.7)):
        raise UserError(f"--to {to}: neither '{CACHE}', {HUB}NAMESPACE, nor a folder that exists.")


def _id(publication: Publication, namespace: str, flag: str) -> str:
    for said, name in ((f"{flag}{namespace}", namespace), (f"--name {publication.name}", publication.name)):
        if not _NAME.fullmatch(name):
            raise UserError(f"{said}: not a name the Hugging Face Hub takes (letters, digits, - _ . inside).")
    return f"{namespace}/{publication.name}"


@contextlib.contextmanager
def _written(publication: Publication, repo_id: str) -> Iterator[list[Revision]]:
    """The revisions, as long as the block runs; what has to be written for them stands beside the source."""
    source = publication.source.resolve()
    remove_of_the_dead(source, SCRATCH)
    scratch = part_folder(source, SCRATCH)
    try:
        yield publication.revisions(repo_id, scratch)
    finally:
        remove(scratch)
