"""HTML of tables and of sentences in them; everything in them is escaped here, like all else in `html`."""

from collections.abc import Sequence
from html import escape
from math import exp
from urllib.parse import urlencode

from impossible_lms.explorer.heard_html import LEAST, bars
from impossible_lms.explorer.html import attributes, csv_link, note
from impossible_lms.explorer.reading import Reading, Sentence
from impossible_lms.explorer.results import Carrier, Contrast, Page, Side
from impossible_lms.report.examples import Pieces, Token
from impossible_lms.report.numbers import number
from impossible_lms.report.tables import Table

SIGNS = str.maketrans({"🅁": "R", "🅂": "S", "🄿": "P"})  # few fonts have these


def table(given: Table, picks: Sequence[Contrast] = (), chosen: Contrast | None = None) -> str:
    """A table; with `picks`, one a row, a button in each that chooses it."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*([""] if picks else []), *given.columns))
    rows = []
    for place, row in enumerate(given.rows):
        cells = "".join(f'<td title="{escape(cell.whole)}">{escape(cell.text)}</td>' for cell in row)
        if picks:
            cells = f"<td>{_pick(picks[place], is_chosen=picks[place] == chosen)}</td>{cells}"
            asked = attributes({"ask": urlencode({"contrast": picks[place].key})})
            here = " class=here" if picks[place] == chosen else ""
            rows.append(f"<tr {asked}{here}>{cells}</tr>")
        else:
            rows.append(f"<tr>{cells}</tr>")
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return (
        f'<div class="scrolls" tabindex="0" role="region" aria-label="{escape(given.caption)}">'
        f"<table><caption>{escape(given.caption)}</caption>{body}</table></div>"
    )


def _pick(one: Contrast, *, is_chosen: bool) -> str:
    said = f"Sentences that carry {one.language} less {one.less}, {one.architecture}"
    state = f'aria-pressed="{str(is_chosen).lower()}" aria-label="{escape(said)}"'
    return f'<button type="button" class="pick" {state}>sentences</button>'


def results(page: Page) -> str:
    """The tables of results, and what carries the contrast that is chosen."""
    parts = [note(page.mixed)] if page.mixed else []
    parts += [table(page.values), csv_link(page.values_csv, "values")]
    if page.contrasts is not None:
        parts += ["<h3>Each language less its control</h3>", table(page.contrasts, page.rows, page.chosen)]
        parts += [csv_link(page.contrasts_csv, "contrasts")]
    if page.chosen is not None:
        one = page.chosen
        title = f"What carries {one.language} less {one.less}, {one.architecture}"
        parts += [f'<h3 id="carriers" tabindex="-1">{escape(title)}</h3>', note(page.note)]
        parts += [_carrier(each, page) for each in page.carriers]
    return f'<div class="view">{"".join(parts)}</div>'


def _carrier(each: Carrier, page: Page) -> str:
    most = max(LEAST, *(bit for side in each.sides for bit in side.bits), LEAST)
    sign = "+" if each.difference >= 0 else "−"
    undone = f' <q class="undone">{escape(each.undone.translate(SIGNS))}</q>' if each.undone else ""
    differs = f"difference {sign}{number(abs(each.difference))}"
    if page.is_ratio:
        differs = f"{number(exp(each.difference))} times the {page.metric}"
    by = f'<span class="does">{escape(differs)}</span>'
    head = f'<p class="head"><b>{escape(each.name)}</b> {by}{undone}</p>'
    return f'<div class="heard">{head}{"".join(_side(side, most, page) for side in each.sides)}</div>'


def _side(side: Side, most: float, page: Page) -> str:
    total = f"; {number(sum(side.bits))} bits in all" if side.bits else ""
    value = exp(side.value) if page.is_ratio else side.value
    name = f'<p class="does">{escape(side.model)}: {escape(page.metric)} {number(value)}{total}</p>'
    if not side.bits:
        return name + (f"<p>{escape(side.text.translate(SIGNS))}</p>" if side.text else "")
    tokens = [Token(text.strip(" ").translate(SIGNS), led, None, None, marker) for text, led, marker in side.tokens]
    return name + bars(side.model, tokens, side.bits, most, plain=True)


def sentences(reading: Reading) -> str:
    """Sampled sentences, each beside what it was made from and what the judge paid."""
    share = f"{reading.well_formed} of {reading.of} are sentences of the language."
    head = f"{reading.model} after {reading.step:,} steps. {share} {reading.note}"
    columns = [
        ("in the language", [_pieces(each.pieces) for each in reading.sentences]),
        ("in English, or as its control has it", [escape(each.undone.translate(SIGNS)) for each in reading.sentences]),
        ("bits a token to the judge", [_paid(each) for each in reading.sentences]),
        ("well-formed", ["yes" if each.well_formed else "no" for each in reading.sentences]),
    ]
    told = [(name, cells) for name, cells in columns if any(cells)]  # nobody may judge, and nothing be undone
    names = "".join(f'<th scope="col">{name}</th>' for name, _ in told)
    lines = zip(*(cells for _, cells in told), strict=True)
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
    table = f'<table class="read"><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>'
    shown = (
        f'<div class="scrolls" tabindex="0" role="region" aria-label="Sentences">{table}</div>'
        if rows
        else note("None of these.")
    )
    return f'<div class="view">{note(head)}{shown}</div>'


def _paid(each: Sentence) -> str:
    return "" if each.bits_a_token is None else f"{each.bits_a_token:.2f}"


def _pieces(pieces: Pieces) -> str:
    return "".join(f'<b class="mark">{escape(text)}</b>' if is_marker else escape(text) for text, is_marker in pieces)
