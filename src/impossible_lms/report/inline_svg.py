"""Panels as SVG inside a page: text and axes in the page's ink, colours that the page sets; and their key."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape

from impossible_lms.evaluation.registry import METRICS
from impossible_lms.report.figures import STYLE, UNDATED, language_order
from impossible_lms.report.metric_figures import THEIRS
from impossible_lms.report.picture import BESIDE, Panel, Picture, draw_row

if TYPE_CHECKING:
    from matplotlib.artist import Artist

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
_TAG = re.compile(r"<[^>]*>")
_COLOUR = re.compile(r"\b(stroke|fill): (#[0-9a-f]{6})")
_LONG = re.compile(r"(\d\.\d\d)\d+")  # numbers to hundredths of a point
WIDE = 1.8  # a line of a key; its dashes are so many times as long as matplotlib says
_ID = re.compile(r' id="([^"]*)"')


@dataclass(frozen=True)
class InlinePanel:
    """A panel on a page: its title, its size in inches, and the drawing."""

    title: str
    is_wide: bool
    width: float
    svg: Markup


@dataclass(frozen=True)
class InlinePicture:
    """A picture on a page: its caption, its statements, its panels in rows, and what its lines are, with one drawn."""

    caption: str
    statements: Sequence[str]
    rows: Sequence[Sequence[InlinePanel]]
    key: Sequence[tuple[str, Markup]]


def inline_picture(picture: Picture, numbers: Iterator[int], colours: set[str]) -> InlinePicture:
    """The panels as `<svg>` elements, whose ids begin with a number of `numbers`, which no other on the page may.

    Of `colours` (as #rrggbb) each is written as the CSS variable that the page sets. Rows of one
    panel each are made one.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = [[panel for panel in row if panel is not None] for row in picture.rows]
    if rows and all(len(row) == 1 and not row[0].is_wide for row in rows):
        rows = [[panel for row in rows for panel in row]]
    labelled: dict[str, Artist] = {}
    drawn = []
    with rc_context(dict(STYLE) | PAGE):
        for row in rows:
            figures = [Figure(figsize=(panel.width, panel.height)) for panel in row]
            for found in draw_row(row, [figure.subplots() for figure in figures], shares=picture.shares):
                labelled |= found
            drawn.append([_panel(*pair, f"f{next(numbers)}-", colours) for pair in zip(row, figures, strict=True)])
        names = sorted(labelled, key=lambda label: (label.startswith(_no_languages()), language_order(label)))
        key = [(name, _swatch(labelled[name], colours)) for name in names]
    return InlinePicture(picture.caption, picture.statements, drawn, key)


@cache
def _no_languages() -> tuple[str, ...]:
    """How the entries of a key begin that are no language's: they stand last."""
    return (THEIRS, *(beside.name for metric in METRICS.values() for beside in metric.beside.values()))


def variable_of(colour: str) -> str:
    """The CSS variable of a colour (#rrggbb)."""
    return f"--c{colour.lstrip('#').lower()}"


def _panel(panel: Panel, figure: Any, prefix: str, colours: set[str]) -> InlinePanel:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    width, height = panel.width, panel.height
    figure.subplots_adjust(
        left=panel.left / width, right=1 - BESIDE / width, bottom=panel.bottom / height, top=1 - BESIDE / height
    )
    made = StringIO()
    FigureCanvasSVG(figure).print_svg(made, metadata=UNDATED["svg"])  # savefig would draw it twice, to lay it out
    text = made.getvalue()
    text = text[text.index("<svg") :].strip()
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))

    def on_page(match: re.Match[str]) -> str:
        tag = _ID.sub(lambda found: f' id="{prefix}{found[1]}"' if found[1] in used else "", match[0])
        tag = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", tag)
        tag = _LONG.sub(r"\1", tag)
        tag = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 sans-serif", tag)
        return _COLOUR.sub(lambda found: f"{found[1]}: {_in_css(found[2], colours)}", tag)

    text = _TAG.sub(on_page, text)
    label = escape(panel.alt or panel.title)
    svg = text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return InlinePanel(panel.title, panel.is_wide, width, Markup(svg))  # noqa: S704 - escaped by matplotlib


def _swatch(artist: "Artist", colours: set[str]) -> Markup:
    """A piece of a line as it is drawn, or a field in its colour."""
    from matplotlib.colors import to_hex
    from matplotlib.lines import Line2D

    if not isinstance(artist, Line2D):
        colour = _in_css(to_hex(artist.get_facecolor()), colours)  # type: ignore[attr-defined]
        return Markup(
            '<svg viewBox="0 0 34 14" aria-hidden="true">'
            '<rect width="34" height="14" fill="{}" fill-opacity=".4"/></svg>'
        ).format(colour)
    colour = _in_css(to_hex(artist.get_color()), colours)
    style, sign = str(artist.get_linestyle()), artist.get_marker()
    line = "" if style in ("None", "none", "", " ") else _line(colour, artist)
    is_hollow = str(artist.get_markerfacecolor()) == "none"
    path = "" if sign in (None, "None", "none", "", " ") else _path(sign)
    mark = f'<path d="{path}" fill="{"none" if is_hollow else colour}" stroke="{colour}"/>' if path else ""
    return Markup(f'<svg viewBox="0 0 34 14" aria-hidden="true">{line}{mark}</svg>')  # noqa: S704 - colours and numbers


def _line(colour: str, artist: Any) -> str:
    dashes = " ".join(f"{WIDE * length:.3g}" for length in artist._unscaled_dash_pattern[1] or ())
    broken = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="M0 7H34" fill="none" stroke="{colour}" stroke-width="{WIDE}"{broken}/>'


@cache
def _path(sign: str) -> str:
    """The outline of a point sign, 9 high, in the middle of 34 by 14."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(sign)
    shapes = style.get_path().transformed(style.get_transform()).to_polygons(closed_only=False)
    said = []
    for shape in shapes:
        points = [f"{17 + 9 * x:.1f} {7 - 9 * y:.1f}" for x, y in np.asarray(shape, dtype=float)]
        said.append(f"M{'L'.join(points)}{'Z' if style.is_filled() else ''}")
    return "".join(said)


def _in_css(colour: str, colours: set[str]) -> str:
    if colour == INK:
        return "currentColor"
    return f"var({variable_of(colour)})" if colour in colours else colour
