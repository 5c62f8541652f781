"""Places on a machine in what a report says: the last of their names alone; the rest means nothing to a reader."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# An absolute path that stands where a word may begin: two names or more.
_PATH = re.compile(r"""(?<![^\s"'(\[{<=:,;])(?:[A-Za-z]:\\|~?/)(?:[^\s"'()<>,;:/\\]+[/\\])+[^\s"'()<>,;:/\\]*""")


class Placeless:
    """Texts without the machine's own places; `folders` are some that are known, and may have blanks in their names."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        known = {folder.absolute() for folder in folders} | {folder.resolve() for folder in folders}
        parents = {parent for folder in known for parent in folder.parents} | {Path.cwd(), Path.home()}
        names = sorted((re.escape(str(each)) for each in parents if len(each.parts) > 2), key=len, reverse=True)
        self._known = re.compile(rf"(?<![\w.~/-])(?:{'|'.join(names)})/") if names else None

    def __call__(self, text: str) -> str:
        """The text with the last name of each absolute path in its place."""
        text = self._known.sub("", text) if self._known else text
        return _PATH.sub(lambda match: re.split(r"[/\\]", match[0].rstrip("/\\"))[-1], text)

    def all_in(self, value: Any) -> Any:
        """The same of every text in nested mappings and lists; what is no text stays."""
        if isinstance(value, str | Path):
            return self(str(value))
        if isinstance(value, Mapping):
            return {key: self.all_in(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.all_in(inner) for inner in value]
        return value
