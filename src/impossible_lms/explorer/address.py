"""What is chosen in the explorer, as it stands in the address of its page."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import parse_qsl, urlencode

from impossible_lms.corpora.example import SENTENCE

MOST_CHARACTERS = 500  # of a sentence
VIEWS = ("speak", "listen", "read", "results")
TOKENS, IDS, WORDS = "tokens", "ids", "words"  # the units of a sentence, and what is shown of them
ALL, WELL, ILL = "all", "well-formed", "not well-formed"
SEPARATOR = "~"  # of several names in one value
NEXT = "next"  # in what a click asks for: the number that goes up by one
WHOLES = {"window": (3, 20), "seed": (0, 99), "hops": (1, 10), "draw": (1, 999), "sample": (0, 999)}


@dataclass(frozen=True)
class Chosen:
    """Everything that can be chosen; what is not in the address is as here.

    Attributes:
        view: which page.
        s: the sentence.
        languages: which are shown: a name of `GROUPS`, or of a language.
        window, seed, hops: the numbers of languages that have one.
        draw: which random draw, of languages that have one.
        by: the units: tokens, tokens with their ids, or words.
        model, step: the model that is measured, by its label, and its checkpoint; 0 for the last.
        other, other_step: the model that it is compared with.
        at: the place of the token after which the next ones are shown, from 0 on; None for none.
        reader, reader_step: the model whose sampled sentences are shown.
        sample: which sample of these sentences.
        form: which of these sentences: all, the well-formed, the others.
        metric: of the results.
        among: languages of the results, all if none.
        scales: kinds of models, all if none.
        seeds: seeds, all if none.
        at_step: of the results; 0 for the last.
        contrast: the one whose sentences are shown.
    """

    view: str = VIEWS[0]
    s: str = SENTENCE
    languages: str = ALL
    window: int = 5
    seed: int = 21
    hops: int = 4
    draw: int = 1
    by: str = TOKENS
    model: str = ""
    step: int = 0
    other: str = ""
    other_step: int = 0
    at: int | None = None
    reader: str = ""
    reader_step: int = 0
    sample: int = 0
    form: str = ALL
    metric: str = ""
    among: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    at_step: int = 0
    contrast: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Chosen":
        """What an address asks for; values that cannot be are left out, for links get cut and changed."""
        found: dict[str, object] = {}
        for each in fields(cls):
            value = query.get(each.name)
            if value is None:
                continue
            if isinstance(each.default, int) or each.name == "at":
                if (number := _whole(value)) is not None:
                    low, high = WHOLES.get(each.name, (0, 10**9))
                    found[each.name] = min(max(number, low), high)
            elif isinstance(each.default, tuple):
                found[each.name] = tuple(part for part in value.split(SEPARATOR) if part)
            else:
                found[each.name] = value
        among = {"view": VIEWS, "by": (TOKENS, IDS, WORDS), "form": (ALL, WELL, ILL)}
        return cls(**{name: value for name, value in found.items() if name not in among or value in among[name]})  # type: ignore[arg-type]

    @classmethod
    def taken(cls, values: Mapping[str, object]) -> "Chosen":
        """What components of the page hold, of whatever type it is; it is read as an address would be."""
        query = {}
        for name, value in values.items():
            if isinstance(value, list | tuple):
                query[name] = SEPARATOR.join(map(str, value))
            elif isinstance(value, int | float):
                query[name] = str(int(value))
            elif isinstance(value, str):
                query[name] = value
        return cls.read(query)

    def after(self, asks: str) -> "Chosen":
        """What is chosen after a click, which asks for something as an address does, or for the NEXT of a number."""
        values = self.values()
        for name, value in parse_qsl(asks, keep_blank_values=True):
            if name != NEXT:
                values[name] = value
            elif value in WHOLES:
                low, high = WHOLES[value]
                number = getattr(Chosen.read(values), value) + 1
                values[value] = str(number if number <= high else low)
        return Chosen.read(values)

    def values(self) -> dict[str, str]:
        """What stands in the address: all that differs from the defaults, by name."""
        query: dict[str, str] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value == each.default or value is None:
                continue
            query[each.name] = SEPARATOR.join(value) if isinstance(value, tuple) else str(value)
        return query

    def query(self) -> str:
        """The address that leads back."""
        return urlencode(self.values())


def _whole(text: str) -> int | None:
    """A whole number of at most nine digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
