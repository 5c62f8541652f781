"""HTML of the explorer, made in one place: everything that was typed, read or named by others is escaped here."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from unicodedata import bidirectional

from impossible_lms.explorer.address import IDS, WORDS, Chosen
from impossible_lms.explorer.speaking import Page, Row
from impossible_lms.languages import LANGUAGES
from impossible_lms.report.colours import DARK, LIGHT, on_paper
from impossible_lms.report.examples import SHADES, Token

SWATCH = "#7a7a7a"  # of languages that are not of this package
SIGNS = str.maketrans({"🅁": "R", "🅂": "S", "🄿": "P"})  # few fonts have these


def fault(message: str) -> str:
    """One line about what is wrong."""
    return f'<p class="fault" role="alert">{escape(" ".join(message.split()))}</p>'


def note(message: str) -> str:
    """One line beside the rest."""
    return f'<p class="note">{escape(message)}</p>'


def summary(message: str) -> str:
    """One line at the head of an answer, which the page's script reads out."""
    return f'<p class="note summary">{escape(message)}</p>'


def spoken(page: Page, chosen: Chosen) -> str:
    """The rows of a sentence in many languages, family by family."""
    count = sum(not row.why for row in page.rows)
    parts = [summary(f"The sentence in {count} {'language' if count == 1 else 'languages'}. {page.verbs}")]
    families: dict[str, list[Row]] = {}
    for row in page.rows:
        families.setdefault(row.family, []).append(row)
    for number, (family, rows) in enumerate(families.items()):
        lines = "".join(_row(row, with_ids=chosen.by == IDS) for row in rows)
        title = f'<h2 id="family-{number}">{escape(family)}</h2>'
        parts.append(f'<section aria-labelledby="family-{number}">{title}{lines}</section>')
    kind = "words" if chosen.by == WORDS else "tokens"
    return f'<div class="rows {kind}">{"".join(parts)}</div>'


def _row(row: Row, *, with_ids: bool) -> str:
    line = f'<p class="why">{escape(row.why.translate(SIGNS))}</p>'
    copy = ""
    if not row.why:
        line = toolbar(row.language, row.tokens, row.ids if with_ids else ())
        text = row.text if not with_ids else " ".join(map(str, row.ids))
        copy = (
            f'<button type="button" class="copy" data-copy="{escape(text)}" '
            f'aria-label="Copy the sentence in {escape(row.language)}">copy</button>'
        )
    control = ' <em class="control">control</em>' if row.is_control else ""
    name = f'<h3 class="name">{_swatch(row.language)}<b>{escape(row.language)}</b>{control}</h3>'
    does = f'<span class="does">{escape(row.summary.translate(SIGNS))}</span>'
    return f'<div class="language"><div class="head">{name}{copy}{does}</div>{line}</div>'


def direction_of(tokens: Iterable[Token]) -> str:
    """How a row of tokens is read, rtl or ltr: by its first letter, markers aside, which may stand anywhere."""
    for token in tokens:
        for letter in "" if token.is_marker else token.text:
            if (kind := bidirectional(letter)) in ("R", "AL", "L"):
                return "ltr" if kind == "L" else "rtl"
    return "ltr"


def toolbar(label: str, tokens: Sequence[Token], ids: Sequence[int] = ()) -> str:
    """Tokens as buttons; the page's script labels each with where it came from, and lets Tab and arrows reach them."""
    unders = [f"<small>{each}</small>" for each in ids] or [""] * len(tokens)
    buttons = "".join(button(token, inside=under) for token, under in zip(tokens, unders, strict=True))
    return f'<div class="line" dir="{direction_of(tokens)}" role="toolbar" aria-label="{escape(label)}">{buttons}</div>'


def button(token: Token, *, before: str = "", inside: str = "", attributes: str = "", kind: str = "") -> str:
    """One token: its text, and its shade and place, or what `kind` of token it is."""
    shown = token.text.replace(" ", "\u2423").replace("\n", "\u21b5").replace("\t", "\u21e5") or "\u2423"
    if not kind:
        kind = "marker" if token.is_marker else "new" if token.place is None else f"s{token.shade}"
    words = f"t {kind} led" if token.after_blank else f"t {kind}"
    place = "" if token.place is None else f" data-place={token.place}"
    return f'<button class="{words}"{place}{attributes}>{before}{escape(shown, quote=False)}{inside}</button>'


def _swatch(name: str) -> str:
    return f'<i class="swatch" style="{colours(name)}"></i>'


@cache
def colours(name: str) -> str:
    """The colour of a language on light and dark paper, as two variables of CSS."""
    colour = LANGUAGES[name].style.colour if name in LANGUAGES else SWATCH
    return f"--on-light:{on_paper(colour, LIGHT)};--on-dark:{on_paper(colour, DARK)}"


def csv_link(csv: str, name: str) -> str:
    """A link that saves a table; it holds the table itself, so that nothing need be written or fetched."""
    data = base64.b64encode(csv.encode()).decode()
    return f'<a class="csv" download="{escape(name)}.csv" href="data:text/csv;base64,{data}">Save as CSV</a>'


def shades() -> str:
    """The CSS of the shades behind tokens."""
    light = "".join(f".s{number}{{background:{one}}}" for number, (one, _) in enumerate(SHADES))
    return light + "".join(f".dark .s{number}{{background:{two}}}" for number, (_, two) in enumerate(SHADES))


def attributes(values: Mapping[str, object]) -> str:
    """Attributes `data-...` of an element."""
    return " ".join(f'data-{name}="{escape(str(value))}"' for name, value in values.items())
