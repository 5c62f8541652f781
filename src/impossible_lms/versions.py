"""The versions of the software that made something, for its record."""

import json
import platform
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

_NAME = "impossible-lms"


def versions(*packages: str) -> dict[str, str]:
    """The versions of this package, of Python, and of the `packages` named."""
    own = {"impossible-lms": _own_version(), "python": platform.python_version()}
    return own | {package: version(package) for package in packages}


def commit() -> str | None:
    """The commit of this package's code, with `+changes` where it was changed since; None where it is of no repository.

    It is the one pip installed from, or that of the clone the code is run from.
    """
    try:
        origin = json.loads(distribution(_NAME).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:  # run from its sources
        origin = {}
    if installed := origin.get("vcs_info", {}).get("commit_id"):
        return str(installed)
    clone, git = Path(__file__).parents[2], shutil.which("git")
    if git is None or not (clone / ".git").exists():
        return None
    try:
        found, changes = (
            subprocess.run([git, "-C", str(clone), *words], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "src"])
        )
    except subprocess.CalledProcessError:
        return None  # no commit yet, or a repository of another user
    return found + "+changes" * bool(changes)


def _own_version() -> str:
    """As installed; where the package is run from its sources, as they say."""
    try:
        return version(_NAME)
    except PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"
        said = tomllib.loads(project.read_text(encoding="utf-8")) if project.is_file() else {}
        return str(said.get("project", {}).get("version", "unknown"))
