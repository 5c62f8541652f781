"""HTML of tables and of sentences in them; everything in them is escaped here, like all else in `html`."""

from collections.abc import Sequence
from html import escape
from math import exp
from urllib.parse import urlencode

from impossible_lms.explorer.html import SIGNS, attributes, csv_link, note, summary
from impossible_lms.explorer.listen_html import LEAST, bars
from impossible_lms.explorer.reading import Reading, Sentence
from impossible_lms.explorer.results import Carrier, Contrast, Page, Side
from impossible_lms.report.examples import Pieces, Token
from impossible_lms.report.numbers import number, ratio_told
from impossible_lms.report.tables import Cell, Table
from impossible_lms.report.told import at_steps


def table(name: str, given: Table, picks: Sequence[Contrast] = (), chosen: Contrast | None = None) -> str:
    """A table, whose `name` no other on the page has; with `picks`, one a row, a button in each that chooses it."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*(["items"] if picks else []), *given.columns))
    first = bool(picks)  # what a row is about: the language, or after the metric the two that are compared
    rows = []
    for place, row in enumerate(given.rows):
        cells = "".join(_cell(cell, is_head=number == first) for number, cell in enumerate(row))
        if picks:
            cells = f"<td>{_pick(picks[place], is_chosen=picks[place] == chosen)}</td>{cells}"
            asked = attributes({"ask": urlencode({"contrast": picks[place].key})})
            here = " class=here" if picks[place] == chosen else ""
            rows.append(f"<tr {asked}{here}>{cells}</tr>")
        else:
            rows.append(f"<tr>{cells}</tr>")
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    named = f'aria-labelledby="of-{name}"'  # above what scrolls, where it has room
    return (
        f'<p class="note" id="of-{name}">{escape(given.caption)}</p>'
        f'<div class="scrolls" tabindex="0" role="region" {named}><table {named}>{body}</table></div>'
    )


def _cell(cell: Cell, *, is_head: bool) -> str:
    title = f' title="{escape(cell.whole)}"' if cell.whole not in ("", cell.text) else ""
    if is_head:
        return f'<th scope="row"{title}>{escape(cell.text)}</th>'
    text = cell.text.replace("< ", "<\u00a0")  # as in p < 0.001, which stays in one line
    return f'<td{title} dir="auto">{escape(text)}</td>'


def _pick(one: Contrast, *, is_chosen: bool) -> str:
    name = f"Show the items of {one.language} less {one.less}, {one.architecture}"
    state = f'aria-pressed="{str(is_chosen).lower()}" aria-label="{escape(name)}"'
    return f'<button type="button" class="pick" {state}>show</button>'


def results(page: Page) -> str:
    """The tables of results, and the items that carry the contrast that is chosen."""
    parts = [note(page.mixed)] if page.mixed else []
    parts += [f'<h2 class="summary">{escape(page.metric)} of each model</h2>']
    parts += [table("values", page.values), csv_link(page.values_csv, "values")]
    if page.contrasts is not None:
        parts += ["<h2>Contrasts</h2>", table("contrasts", page.contrasts, page.rows, page.chosen)]
        parts += [csv_link(page.contrasts_csv, "contrasts")]
    if page.chosen is not None:
        one = page.chosen
        title = f"What differs most: {one.language} less {one.less}, {one.architecture}"
        parts += [f'<h2 id="carriers" tabindex="-1">{escape(title)}</h2>', note(page.note)]
        parts += [_carrier(each, page) for each in page.carriers]
    return f'<div class="view">{"".join(parts)}</div>'


def _carrier(each: Carrier, page: Page) -> str:
    most = max(LEAST, *(bit for side in each.sides for bit in side.bits), LEAST)
    sign = "+" if each.difference >= 0 else "−"
    undone = f' <q class="undone">{escape(each.undone.translate(SIGNS))}</q>' if each.undone else ""
    differs = f"difference {sign}{number(abs(each.difference))}"
    if page.is_ratio:
        differs = f"{page.metric} {ratio_told(exp(each.difference))[0]}"
    by = f'<span class="does">{escape(differs)}</span>'
    head = f'<div class="head"><h3>{escape(each.name)}</h3> {by}{undone}</div>'
    return f'<div class="scored">{head}{"".join(_side(side, most, page) for side in each.sides)}</div>'


def _side(side: Side, most: float, page: Page) -> str:
    total = f"; {number(sum(side.bits))} bits in all" if side.bits else ""
    value = exp(side.value) if page.is_ratio else side.value
    name = f'<p class="does">{escape(side.model)}: {escape(page.metric)} {number(value)}{total}</p>'
    if not side.bits:
        return name + (f"<p>{escape(side.text.translate(SIGNS))}</p>" if side.text else "")
    tokens = [Token(text.strip(" ").translate(SIGNS), led, None, None, marker) for text, led, marker in side.tokens]
    return name + bars(side.model, tokens, side.bits, most, plain=True)


def sentences(reading: Reading) -> str:
    """Sampled sentences, each beside what it was made from and its bits a token under the judge."""
    share = f"{reading.well_formed} of {reading.of} are well-formed sentences of the language."
    head = f"{reading.model}{at_steps([reading.step])}. {share} {reading.note}"
    columns = [
        ("in the language", [_pieces(each.pieces) for each in reading.sentences]),
        ("in English, or as in its control", [escape(each.undone.translate(SIGNS)) for each in reading.sentences]),
        ("bits a token under the judge", [_bits(each) for each in reading.sentences]),
        ("well-formed", ["yes" if each.well_formed else "no" for each in reading.sentences]),
    ]
    filled = [(name, cells) for name, cells in columns if any(cells)]  # there may be no judge, and nothing undone
    names = "".join(f'<th scope="col">{name}</th>' for name, _ in filled)
    cells = [[f'<td data-of="{name}" dir="auto">{cell}</td>' for cell in cells] for name, cells in filled]
    rows = "".join(f"<tr>{''.join(line)}</tr>" for line in zip(*cells, strict=True))
    caption = f'<caption class="unseen">Sentences of {escape(reading.model)}</caption>'
    table = f'<table class="read">{caption}<thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="view">{summary(head)}{table if rows else note("None of these.")}</div>'


def _bits(each: Sentence) -> str:
    return "" if each.bits_a_token is None else f"{each.bits_a_token:.2f}"


def _pieces(pieces: Pieces) -> str:
    return "".join(f'<b class="mark">{escape(text)}</b>' if is_marker else escape(text) for text, is_marker in pieces)
