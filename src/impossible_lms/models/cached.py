"""Models in a cache of the Hub: folders `models--OWNER--NAME` with revisions, read without the Hub."""

import hashlib
import re
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import sha256_of
from impossible_lms.models.series import is_commit

_MODEL = "models--"


def id_of_cached(folder: Path) -> str | None:
    """The id of the model whose folder in a cache this is; None for any other folder."""
    name = folder.resolve().name
    is_cached = name.startswith(_MODEL) and (folder / "refs").is_dir()
    return name.removeprefix(_MODEL).replace("--", "/", 1) if is_cached else None


def cached_models(cache: Path) -> list[Path]:
    """The folders of the models in a cache, or the one folder that is such itself; none where it is no cache."""
    homes = [cache] if cache.name.startswith(_MODEL) else sorted(cache.glob(f"{_MODEL}*"))
    return [home for home in homes if id_of_cached(home) is not None]


def cached_revisions(folder: Path) -> list[str]:
    """The revisions of a cached model whose configuration is there."""
    return [name for name in _names(folder) if (_snapshot(folder, name) / "config.json").is_file()]


def cached_folder(folder: Path, revision: str) -> Path:
    """The folder with the files of a revision of a cached model, or of a commit; UserError where the cache has none."""
    if is_commit(revision) and (folder / "snapshots" / revision).is_dir():
        return folder / "snapshots" / revision
    if revision not in _names(folder):
        there = ", ".join(cached_revisions(folder)) or "none"
        raise UserError(f"{folder}: no revision {revision} in this cache. There: {there}.")
    return _snapshot(folder, revision)


def verify_cached(folder: Path) -> None:
    """Compare every file of a cached model with the hash that it is named by; UserError for one that is damaged."""
    for path in sorted((folder / "blobs").glob("*")):
        if re.fullmatch("[0-9a-f]{64}", path.name):
            found = sha256_of(path)
        elif re.fullmatch("[0-9a-f]{40}", path.name):  # as git names a file
            content = path.read_bytes()
            found = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        else:
            continue
        if found != path.name:
            raise UserError(f"{path}: damaged: its content is not what it is named by. Remove it and fetch it again.")


def own_cache() -> Path:
    """The cache that the Hub's libraries use: HF_HUB_CACHE, or its usual place."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _names(folder: Path) -> list[str]:
    """The revisions that a cached model has a commit of."""
    home = folder / "refs"
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


def _snapshot(folder: Path, revision: str) -> Path:
    """The folder of a revision's commit; UserError where what should say it holds anything else."""
    path = folder / "refs" / revision
    commit = path.read_text(encoding="utf-8", errors="replace").strip()
    if not is_commit(commit):
        raise UserError(f"{path}: holds no commit (40 hexadecimal digits). Remove it and fetch the model again.")
    return folder / "snapshots" / commit
