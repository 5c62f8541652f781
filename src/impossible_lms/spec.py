"""Specs of the form `name:key=value,key=value`, which say in one word where something comes from."""

import re
from collections.abc import Mapping

from impossible_lms.errors import UserError

# Where no tokenizer is asked for, examples use one trained on the built-in grammar: it needs neither files nor network.
EXAMPLE_TOKENIZER, EXAMPLE_CORPUS = "train:vocab=2048", "grammar:sentences=10000,seed=0"


def parse_options(flag: str, spec: str, defaults: Mapping[str, int]) -> dict[str, int]:
    """The whole numbers after the colon of `spec`, over their `defaults`; UserError names `flag` and the key at fault.

    >>> parse_options("--corpus", "grammar:seed=3", {"sentences": 100, "seed": 0})
    {'sentences': 100, 'seed': 3}
    """
    options = dict(defaults)
    _, _, text = spec.partition(":")
    for item in filter(None, text.split(",")):
        key, _, value = item.partition("=")
        if key not in defaults:
            raise UserError(f"{flag} {spec}: unknown key '{key}'. Known: {', '.join(defaults)}.")
        if not re.fullmatch("[0-9]{1,15}", value):
            raise UserError(f"{flag} {spec}: {key} takes a whole number, not '{value}'.")
        options[key] = int(value)
    return options
