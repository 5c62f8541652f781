"""The workflow for GitHub runs what is run here, on every Python that the package says it supports."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def workflow():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8"))


def test_it_runs_the_checks_on_every_supported_python(workflow):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [match[1] for each in project["classifiers"] if (match := re.fullmatch(r".*:: (3\.\d+)", each))]
    checks = workflow["jobs"]["checks"]
    assert checks["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"
    commands = [step.get("run") for step in checks["steps"]]
    assert ".ci/run" in commands and (ROOT / ".ci" / "run").is_file()


def test_the_wheel_is_checked_and_used(workflow):
    commands = "\n".join(step.get("run", "") for step in workflow["jobs"]["wheel"]["steps"])
    for part in ("python -m build", "twine check --strict", "demo --quick", "report.html"):
        assert part in commands
