"""Languages of a user's own in a report: looks that no others have, and the panel they stand in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import product

from impossible_lms.languages.language import OWN, Style
from impossible_lms.report.colours import farthest, mixed

HUES = ("#0077bb", "#aa3377", "#117733", "#cc5500", "#7755cc", "#008080", "#8a6d00", "#c0455c", "#4a6fa5", "#a0522d")
DASHES, SIGNS = (":", "--", "-.", "-"), ("P", "X", "*", "p", "h", "8", "d", "v", "^", "s", "D", "o")
DARKER = 0.5  # the black in a control's colour
BETWEEN = 0.55  # the white in the last of several of a family, the first of which has none


@dataclass(frozen=True)
class Described:
    """What is known of a language: its name, its control (None if not known), and its style (OWN if it has none)."""

    name: str
    control: str | None = None
    style: Style = OWN


@dataclass(frozen=True)
class Drawn:
    """How an own language is drawn: its style, and the language whose panel it stands in."""

    style: Style
    beside: str


_DRAWN: ContextVar[Mapping[str, Drawn]] = ContextVar("how own languages are drawn", default={})  # noqa: B039 - never changed
_GIVEN: ContextVar[Sequence[str]] = ContextVar("what models are of, in the order that was asked for", default=())


def drawn(language: str) -> Drawn | None:
    """How an own language is drawn in the report that is being made; None for any other."""
    return _DRAWN.get().get(language)


def place_of(name: str) -> int:
    """Where an experiment, or a human language, stands among those of the report that is being made."""
    given = _GIVEN.get()
    return given.index(name) if name in given else len(given)


@contextmanager
def drawing(own: Iterable[Described], others: Iterable[Style], given: Sequence[str] = ()) -> Iterator[None]:
    """While the block runs, `own` languages have looks of their own beside those of the `others`.

    `given` are the experiments and human languages, in the order in which they are to stand.
    """
    tokens = _DRAWN.set(allotted(own, others)), _GIVEN.set(given)
    try:
        yield
    finally:
        _DRAWN.reset(tokens[0])
        _GIVEN.reset(tokens[1])


def allotted(own: Iterable[Described], others: Iterable[Style]) -> dict[str, Drawn]:
    """A look for each language: a hue a family, its control darker than the rest; or what it says, if that is free.

    A family is a control and all compared with it; those of a control that is none of the `own` have a hue each.
    """
    languages = {each.name: each for each in sorted(own, key=lambda each: each.name)}
    taken = list(others)
    families: dict[str, list[Described]] = {}
    for each in languages.values():
        families.setdefault(each.control if each.control in languages else each.name, []).append(each)
    found: dict[str, Drawn] = {}
    for control, family in families.items():
        used = [style.colour.lower() for style in taken]
        hue = farthest([each for each in HUES if each not in used] or HUES, used)
        rest = [each for each in family if each.name != control or len(family) == 1]
        for each in family:
            white = BETWEEN * rest.index(each) / max(1, len(rest)) if each in rest else 0.0
            colour = mixed(hue, "#ffffff", white) if each in rest else mixed(hue, "#000000", DARKER)
            said = each.style
            if said == OWN or said.colour.lower() in [style.colour.lower() for style in taken]:
                dash, sign = _free(taken, is_control=each not in rest)
                said = Style(colour, dash, sign)
            taken.append(said)
            found[each.name] = Drawn(said, control if len(family) > 1 else each.control or each.name)
    return found


def _free(taken: Iterable[Style], *, is_control: bool) -> tuple[str, str]:
    """A dash and a sign that nobody has together; a control's line is not broken."""
    used = {(style.dash, style.sign) for style in taken}
    signs = [sign for sign in SIGNS if sign not in {sign for _, sign in used}] or list(SIGNS)
    pairs = product(signs, ("-",) if is_control else DASHES)
    return next(((dash, sign) for sign, dash in pairs if (dash, sign) not in used), (DASHES[0], SIGNS[0]))
