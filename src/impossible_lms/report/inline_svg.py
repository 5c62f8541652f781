"""A panel as SVG inside a page: text and axes in the page's ink, languages in colours that the page sets."""

import re
from io import StringIO

from markupsafe import Markup, escape

from impossible_lms.report.figures import STYLE, UNDATED
from impossible_lms.report.picture import LINE, Panel, draw_panel

INK = "#010203"  # drawn with, and replaced by the colour of the text around
PAGE = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
DARK = "#16181d"  # the page's background in the dark
CONTRAST = 4  # of a line with the dark background, at least (WCAG asks for 3)
_TAG = re.compile(r"<[^>]*>")
_COLOUR = re.compile(r"\b(stroke|fill): (#[0-9a-f]{6})")


def inline_svg(panel: Panel, prefix: str, colours: set[str]) -> Markup:
    """The panel as an `<svg>` element; its ids begin with `prefix`, which no other on the page may.

    Of `colours` (as #rrggbb) each is written as the CSS variable that `colour_rules` sets.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(dict(STYLE) | PAGE):
        figure = Figure(layout="constrained")
        lines = draw_panel(panel, figure.subplots())
        figure.set_size_inches(panel.width, panel.height + LINE * lines)
        made = StringIO()
        figure.savefig(made, format="svg", metadata=UNDATED["svg"])
    text = made.getvalue()
    text = text[text.index("<svg") :].strip()
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))

    def on_page(match: re.Match[str]) -> str:
        tag = re.sub(r' id="([^"]*)"', lambda found: f' id="{prefix}{found[1]}"' if found[1] in used else "", match[0])
        tag = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", tag)
        tag = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 sans-serif", tag)
        return _COLOUR.sub(lambda found: f"{found[1]}: {_in_css(found[2], colours)}", tag)

    text = _TAG.sub(on_page, text)
    label = escape(panel.title)
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))  # noqa: S704 - escaped by matplotlib


def variable_of(colour: str) -> str:
    """The CSS variable of a colour (#rrggbb)."""
    return f"--c{colour.lstrip('#').lower()}"


def on_dark(colour: str) -> str:
    """A colour (#rrggbb) as it is on a dark background: itself, or with as much white as gives it contrast."""
    from matplotlib.colors import to_hex, to_rgb

    for part in range(0, 101, 5):
        mixed = tuple(channel + (1 - channel) * part / 100 for channel in to_rgb(colour))
        if (_luminance(mixed) + 0.05) / (_luminance(to_rgb(DARK)) + 0.05) >= CONTRAST:
            break
    return str(to_hex(mixed))


def _in_css(colour: str, colours: set[str]) -> str:
    if colour == INK:
        return "currentColor"
    return f"var({variable_of(colour)})" if colour in colours else colour


def _luminance(colour: tuple[float, ...]) -> float:
    """As WCAG defines it, from red, green and blue in 0 to 1."""
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in colour]
    return float(sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
