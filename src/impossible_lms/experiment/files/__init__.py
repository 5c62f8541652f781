"""The experiment files that come with this package, and their schema for editors."""

import json
from importlib import resources
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.experiment.config import Experiment
from impossible_lms.files import write_text

SHIPPED = ("paper", "small", "demo")
SCHEMA = "experiment.schema.json"


def shipped(name: str) -> str:
    """The text of a shipped file."""
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")


def schema() -> str:
    """The JSON Schema of experiment files."""
    found = Experiment.model_json_schema()
    # A recipe may be named instead of written out.
    found["properties"]["recipe"] = {"anyOf": [{"type": "string"}, found["properties"]["recipe"]]}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def write_experiment(name: str, output: Path) -> list[Path]:
    """Write a shipped file to `output`, and the schema beside it; UserError where a file is there that differs."""
    text, beside = shipped(name), output.with_name(SCHEMA)
    if output.exists() and (not output.is_file() or output.read_text(encoding="utf-8") != text):
        raise UserError(f"{output}: exists and is something else. Choose another --output.")
    write_text(output, text)
    write_text(beside, schema())
    return [output, beside]
