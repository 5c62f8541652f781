"""Recipes: the published values, and faults named by field."""

import pytest

from impossible_lms.errors import UserError
from impossible_lms.training.recipe import SHIPPED, load_recipe
from impossible_lms.training.words import words_read


def test_the_paper_recipe_has_the_published_values():
    paper = load_recipe("paper")
    assert paper.model_dump() == {
        "steps": 3000,
        "sequences_per_step": 512,
        "context": 1024,
        "learning_rate": 6e-4,
        "warmup_steps": 300,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.1,
        "gradient_clip": 1.0,
        "dropout": 0.1,
        "checkpoint_every": 100,
        "held_out_every": 100,
        "precision": "bf16",
    }
    assert paper.sequences_per_step * paper.context == 2**19
    assert [step for step in range(1, 3001) if paper.has_checkpoint(step)] == list(range(100, 3001, 100))


def test_the_learning_rate_rises_and_falls_in_straight_lines():
    paper = load_recipe("paper")
    rates = [paper.learning_rate_at(step) for step in range(paper.steps)]
    assert rates[0] == 0 and rates[150] == pytest.approx(3e-4) and rates[300] == 6e-4 == max(rates)
    assert rates[1650] == pytest.approx(3e-4) and rates[-1] == pytest.approx(6e-4 / 2700)


def test_held_out_loss_is_measured_at_its_cadence_and_at_the_end_or_never():
    paper = load_recipe("paper").model_copy(update={"steps": 250})
    assert [step for step in range(1, 251) if paper.measures_held_out(step)] == [100, 200, 250]
    never = paper.model_copy(update={"held_out_every": 0})
    assert not any(never.measures_held_out(step) for step in range(1, 251))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_loads_and_ends_in_a_checkpoint(name):
    recipe = load_recipe(name)
    assert recipe.checkpoints[-1] == recipe.steps and len(recipe.checkpoints) == 30


def test_faults_name_the_field(tmp_path):
    source = tmp_path / "mine.toml"
    from importlib import resources

    paper = resources.files("impossible_lms.training").joinpath("recipes/paper.toml").read_text(encoding="utf-8")
    for change, fault in {
        ("steps = 3000", "stepps = 3000"): "steps: Field required",
        ("dropout = 0.1", "dropout = 1.5"): "dropout: Input should be less than 1 (found 1.5).",
        ("steps = 3000", 'steps = "many"'): "steps: Input should be a valid integer (found 'many').",
        ("warmup_steps = 300", "warmup_steps = 3000"): "warmup_steps (3000) must be fewer than steps (3000)",
        ("steps = 3000", "steps = "): "not TOML",
        ('"bf16"', '"int4"'): "precision: Input should be 'bf16' or 'fp32' (found 'int4').",
    }.items():
        source.write_text(paper.replace(*change))
        with pytest.raises(UserError) as error:
            load_recipe(str(source))
        assert str(error.value).startswith(f"--recipe {source}: ") and fault in str(error.value)
    source.write_text(paper + "colour = 1\n")
    with pytest.raises(UserError, match=r"colour: a recipe has no field of that name. Did you mean dropout"):
        load_recipe(str(source))
    with pytest.raises(UserError, match="neither paper or demo nor a file that can be read"):
        load_recipe(str(tmp_path / "nowhere.toml"))


def test_a_byte_order_mark_is_no_fault_and_nesting_is_one(tmp_path):
    text = "".join(f"{key} = {value!r}\n" for key, value in load_recipe("demo").model_dump().items())
    path = tmp_path / "mine.toml"
    path.write_text(f"\ufeff{text}", encoding="utf-8")
    assert load_recipe(str(path)) == load_recipe("demo")
    path.write_text(f"steps = {'[' * 5000}", encoding="utf-8")
    with pytest.raises(UserError, match=r"mine.toml: not TOML \(nested too deeply\)\.$"):
        load_recipe(str(path))


def test_checkpoints_by_words_are_steps_once_the_data_are_known():
    recipe = load_recipe("paper", {"steps": 10, "warmup_steps": 1, "checkpoint_every": "words:1M"})
    counted = recipe.counted(250_000 / recipe.sequences_per_step)
    assert counted.checkpoints == (4, 8, 10) and recipe.counted(1e-9).checkpoints == (10,)
    assert load_recipe("paper").counted(5.0) == load_recipe("paper")
    with pytest.raises(UserError, match="checkpoint_every"):
        load_recipe("paper", {"checkpoint_every": "words:1X"})


def test_how_many_words_were_read_is_a_name():
    assert [words_read(step, 250_000, 1_000_000) for step in (4, 8, 9)] == ["1M", "2M", "2250K"]
    assert words_read(4, 250.4, 1000) == "1K" and words_read(1, 12.0, 1000) == "12"
