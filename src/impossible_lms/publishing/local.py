"""Repositories on this machine: a Hugging Face cache, from which things load by their id offline, or plain folders."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import HASH, link_or_copy, sha256_of, write_text
from impossible_lms.locks import WRITTEN, locked
from impossible_lms.publishing.revision import CONTENT, Revision, commit_of
from impossible_lms.unfinished import part_file, part_folder, remove, remove_unfinished_below

LOCK = ".lock"  # in a repository, of who publishes to it
PATIENCE = 60.0  # seconds to wait for another process that publishes to the same repository


def machine_cache() -> Path:
    """The folder of this machine's cache (`HF_HUB_CACHE`)."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def write_cache(repository: Path, revisions: Sequence[Revision], overwrite: bool) -> None:
    """Write the layout of the Hugging Face cache: blobs by content, snapshots of links to them, refs to snapshots.

    What was published here before, whole or not, and is in no revision any more is removed; what was downloaded stays.
    """
    with locked(repository / LOCK, WRITTEN, patience=PATIENCE):
        for revision in revisions:
            ref = repository / "refs" / revision.name
            if ref.is_file() and not overwrite:
                _refuse_other(ref, repository / "snapshots" / _commit_in(ref), revision)
        remove_unfinished_below(repository)
        for revision in revisions:
            for path, source in revision.files.items():
                _put(source, repository / "blobs" / revision.digests[path], revision.digests[path])
            _link(repository, revision)
            write_text(repository / "refs" / revision.name, revision.commit)
        _remove_unnamed(repository)


def write_folders(repository: Path, revisions: Sequence[Revision], overwrite: bool) -> None:
    """Write one complete folder a revision."""
    with locked(repository / LOCK, WRITTEN, patience=PATIENCE):
        for revision in revisions:
            if not overwrite:
                _refuse_other(repository / revision.name, repository / revision.name, revision)
        remove_unfinished_below(repository)
        for revision in revisions:
            for path, source in revision.files.items():
                _put(source, repository / revision.name / path, revision.digests[path])


def _link(repository: Path, revision: Revision) -> None:
    """Make a revision's snapshot, which appears whole; of one that is there, mend the links that lead elsewhere."""
    snapshot = repository / "snapshots" / revision.commit
    snapshot.parent.mkdir(exist_ok=True)
    folder = snapshot if snapshot.is_dir() else part_folder(snapshot)
    try:
        for path in revision.files:
            blob, link = repository / "blobs" / revision.digests[path], folder / path
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink() or link.resolve() != blob.resolve():
                link.unlink(missing_ok=True)
                link.symlink_to(os.path.relpath(blob, link.parent))
        if folder != snapshot:
            folder.chmod(snapshot.parent.stat().st_mode)
            folder.replace(snapshot)
    finally:
        if folder != snapshot:
            remove(folder)


def _remove_unnamed(repository: Path) -> None:
    """Remove snapshots of ours that no ref names, and blobs of ours that no snapshot links to.

    A snapshot of ours is called by what its links lead to, one that was downloaded by a commit of the Hub; blobs of
    ours all have the name of a sha256.
    """
    refs = (path for path in (repository / "refs").rglob("*") if path.is_file())
    named = {ref.read_bytes().decode("ascii", "replace").strip() for ref in refs}
    linked = set()
    for snapshot in sorted((repository / "snapshots").iterdir()):
        links = {path.relative_to(snapshot).as_posix(): path for path in snapshot.rglob("*") if path.is_symlink()}
        leads_to = {name: link.readlink().name for name, link in links.items()}
        if snapshot.name not in named and snapshot.name == commit_of(leads_to):
            gone = part_folder(snapshot)  # at once: half of it is nobody's
            snapshot.replace(gone)
            remove(gone)
        else:
            linked |= set(leads_to.values())
    for blob in sorted((repository / "blobs").iterdir()):
        if HASH.fullmatch(blob.name) and blob.name not in linked:
            blob.unlink()


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
