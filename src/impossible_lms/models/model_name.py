"""What the name of a published model says: its language, the corpus it was trained on of several, its architecture."""

import re
from typing import NamedTuple

from impossible_lms.errors import UserError
from impossible_lms.languages import get_language
from impossible_lms.models.architectures import ARCHITECTURES

SEED = "-seed"  # and its number: in the name of all models of a language and architecture but the first
OF = " · "  # stands between an architecture and what else tells models from others: an experiment, a human language


class Said(NamedTuple):
    """What a name says.

    Attributes:
        language: of the model; the whole name where it says none.
        human: the name of its corpus, which stands before the language's where an experiment has several; else empty.
        is_known: whether the language is one that is known here.
    """

    language: str
    human: str
    is_known: bool


def said_by(name: str) -> Said:
    """What `[<corpus>-]<language>-<architecture>[-seedN][@<revision>]` says, or any other name.

    Of several languages at the end of a name it is the longest. An unknown one with an architecture behind it is taken
    at its word; what stands before it cannot be told from it then.

    >>> said_by("es-no-reverse-gpt2-seed14")
    Said(language='no-reverse', human='es', is_known=True)
    >>> said_by("pythia-70m")
    Said(language='pythia-70m', human='', is_known=False)
    """
    plain = re.sub(f"{SEED}[0-9]+$", "", name.partition("@")[0])
    endings = sorted((f"-{each}" for each in ARCHITECTURES), key=len, reverse=True)
    stem = next((plain.removesuffix(end) for end in endings if plain.endswith(end)), plain)
    parts = stem.split("-")
    for first in range(len(parts) if stem != plain else 1):
        language = "-".join(parts[first:])
        if is_known(language):
            return Said(language, "-".join(parts[:first]), True)
    return Said(stem if stem != plain else name, "", False)


def is_known(language: str) -> bool:
    """Whether a name is that of a language; no file with code is read."""
    if ".py" in language:
        return False
    try:
        get_language(language)
    except UserError:
        return False
    return True
