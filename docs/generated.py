"""Writes what the site is built from: the pages of this folder, and those of commands and files made from the code."""

import inspect
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel

from impossible_lms.cli import app
from impossible_lms.experiment.config import Evaluate, Experiment, HumanCorpus, Publish
from impossible_lms.training.recipe import Recipe

NOTEBOOK = "notebook.ipynb"


def write_sources(folder: Path) -> None:
    """Write what the site is built from to `folder`: the pages beside this file, and those that code makes."""
    home = Path(__file__).parent
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    pages = {"reference/commands": commands(), "reference/files": keys(), "notebook": notebook(home / NOTEBOOK)}
    for page, lines in pages.items():
        (folder / f"{page}.md").write_text("\n".join(lines), encoding="utf-8")


def notebook(path: Path) -> Iterator[str]:
    """A notebook as a page: its text, and its cells as blocks of Python."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        yield f"```python\n{source}\n```\n" if cell["cell_type"] == "code" else f"{source}\n"
    yield f"[This page as a notebook]({NOTEBOOK}), to be opened in Jupyter, VS Code or Colab."


def keys() -> Iterator[str]:
    """A page of every key of an experiment and of a recipe, with its default and what it is."""
    yield "# Experiment and recipe files\n"
    yield "Both are TOML; an unknown key is an error. `impossible init` writes experiments with comments, and a schema"
    yield "by which editors check them.\n"
    tables = {
        "An experiment": Experiment,
        "[[corpora]]": HumanCorpus,
        "[[evaluate]]": Evaluate,
        "[publish]": Publish,
        "A recipe": Recipe,
    }
    for title, model in tables.items():
        yield f"## {_escaped(title)}\n\n| | | default |\n| --- | --- | --- |"
        for name, field in model.model_fields.items():
            default = "required" if field.is_required() else _default(field)
            yield f"| `{name}` | {_escaped(field.description or '')} | {default} |"
        yield ""


def _default(field: Any) -> str:
    value = field.get_default()
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        value = [each.model_dump(exclude_defaults=True) for each in value]
    return "" if value is None or value is False or value in ("", []) else f"`{json.dumps(value)}`"


def commands() -> Iterator[str]:
    """A page of every verb with its usage, what it does, its arguments and its options."""
    yield "# Commands\n"
    yield "What `impossible VERB --help` says, of every verb. Exit codes: 1 where part of an experiment failed, 2 for"
    yield "what the caller can mend, 3 where some checkpoints could not be measured, 5 for disk and memory, 130 after"
    yield "Ctrl-C.\n"
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
    argument = (parameter.metavar or parameter.name).upper()
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [argument]
    default = "required" if parameter.required else parameter.default
    shown = "" if default in (None, False, ()) or callable(default) else str(default)
    written = (f"`{each}`" for each in names)
    return f"| {' '.join(written)} | {_escaped(parameter.help or '')} | {shown} |"


def _escaped(text: str) -> str:
    return re.sub(r"([|\[])", r"\\\1", text)


if __name__ == "__main__":
    write_sources(Path(sys.argv[1]))
