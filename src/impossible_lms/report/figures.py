"""What all figures share: how a language is drawn, and how a figure is written."""

from pathlib import Path
from typing import TYPE_CHECKING

from impossible_lms.errors import UserError
from impossible_lms.files import written_beside
from impossible_lms.languages import get_language
from impossible_lms.languages.language import OWN, Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def style_of(language: str) -> Style:
    """How a language is drawn: all that are not part of this package alike, for their code may not be here."""
    try:
        return get_language(language).style
    except UserError:
        return OWN


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure in the format of the path's ending (png, pdf, svg)."""
    with written_beside(path) as part:
        figure.savefig(part, format=path.suffix.removeprefix("."), dpi=150)
    return path
