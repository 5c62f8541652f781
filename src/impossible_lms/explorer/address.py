"""What is chosen in the explorer, as it stands in the address of its page."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import parse_qsl, urlencode

from impossible_lms.corpora.example import SENTENCE

MOST_CHARACTERS = 500  # of a sentence
VIEWS = ("speak", "listen", "read", "results")
TOKENS, IDS, WORDS = "tokens", "ids", "words"  # what is told apart, and shown of it
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
        languages: which are spoken: a name of `GROUPS`, or of a language.
        window, seed, hops: the numbers of languages that have one.
        draw: which draw of the languages that draw.
        by: whether tokens, tokens with their ids, or words are told apart.
        model, step: who listens, by its label, and after how many steps; 0 for the last.
        other, other_step: who listens beside it.
        at: the place of the token after which the next ones are shown, from 0 on; None for none.
        reader, reader_step: who speaks, on the page of sampled sentences.
        sample: which sample of them.
        form: which of them: all, the well-formed, the others.
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
        """What an address asks for; what it says that cannot be is left out, for links get cut and changed."""
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
        return cls(**{name: said for name, said in found.items() if name not in among or said in among[name]})  # type: ignore[arg-type]

    @classmethod
    def taken(cls, values: Mapping[str, object]) -> "Chosen":
        """What components of the page hold, of whatever kind it is; it is taken as an address would be."""
        said = {}
        for name, value in values.items():
            if isinstance(value, list | tuple):
                said[name] = SEPARATOR.join(map(str, value))
            elif isinstance(value, int | float):
                said[name] = str(int(value))
            elif isinstance(value, str):
                said[name] = value
        return cls.read(said)

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
        """What stands in the address: all that is not as always, by name."""
        said: dict[str, str] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value == each.default or value is None:
                continue
            said[each.name] = SEPARATOR.join(value) if isinstance(value, tuple) else str(value)
        return said

    def query(self) -> str:
        """The address that leads back."""
        return urlencode(self.values())


def _whole(text: str) -> int | None:
    """A whole number of at most nine digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
