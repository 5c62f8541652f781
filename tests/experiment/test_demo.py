"""The demonstration, small: everything is made, and nothing twice."""

import re

import pytest
from PIL import Image

from impossible_lms.experiment.demo import DemoSettings, run_demo
from impossible_lms.progress import Quiet


@pytest.fixture(scope="module")
def settings(tmp_path_factory, recipe):
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    values = recipe.model_dump()
    path.write_text("".join(f"{key} = {value!r}\n" for key, value in values.items()))
    return DemoSettings("grammar:sentences=1500,seed=0", "train:vocab=300", str(path))


def test_demo_makes_all_and_then_does_only_the_rest(settings, tmp_path):
    said: list[str] = []
    made = run_demo(tmp_path / "demo", said.append, Quiet(), settings)
    assert all(path.exists() for path in made)
    assert [path.name for path in made][-1] == "perplexity.png"
    with Image.open(made[-1]) as figure:
        assert figure.size[0] > 600
    assert sum("loaded without this package, it says: He clean" in line for line in said) == 2
    assert not any("already" in line for line in said)

    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").rglob("*.safetensors")}
    said.clear()
    assert run_demo(tmp_path / "demo", said.append, Quiet(), settings) == made
    assert sum(bool(re.match("already (built|trained|measured|published)", line)) for line in said) == 8
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").rglob("*.safetensors")} == stamps
