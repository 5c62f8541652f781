"""Repositories: the revisions of a run as a Hugging Face cache, or as plain folders."""

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, link_or_copy, sha256_of, write_text
from impossible_lms.models.run import Run
from impossible_lms.publishing.card import model_card

CACHE = "cache"
WEIGHTS = "model.safetensors"
# What the Hub takes: letters, digits, and - _ . inside.
_NAMESPACE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Revision:
    """One state of a repository: its files by name, and their sha256."""

    name: str
    files: dict[str, Path]
    digests: dict[str, str]

    @property
    def commit(self) -> str:
        """40 hexadecimal digits that name the content, as a git commit does."""
        return hashlib.sha1(digest_of(self.digests).encode(), usedforsecurity=False).hexdigest()


def publish(
    run: Run, to: str | Path, namespace: str, *, cache: Path | None = None, overwrite: bool = False
) -> tuple[str, Path]:
    """Publish a finished run as `<namespace>/<language>-<architecture>`: one revision a checkpoint, `main` the last.

    Args:
        run: what to publish.
        to: `cache` for a Hugging Face cache, after which the model loads by its id without a network; anything else is
            a folder, which gets `<namespace>/<name>/<revision>/` below it.
        namespace: the user or organisation in the id.
        cache: the folder of the cache; that of this machine (`HF_HUB_CACHE`) by default.
        overwrite: replace revisions that hold other weights.

    Returns:
        The id of the model and the folder of its repository.

    Raises:
        UserError: the run is not finished, the namespace is none, or a revision exists with other weights.
    """
    if not _NAMESPACE.fullmatch(namespace) or "--" in namespace or ".." in namespace:
        raise UserError(
            f"--namespace {namespace}: not a name the Hugging Face Hub takes (letters, digits, - _ . inside)."
        )
    model_id = f"{namespace}/{run.name}"
    card = model_card(run, model_id)
    with tempfile.TemporaryDirectory() as scratch:
        readme = Path(scratch) / "README.md"
        write_text(readme, card)
        revisions = _revisions(run, readme)
        if to == CACHE:
            repository = (cache or _machine_cache()) / f"models--{namespace}--{run.name}"
            _to_cache(repository, revisions, overwrite)
        else:
            repository = Path(to) / namespace / run.name
            _to_folders(repository, revisions, overwrite)
    return model_id, repository


def _machine_cache() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _revisions(run: Run, readme: Path) -> list[Revision]:
    """The revisions in the order they are to appear, `main` at the end."""
    revisions = []
    for checkpoint in run.checkpoints():
        files = {path.name: path for path in checkpoint.files()} | {readme.name: readme}
        digests = checkpoint.digests() | {readme.name: sha256_of(readme)}
        revisions.append(Revision(checkpoint.revision, files, digests))
    last = revisions[-1]
    return [*revisions, Revision("main", last.files, last.digests)]


def _to_cache(repository: Path, revisions: list[Revision], overwrite: bool) -> None:
    """Write the layout of the Hugging Face cache: blobs by content, snapshots of links to them, refs to snapshots."""
    for revision in revisions:
        _refuse_other_weights(
            repository / "refs" / revision.name, _cached_weights(repository, revision), revision, overwrite
        )
    for revision in revisions:
        snapshot = repository / "snapshots" / revision.commit
        for name, source in revision.files.items():
            blob = repository / "blobs" / revision.digests[name]
            _put(source, blob)
            link = snapshot / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(blob, link.parent))
        write_text(repository / "refs" / revision.name, revision.commit)


def _cached_weights(repository: Path, revision: Revision) -> str | None:
    ref = repository / "refs" / revision.name
    if not ref.is_file():
        return None
    weights = repository / "snapshots" / ref.read_text(encoding="utf-8").strip() / WEIGHTS
    return weights.resolve().name if weights.exists() else None


def _to_folders(repository: Path, revisions: list[Revision], overwrite: bool) -> None:
    """Write one complete folder a revision."""
    for revision in revisions:
        weights = repository / revision.name / WEIGHTS
        _refuse_other_weights(
            repository / revision.name, sha256_of(weights) if weights.is_file() else None, revision, overwrite
        )
    for revision in revisions:
        for name, source in revision.files.items():
            target = repository / revision.name / name
            if not target.is_file() or sha256_of(target) != revision.digests[name]:
                target.unlink(missing_ok=True)
                _put(source, target)


def _refuse_other_weights(place: Path, found: str | None, revision: Revision, overwrite: bool) -> None:
    if found is not None and found != revision.digests[WEIGHTS] and not overwrite:
        raise UserError(f"{place}: holds other weights. Pass --overwrite to replace them, or another --namespace.")


def _put(source: Path, target: Path) -> None:
    """Put a file at `target`, whole or not at all; weights are linked where the disk allows it."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part-{os.getpid()}")
    part.unlink(missing_ok=True)
    try:
        if source.suffix == ".safetensors":
            link_or_copy(source, part)
        else:
            shutil.copyfile(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
