"""What all figures share: how a language is drawn, in which order things stand, and how a figure is written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from impossible_lms.errors import UserError
from impossible_lms.files import written_beside
from impossible_lms.languages import LANGUAGES, get_language
from impossible_lms.languages.language import OWN, Language, Style
from impossible_lms.models.architectures import ARCHITECTURES
from impossible_lms.models.model_name import OF, is_known
from impossible_lms.report.letters import letters_for
from impossible_lms.report.own import drawn, place_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

POSITIONS = {"gpt2": "with positions", "gpt2-no-pos": "without positions"}
OWN_FAMILY = "own"  # of languages that are not part of this package
_PLACES = {name: place for place, name in enumerate(LANGUAGES)}
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
    if own := drawn(language):
        return own.style
    found = _known(language)
    if found is not None and found.style != OWN:
        return found.style
    return OTHERS[crc32(language.encode()) % len(OTHERS)]


def styles_of(pairs: Sequence[tuple[str, str]]) -> list[Style]:
    """How models are drawn, by their languages and those of their test sets: by what tells them from each other."""
    is_one_test_set = len({data for _, data in pairs}) == 1
    return [style_of(language if is_one_test_set else data) for language, data in pairs]


def are_by_others(table: "pd.DataFrame") -> bool:
    """Whether all models of a table were made by others, whose names say no language."""
    return not any(is_known(language) or language == data for language, data in pairs_of(table))


def family_of(language: str) -> str:
    """The name of a language's family; an own language is of its control's, or of one that its control names."""
    own = drawn(language)
    found = _known(own.beside if own else language)
    if found is not None and (found.family.name in _families() or not found.version):
        return found.family.name
    return f"{OWN_FAMILY}: {own.beside}" if own else OWN_FAMILY


def language_order(language: str) -> tuple[int, str, int, bool, str]:
    """Sorts languages by family, and within it as they are listed, which is as in the paper; own ones after them.

    A control stands before what is compared with it.
    """
    own = drawn(language)
    place = _PLACES.get(language, len(_PLACES))
    return (*family_order(family_of(language)), place, own is None or own.beside != language, language)


def pairs_of(table: "pd.DataFrame") -> list[tuple[str, str]]:
    """The languages of a table's models, each with that of its test set, in the order of all figures."""
    found = set(zip(table["language"], table["data"], strict=True))
    return sorted(found, key=lambda pair: (language_order(pair[0]), pair[1]))


def family_order(family: str) -> tuple[int, str]:
    """Sorts families in the order of the languages' list, others after them by name."""
    known = _families()
    return (known.index(family) if family in known else len(known), family)


def architecture_order(architecture: str) -> tuple[int, str, tuple[int, ...], str]:
    """Sorts architectures: the published ones, then by name, and those of one experiment beside those of another."""
    name, _, of = architecture.partition(OF)
    known = list(POSITIONS)
    return (known.index(name) if name in known else len(known), name, tuple(map(place_of, of.split(OF))), of)


def positions_of(architecture: str) -> str:
    """What tells an architecture from the others, for titles: how it knows in which order tokens stand."""
    name, _, of = architecture.partition(OF)
    if name in ARCHITECTURES and name not in POSITIONS:
        name = f"{name}, {re.split(r':| [(]', ARCHITECTURES[name].order)[0]}"
    return f"{POSITIONS.get(name, name)}{f', {of}' if of else ''}"


def in_words(architecture: str) -> str:
    """The same in a sentence: with positions, in llama."""
    name, _, of = architecture.partition(OF)
    return f"{POSITIONS.get(name, f'in {name}')}{f', {of}' if of else ''}"


def orders_of(architectures: Iterable[str]) -> list[tuple[str, str]]:
    """How each of the architectures knows in which order tokens stand, where there are others than the paper's."""
    names = sorted({each.partition(OF)[0] for each in architectures} & set(ARCHITECTURES), key=architecture_order)
    if not set(names) - set(POSITIONS):
        return []
    return [(name, ARCHITECTURES[name].order) for name in names]


def is_own(language: str) -> bool:
    """Whether a language has no look that this package, or the one that it comes with, gives it."""
    found = _known(language)
    return found is None or found.style == OWN


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure in the format of the path's ending (png, pdf, svg)."""
    return save_figures(figure, [path])[0]


def save_figures(figure: "Figure", paths: Sequence[Path]) -> list[Path]:
    """Write a figure in several formats, by the endings of the paths."""
    from matplotlib import rc_context

    for path in paths:
        ending = path.suffix.removeprefix(".")
        letters = letters_for(figure) if ending == "pdf" else {}
        with rc_context({**STYLE, **letters}), written_beside(path) as part:
            figure.savefig(part, format=ending, dpi=200, metadata=UNDATED.get(ending))
    return list(paths)


@cache
def _known(language: str) -> Language | None:
    if ".py:" in language:  # the name of a file with code: a figure runs none
        return None
    try:
        return get_language(language)
    except UserError:
        return None


@cache
def _families() -> list[str]:
    return list(dict.fromkeys(language.family.name for language in LANGUAGES.values()))
