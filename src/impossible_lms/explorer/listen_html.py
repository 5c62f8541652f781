"""HTML of what a sentence costs models: bars over tokens, sums, and what they expect next."""

from collections.abc import Sequence
from html import escape
from unicodedata import normalize

from impossible_lms.explorer.html import attributes, button, direction_of
from impossible_lms.explorer.listening import END, Candidate, Comparison, Cost
from impossible_lms.report.examples import Token
from impossible_lms.report.numbers import number
from impossible_lms.report.told import at_steps

HIGHEST = 56  # pixels of a bar
LEAST = 8.0  # bits of the highest bar, at least
ACTUAL = '<span aria-hidden="true"> ←</span><span class="unseen">, the actual one</span>'


def compared(found: Comparison) -> str:
    """The bits of the sentence under a model and under another, with their sums and what they expect."""
    sides = [found.mine, *([found.other] if found.other else [])]
    most = max(LEAST, *(bit for side in sides for bit in side.bits))
    at = {id(side): place for side, place, _ in found.expected}
    rows = "".join(_side(side, most, at.get(id(side)), asks=side is found.mine) for side in sides)
    nexts = "".join(_expected(side, place, those) for side, place, those in found.expected)
    hint = "" if nexts else '<p class="note">Choose a token of the first row to see what each model expects there.</p>'
    return f'<div class="view">{_sums(found)}{rows}{hint}<div class="beside">{nexts}</div></div>'


def _sums(found: Comparison) -> str:
    mine, lines = found.mine, []
    lines.append(f"{_name(mine)}: <b>{number(mine.total)} bits</b>")
    others = [(found.control, "its control, ")] if found.control is not None else []
    if found.other is not None and found.other is not found.control:
        others.append((found.other, ""))
    for other, what in others:
        if other is None:
            continue
        less = mine.total - other.total
        sign = "+" if less >= 0 else "−"
        lines.append(
            f"{what}{_name(other)}: <b>{number(other.total)} bits</b>; difference <b>{sign}{number(abs(less))}</b>"
        )
    return '<ul class="sums summary">' + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"


def _name(side: Cost) -> str:
    return f"{escape(side.model)}{at_steps([side.step])}"


def _side(side: Cost, most: float, at: int | None, *, asks: bool) -> str:
    title = f'<div class="head"><h2>{_name(side)}</h2><span class="does">{escape(side.language)}</span></div>'
    ask = [f"at={place}" for place in range(len(side.bits))] if asks else []
    return f'<div class="scored">{title}{bars(side.model, side.tokens, side.bits, most, at=at, asks=ask)}</div>'


def bars(
    label: str,
    tokens: Sequence[Token],
    bits: Sequence[float],
    most: float,
    *,
    at: int | None = None,
    asks: Sequence[str] = (),
    plain: bool = False,
) -> str:
    """Tokens under bars of their bits; `asks`, if any, holds what a click on each chooses, the end's last.

    `plain` are tokens of which it is not known where they came from.
    """
    shown = [*tokens, Token(END, True, None, None, False)][: len(bits)]
    buttons = []
    for place, (token, bit) in enumerate(zip(shown, bits, strict=True)):
        bar = f'<i class="bar" style="height:{max(1, round(HIGHEST * bit / most))}px"></i>'
        more = f" {attributes({'ask': asks[place]})}" if asks else ""
        more += ' aria-pressed="true"' if place == at else ""
        what = "end" if place == len(tokens) else "token" if plain and not token.is_marker else ""
        under = f"<small>{bit:.1f}</small>"
        buttons.append(button(token, before=bar, inside=under, attributes=more, kind=what))
    kind = "line bars plain" if plain else "line bars"
    named = f'role="toolbar" aria-label="{escape(label)}, bits a token"'
    return f'<div class="{kind}" dir="{direction_of(tokens)}" {named}>{"".join(buttons)}</div>'


def _expected(side: Cost, place: int, those: Sequence[Candidate]) -> str:
    what = "at the end" if place >= len(side.tokens) else f"as token {place + 1}"
    rows = "".join(_candidate(each) for each in those)
    head = "".join(f'<th scope="col">{name}</th>' for name in ("rank", "token", "probability"))
    caption = f"{_name(side)}: what it expects {what} (← the actual one)"
    body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<table class="next"><caption>{caption}</caption>{body}</table>'


def _candidate(each: Candidate) -> str:
    here, actual = (" class=here", ACTUAL) if each.is_next else ("", "")
    percent = 100 * each.probability
    share = f'<i class="share" style="width:{percent:.1f}px"></i>{percent:.{1 if percent >= 0.1 else 3}f} %'
    return (
        f"<tr{here}><td>{each.rank:,}</td><td><bdi>{escape(_seen(each.text))}</bdi>{actual}</td><td>{share}</td></tr>"
    )


def _seen(text: str) -> str:
    """A token's text with its blanks visible."""
    return normalize("NFKC", text).replace(" ", "␣").replace("\n", "↵")
