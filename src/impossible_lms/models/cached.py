"""Models in a cache of the Hub: folders `models--OWNER--NAME` with revisions, read without the Hub."""

from pathlib import Path

from impossible_lms.errors import UserError

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
    names = [path.name for path in sorted((folder / "refs").iterdir()) if path.is_file()]
    return [name for name in names if (_snapshot(folder, name) / "config.json").is_file()]


def cached_folder(folder: Path, revision: str) -> Path:
    """The folder with the files of a revision of a cached model; UserError where it is not in the cache."""
    if not (folder / "refs" / revision).is_file():
        there = ", ".join(cached_revisions(folder)) or "none"
        raise UserError(f"{folder}: no revision {revision} in this cache. There: {there}.")
    return _snapshot(folder, revision)


def own_cache() -> Path:
    """The cache that the Hub's libraries use: HF_HUB_CACHE, or its usual place."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _snapshot(folder: Path, revision: str) -> Path:
    return folder / "snapshots" / (folder / "refs" / revision).read_text(encoding="utf-8").strip()
