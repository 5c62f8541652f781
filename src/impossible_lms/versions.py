"""The versions of the software that made something, for its record."""

import platform
from importlib.metadata import version


def versions(*packages: str) -> dict[str, str]:
    """The versions of this package, of Python, and of the `packages` named."""
    own = {"impossible-lms": version("impossible-lms"), "python": platform.python_version()}
    return own | {package: version(package) for package in packages}
