"""What an experiment asks for, resolved: its models, and what is to be measured of which language."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from impossible_lms.evaluation.metric import Metric, Request
from impossible_lms.experiment.store import short
from impossible_lms.languages.language import Language
from impossible_lms.models.architectures import ARCHITECTURES, Architecture, described_by_name, described_model
from impossible_lms.training.recipe import Recipe

LONGEST = 100  # signs in a name of tables


@dataclass(frozen=True)
class Model:
    """One of the experiment's models: its name, what it is asked for by, and all that decides it."""

    name: str
    spec: str
    size: str | None
    described: dict[str, Any]
    architecture: Architecture


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be measured of a language's runs: a metric, on their own test set or that of `other`.

    `control` is the language that is compared with, where the metric compares; `request` lacks its run alone.
    """

    metric: Metric
    language: Language
    other: Language | None
    control: Language | None
    request: Request


def model_of(spec: str, size: str, recipe: Recipe) -> Model:
    """The model that `spec` asks for; UserError where there is none."""
    if spec in ARCHITECTURES:
        named, described = described_by_name(spec, size)
        return Model(named.name, spec, size, described, named)
    # The vocabulary is not known before the tokenizer is; it is part of what the run's data is hashed by.
    architecture, _, described = described_model(
        spec, None, vocabulary_size=1, context=recipe.context, end_of_text=0, dropout=recipe.dropout
    )
    return Model(architecture.name, spec, None, described, architecture)


def dealt(languages: Sequence[Language], parts: int) -> list[Sequence[Language]]:
    """The languages in as many parts, as cards are dealt; neighbours cost alike, so each part costs about the same."""
    parts = min(parts, len(languages))
    return [languages[number::parts] for number in range(parts)]


def as_file_name(name: str) -> str:
    """A name without signs that are odd in a file's; a long one is cut and ends in a hash of the whole."""
    plain = re.sub("[^A-Za-z0-9.]+", "-", name).strip("-")
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}-{short(name)[:6]}"
