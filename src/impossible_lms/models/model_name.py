"""What the card or the name of a published model says: its language, and the corpus it was trained on of several."""

import re
from pathlib import Path
from typing import NamedTuple

from impossible_lms.errors import UserError
from impossible_lms.languages import get_language
from impossible_lms.models.architectures import ARCHITECTURES

SEED = "-seed"  # and its number: in the name of all models of a language and architecture but the first
TAG = "impossible-languages"  # of models whose cards this package wrote, before language and architecture
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

    Of several languages at the end of a name it is the longest. A name without a language that is known here says none,
    though an architecture may stand at its end: `tiny-llama` is by others. Of a language of one's own the card says it.

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
    return Said(name, "", False)


def said_by_card(card: Path, name: str) -> Said | None:
    """What a card that this package wrote says, of a model called `name`; None for any other card.

    Its tags name the language, so that what stands before it in the name is the corpus's, whatever the language's name.
    """
    from huggingface_hub import ModelCard

    try:
        tags = ModelCard(card.read_text(encoding="utf-8")).data.tags or []
    except Exception:  # others write theirs as they like, and parsers fail in their own ways
        return None
    if len(tags) < 3 or tags[0] != TAG or tags[2] not in ARCHITECTURES:
        return None
    language, architecture = str(tags[1]), str(tags[2])
    stem = re.sub(f"{SEED}[0-9]+$", "", name.partition("@")[0]).removesuffix(f"-{architecture}")
    return Said(language, stem.removesuffix(f"-{language}") if stem.endswith(f"-{language}") else "", True)


def is_known(language: str) -> bool:
    """Whether a name is that of a language; no file with code is read."""
    if ".py" in language:
        return False
    try:
        get_language(language)
    except UserError:
        return False
    return True
