"""The demonstration, small: everything is made, and nothing twice."""

import io

import pytest
from rich.console import Console

from impossible_lms.experiment.board import Board
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.demo import QUICK, run_demo
from impossible_lms.experiment.files import write_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.run import Outcome

SMALL = (
    "corpus=grammar:sentences=4000,seed=0",
    "tokenizer=train:vocab=600",
    'languages=["no-reverse", "partial-reverse"]',
    "recipe.steps=4",
    "recipe.sequences_per_step=4",
    "recipe.checkpoint_every=4",
    'evaluate=[{metric="perplexity", sample=50}, {metric="learnability", sample=20}]',
)


def test_demo_makes_all_and_then_nothing(tmp_path):
    said: list[str] = []
    board = Board(Console(file=io.StringIO()))
    output = tmp_path / "demo"
    outcome = run_demo(output, said.append, SMALL, board)
    assert outcome.before == 0 and not outcome.failures and outcome.now >= 16
    *found, last = said[0].splitlines()
    assert last == f"report: {output / 'report.html'}"
    assert "between partial-reverse and no-reverse" in found[0] or "partial-reverse is learnt" in found[0]
    assert said[1].startswith(f"models: 4 in {output / 'hub'}; demo/partial-reverse-gpt2-no-pos says: He clean")
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "partial-reverse" in page and "learnability" in page.lower()
    assert len(list((output / "hub").glob("models--demo--*"))) == 4

    stamps = {path: path.stat().st_mtime_ns for path in output.rglob("*.safetensors")}
    assert run_demo(output, said.append, SMALL, board) == Outcome(outcome.now, 0, {})
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.safetensors")} == stamps


@pytest.mark.parametrize("changes", [(), QUICK])
def test_the_demo_as_it_ships(tmp_path, changes):
    """A language and its control of each of the paper's families, with both architectures."""
    path, _ = write_experiment("demo", tmp_path / "demo.toml")
    plan = Plan.of(load_experiment(path, changes))
    families = [language.family.name for language in plan.languages]
    assert families == ["shuffle", "shuffle", "reverse", "reverse", "hop", "hop"]
    assert [language.is_control for language in plan.languages] == [True, False] * 3
    assert len([name for name in plan.tasks if name.startswith("train.")]) == 12
    steps = plan.recipe.checkpoints
    for task in plan.tasks.values():
        wanted = str(getattr(getattr(task, "request", None), "checkpoints", "all"))
        assert wanted == "all" or wanted.startswith("every=") or int(wanted) in steps
