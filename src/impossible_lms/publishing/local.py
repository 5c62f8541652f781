"""Repositories on this machine: a Hugging Face cache, from which things load by their id offline, or plain folders."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import link_or_copy, sha256_of, write_text
from impossible_lms.publishing.revision import CONTENT, Revision
from impossible_lms.unfinished import part_file, remove, remove_of_the_dead


def machine_cache() -> Path:
    """The folder of this machine's cache (`HF_HUB_CACHE`)."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def write_cache(repository: Path, revisions: Sequence[Revision], overwrite: bool) -> None:
    """Write the layout of the Hugging Face cache: blobs by content, snapshots of links to them, refs to snapshots."""
    for revision in revisions:
        ref = repository / "refs" / revision.name
        if ref.is_file() and not overwrite:
            _refuse_other(ref, repository / "snapshots" / _commit_in(ref), revision)
    for revision in revisions:
        snapshot = repository / "snapshots" / revision.commit
        for path, source in revision.files.items():
            blob = repository / "blobs" / revision.digests[path]
            _put(source, blob, revision.digests[path])
            link = snapshot / path
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink() or link.resolve() != blob.resolve():
                link.unlink(missing_ok=True)
                link.symlink_to(os.path.relpath(blob, link.parent))
        write_text(repository / "refs" / revision.name, revision.commit)


def write_folders(repository: Path, revisions: Sequence[Revision], overwrite: bool) -> None:
    """Write one complete folder a revision."""
    for revision in revisions:
        if not overwrite:
            _refuse_other(repository / revision.name, repository / revision.name, revision)
    for revision in revisions:
        for path, source in revision.files.items():
            _put(source, repository / revision.name / path, revision.digests[path])


def _refuse_other(place: Path, folder: Path, revision: Revision) -> None:
    """UserError where a folder holds other weights or tables than a revision."""
    for path, digest in revision.content.items():
        found = folder / path
        if found.is_file() and _digest(found) != digest:
            raise UserError(
                f"{place}: holds another {path}. Pass --overwrite to replace it, or another --name or --namespace."
            )


def _digest(path: Path) -> str:
    """The sha256 of a file; in a cache the name of the blob that a link leads to says it."""
    return path.resolve().name if path.is_symlink() else sha256_of(path)


def _commit_in(ref: Path) -> str:
    """The commit that a ref of a cache names; UserError where it names none."""
    named = ref.read_bytes().decode("ascii", "replace").strip()
    if not re.fullmatch("[0-9a-f]{40}", named):
        raise UserError(f"{ref}: damaged (no commit's name). Remove it, and publish again.")
    return named


def _put(source: Path, target: Path, digest: str) -> None:
    """Put a file at `target`, whole or not at all, unless it is there; what is damaged there is replaced.

    Weights and tables are linked where the disk allows it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_of_the_dead(target)
    if target.is_file() and sha256_of(target) == digest:
        return
    part = part_file(target)
    part.unlink()  # a link takes a name that is free
    try:
        if source.name.endswith(CONTENT):
            link_or_copy(source, part)
        else:
            shutil.copyfile(source, part)
        part.replace(target)
    finally:
        remove(part)
