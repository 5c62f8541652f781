"""Documents: TOML and JSON as people and programs leave them, parsed, or refused with a ValueError."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError

MARK = "\ufeff"  # a byte order mark, which some editors put first
SHOWN = 60  # signs of a value in a message


def parsed_toml(text: str) -> dict[str, Any]:
    """The tables in a TOML text, a byte order mark before it or not; ValueError says in one line what it is not."""
    return dict(_parsed(text, tomllib.loads))


def parsed_json(text: str) -> Any:
    """What a JSON text holds, a byte order mark before it or not; ValueError says in one line what it is not."""
    return _parsed(text, json.loads)


def read_json(path: Path) -> Any:
    """What a JSON file in UTF-8 holds; OSError, or ValueError as `parsed_json`."""
    return parsed_json(path.read_text(encoding="utf-8"))


def split_change(flag: str, change: str, example: str) -> tuple[str, Any]:
    """The key and the value of `key=value`, a value as TOML has it or text without quotes; UserError names `flag`."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise UserError(f"{flag} {change}: expected key=value, as in {flag} {example}.")
    try:
        return key, parsed_toml(f"value = {text}")["value"]
    except ValueError:
        return key, text


def shown(value: Any) -> str:
    """A value as a message names it: in one line, and cut where it is long."""
    try:
        said = repr(value)
    except RecursionError:
        said = f"a {type(value).__name__} nested too deeply"
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}…"


def upper_first(text: str) -> str:
    """A text with its first letter large, as a sentence begins; the others stay."""
    return text[:1].upper() + text[1:]


def _parsed(text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text.removeprefix(MARK))
    except RecursionError:
        raise ValueError("nested too deeply") from None
