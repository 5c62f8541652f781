"""The experiment files that come with this package, and their schema for editors."""

import json
from importlib import resources
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.experiment.config import BASE, Experiment
from impossible_lms.files import write_text
from impossible_lms.models.architectures import SIZES
from impossible_lms.training.recipe import Recipe

SHIPPED = ("paper", "small", "architectures", "languages", "demo")
SCHEMA = "experiment.schema.json"


def shipped(name: str) -> str:
    """The text of a shipped file."""
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")


def schema() -> str:
    """The JSON Schema of experiment files."""
    found = Experiment.model_json_schema()
    recipe = Recipe.model_json_schema()
    base = {"type": "string", "description": "the recipe that the other fields change: paper, demo, or a file"}
    table = {"type": "object", "additionalProperties": False, "properties": {BASE: base, **recipe["properties"]}}
    # A recipe may be named instead of written out.
    described = found["properties"]["recipe"]["description"]
    found["properties"]["recipe"] = {"description": described, "anyOf": [{"type": "string"}, table]}
    found["properties"]["size"]["enum"] = list(SIZES)
    found["$defs"]["Evaluate"]["properties"]["metric"]["enum"] = list(METRICS)
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def write_experiment(name: str, output: Path) -> list[Path]:
    """Write a shipped file to `output`, and the schema beside it; UserError where a file is there that differs."""
    text, beside = shipped(name), output.with_name(SCHEMA)
    if output.exists() and (not output.is_file() or output.read_text(encoding="utf-8") != text):
        raise UserError(f"{output}: exists and is something else. Choose another --output.")
    write_text(output, text)
    write_text(beside, schema())
    return [output, beside]
