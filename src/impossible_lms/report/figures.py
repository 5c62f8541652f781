"""What all figures share: how a language is drawn, in which order things stand, and how a figure is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from impossible_lms.errors import UserError
from impossible_lms.files import written_beside
from impossible_lms.languages import LANGUAGES, get_language
from impossible_lms.languages.language import OWN, Language, Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POSITIONS = {"gpt2": "with positions", "gpt2-no-pos": "without positions"}
OWN_FAMILY = "own"  # of languages that are not part of this package
OTHERS = tuple(  # after Okabe & Ito, whose colours can be told apart by the colour-blind
    Style(colour, dash, sign)
    for colour, dash, sign in (
        ("#0072b2", "-", "P"),
        ("#d55e00", "--", "X"),
        ("#009e73", "-.", "*"),
        ("#cc79a7", ":", "p"),
        ("#56b4e9", "-", "h"),
        ("#e69f00", "--", "8"),
        ("#7f7f7f", "-.", "d"),
    )
)
# Text stays text, in PDF as TrueType; a dollar sign in a name is no formula.
STYLE: Mapping[str, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "grid.alpha": 0.18,
    "grid.linewidth": 0.6,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "impossible-lms",
    "pdf.fonttype": 42,
}
UNDATED: Mapping[str, Mapping[str, None]] = {  # the same figure is the same file
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None},
}


def style_of(language: str) -> Style:
    """How a language is drawn; one that does not say, or whose code may not be here, by its name."""
    found = _known(language)
    if found is not None and found.style != OWN:
        return found.style
    return OTHERS[crc32(language.encode()) % len(OTHERS)]


def family_of(language: str) -> str:
    """The name of a language's family."""
    found = _known(language)
    return found.family.name if found is not None and found.family.name in _families() else OWN_FAMILY


def language_order(language: str) -> tuple[int, int, str]:
    """Sorts languages by family, and within it as they are listed, which is as in the paper."""
    names = list(LANGUAGES)
    return (
        _families().index(family_of(language)),
        names.index(language) if language in names else len(names),
        language,
    )


def family_order(family: str) -> int:
    """Sorts families in the order of the languages' list."""
    return _families().index(family)


def architecture_order(architecture: str) -> tuple[int, str]:
    """Sorts architectures: the published ones, then by name."""
    known = list(POSITIONS)
    return (known.index(architecture) if architecture in known else len(known), architecture)


def positions_of(architecture: str) -> str:
    """What tells an architecture from the others, for titles."""
    return POSITIONS.get(architecture, architecture)


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure in the format of the path's ending (png, pdf, svg)."""
    from matplotlib import rc_context

    ending = path.suffix.removeprefix(".")
    with rc_context(dict(STYLE)), written_beside(path) as part:
        figure.savefig(part, format=ending, dpi=150, metadata=UNDATED.get(ending))
    return path


def _known(language: str) -> Language | None:
    if ".py:" in language:  # the name of a file with code: a figure runs none
        return None
    try:
        return get_language(language)
    except UserError:
        return None


def _families() -> list[str]:
    return [*dict.fromkeys(language.family.name for language in LANGUAGES.values()), OWN_FAMILY]
