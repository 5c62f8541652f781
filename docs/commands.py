"""Writes the site's page of commands from the command line itself, while mkdocs builds (a hook of mkdocs.yml)."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from impossible_lms.cli import app

PAGE = "reference/commands.md"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, PAGE, content="\n".join(lines())))
    return files


def lines() -> Iterator[str]:
    """The page, a line at a time: every verb with its usage, what it does, its arguments and its options."""
    yield "# Commands\n\nWhat `impossible VERB --help` says, of every verb. Exit codes: 2 for what the caller can mend, 3 where some"
    yield "checkpoints could not be measured, 5 for disk and memory, 130 after Ctrl-C.\n"
    for name, verb in _verbs(typer.main.get_command(app), "impossible"):
        context = typer.Context(verb, info_name=name)
        yield f"## {name}\n\n{inspect.cleandoc(verb.help or '')}\n"
        yield f"```text\n{' '.join([name, *verb.collect_usage_pieces(context)])}\n```\n"
        yield "| | | default |\n| --- | --- | --- |"
        for parameter in verb.params:
            yield _row(parameter)
        yield ""


def _verbs(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    for part, verb in command.commands.items():
        if hasattr(verb, "commands"):
            yield from _verbs(verb, f"{name} {part}")
        else:
            yield f"{name} {part}", verb


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [(parameter.metavar or parameter.name).upper()]
    default = "required" if parameter.required else parameter.default
    shown = "" if default in (None, False, ()) or callable(default) else str(default)
    written = (f"`{each}`" for each in names)
    return " | ".join(["", " ".join(written), (parameter.help or "").replace("|", "\\|").replace("[", "\\["), shown, ""]).strip()
