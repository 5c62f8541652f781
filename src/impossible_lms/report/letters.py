"""The letters of PDFs: the usual ones of matplotlib's font, put apart once; each PDF embeds the few that it shows.

Embedding them takes several times as long from the whole font, which knows six thousand (`docs/log.md`, 2026-11-29).
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHOLE = "DejaVu Sans"  # which matplotlib brings with it
USUAL = "DejaVu Sans usual letters"
# Latin, Greek, punctuation, arrows, signs of mathematics.
RANGES = ((0x20, 0x180), (0x386, 0x3D0), (0x2010, 0x2045), (0x2190, 0x2194), (0x2200, 0x2266))
UNUSED = ("FFTM", "GDEF", "GPOS", "GSUB")  # tables of a font for what matplotlib does not do
FAMILY_NAMES = (1, 16)  # of a font's table of names


def letters_for(figure: "Figure") -> Mapping[str, Any]:
    """matplotlib's settings with which a figure is written in these letters; none where it has others, too."""
    from matplotlib.text import Text

    shown = {ord(letter) for text in figure.findobj(Text) for letter in text.get_text()} - {ord("\n")}
    is_usual = all(any(first <= code < end for first, end in RANGES) for code in shown)
    return {"font.sans-serif": [_family(), WHOLE]} if is_usual else {}


@cache
def _family() -> str:
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont
    from matplotlib.font_manager import findfont, fontManager

    with TTFont(findfont(WHOLE), lazy=True, recalcTimestamp=False) as font:
        options = Options(name_IDs=["*"], drop_tables=[*Options().drop_tables, *UNUSED])
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=[code for first, end in RANGES for code in range(first, end)])
        subsetter.subset(font)
        for record in font["name"].names:
            if record.nameID in FAMILY_NAMES:
                record.string = USUAL
        path = Path(_kept().name) / "usual.ttf"
        font.save(path)
    fontManager.addfont(path)
    return USUAL


@cache
def _kept() -> TemporaryDirectory[str]:
    """A folder that lasts as long as the process."""
    return TemporaryDirectory(prefix="impossible-lms-letters-")
