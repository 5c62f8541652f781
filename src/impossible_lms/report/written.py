"""Written: a report that stands on the disk, and how a notebook links to it."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from impossible_lms.shown import Shown


@dataclass(frozen=True, repr=False)
class Written(Shown):
    """A report: its `page`, for which it stands as a path, and the files of its figures and tables."""

    page: Path
    figures: tuple[Path, ...]

    def __fspath__(self) -> str:
        return str(self.page)

    def title(self) -> str:
        return str(self.page)

    def facts(self) -> dict[str, object]:
        return {"figures and tables": len(self.figures)}

    def _repr_html_(self) -> str:
        return f'<a href="{escape(quote(str(self.page)))}" target="_blank">{escape(str(self.page))}</a>'
