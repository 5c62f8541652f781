"""Whether a command could be typed: its verb and options exist, even where a test cannot run it."""

import re
import shlex
import tomllib
from typing import Any

import typer.main

from impossible_lms import cli
from tests.docs.pages import ROOT, PageError

MODULE = ["-m", "impossible_lms"]
_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def words_of(command: str) -> list[str]:
    """The words of a command as a shell has them, without its comment."""
    return shlex.split(command, comments=True)


def arguments_of(words: list[str]) -> list[str] | None:
    """What stands after `impossible`, or after what starts it (`torchrun ... -m impossible_lms`); None elsewhere."""
    if words[:1] == ["impossible"]:
        return words[1:]
    for place in range(len(words) - 1):
        if words[place : place + 2] == MODULE:
            return words[place + 2 :]
    return None


def refuse_misspelt(command: str, where: str) -> None:
    """PageError for a command whose verb, options or arguments are none, and for targets and extras there are not."""
    words = words_of(command)
    arguments = arguments_of([word for word in words if word != "&"])
    if arguments is not None:
        verb, rest = _verb(arguments, where)
        try:
            verb.make_context("impossible", rest)
        except typer.Exit:
            pass  # --help and --version
        except cli.CommandLineError as error:
            raise PageError(f"{where}: {command}: {error.format_message()}") from error
    elif words[0] == "make":
        unknown = set(words[1:]) - set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
        if unknown:
            raise PageError(f"{where}: {command}: the Makefile has no {' '.join(sorted(unknown))}.")
    for asked in re.findall(r"(?:impossible-lms|\.)\[([^]]+)\]", command):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if unknown := set(asked.split(",")) - set(project["optional-dependencies"]):
            raise PageError(f"{where}: {command}: there is no extra {' '.join(sorted(unknown))}.")


def refuse_unknown(mention: str, where: str) -> None:
    """PageError for a mention of a command, shortened as it may be, that names a verb or an option there is not."""
    words = re.split(r"[\s\[\]|=]+", mention)
    verb, _ = _verb(words[1:], where)
    known = {name for parameter in verb.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    for word in words[1:]:
        if word.startswith("--") and word not in known:
            raise PageError(f"{where}: {mention}: no option {word}.")


def _verb(arguments: list[str], where: str) -> tuple[Any, list[str]]:
    verb: Any = typer.main.get_command(cli.app)
    while hasattr(verb, "commands") and arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        if name not in verb.commands:
            raise PageError(f"{where}: there is no command {name}. Known: {', '.join(verb.commands)}.")
        verb = verb.commands[name]
    return verb, arguments
