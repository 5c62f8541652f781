"""The letters of PDFs look as those of the whole font, and a letter beyond them is still one."""

import re
import zlib

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font

from impossible_lms.report.figures import save_figure
from impossible_lms.report.letters import RANGES, WHOLE, letters_for


def fonts(path) -> list[bytes]:
    """The fonts that a PDF embeds, as they are."""
    found = re.findall(rb"/FontFile2 (\d+) 0 R", path.read_bytes())
    streams = []
    for number in found:
        of_object = rb"\n" + number + rb" 0 obj.*?stream\r?\n(.*?)\r?\nendstream"
        streams += [zlib.decompress(each) for each in re.findall(of_object, path.read_bytes(), re.DOTALL)[:1]]
    return streams


def test_letters_are_those_of_the_whole_font():
    names = (WHOLE, letters_for(Figure())["font.sans-serif"][0])
    whole, usual = (
        FT2Font(findfont(name)) for name in names
    )  # of their own: matplotlib's have the size that was drawn
    codes = [code for first, end in RANGES for code in range(first, end) if code in whole.get_charmap()]
    assert len(codes) > 500 and set(codes) <= set(usual.get_charmap()) and len(usual.get_charmap()) < 1200
    for code in codes:
        one, other = ((font.load_char(code).linearHoriAdvance, font.get_path()[0]) for font in (whole, usual))
        # matplotlib before 3.11 hints five raised letters otherwise in each, by up to 1.02 units of a path.
        assert one[0] == other[0] and np.allclose(one[1], other[1], rtol=0, atol=1.1), chr(code)


@pytest.mark.parametrize("text", ["shuffle", "Ա is Armenian"])
def test_a_pdf_embeds_the_font_that_it_shows(tmp_path, text):
    figure = Figure()
    figure.text(0.5, 0.5, text)
    path = save_figure(figure, tmp_path / "figure.pdf")
    assert bool(letters_for(figure)) == text.isascii()
    assert b"DejaVuSans" in path.read_bytes() and fonts(path)
    assert sum(map(len, fonts(path))) < 60_000  # of 750,000


def test_only_pdfs_are_written_in_them(tmp_path):
    figure = Figure()
    figure.text(0.5, 0.5, "shuffle")
    save_figure(figure, tmp_path / "figure.svg")
    assert "usual letters" not in (tmp_path / "figure.svg").read_text()
    with rc_context(dict(letters_for(figure))):
        assert findfont(FontProperties()) != findfont(WHOLE)
    assert findfont(FontProperties()) == findfont(WHOLE)
