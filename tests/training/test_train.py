"""Training: a run cut anywhere ends as one that was not, and what does not fit is refused."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from impossible_lms import build_dataset, get_language, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.locks import locked
from impossible_lms.models.run import Run
from impossible_lms.training.order import blocks_of_step, dropout_keys
from impossible_lms.training.train import Options, train
from tests.at_step import AtStep


def weights(run, step=12):
    return load_file(run.folder / "checkpoints" / f"checkpoint-{step}" / "model.safetensors")


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def losses(run):
    return [(line["step"], line["loss"], line["gradient_norm"]) for line in run.metrics()]


def test_a_run_leaves_what_it_promises(run, dataset, recipe):
    assert [checkpoint.step for checkpoint in run.checkpoints()] == [4, 8, 12]
    assert [line["step"] for line in run.metrics()] == list(range(1, 13))
    assert run.finished["steps"] == 12 and run.finished["seconds"] > 0
    assert run.name == "partial-reverse-gpt2-no-pos" and run.seed == 53
    assert run.dataset().folder.samefile(dataset.folder)
    assert Run.open(run.folder).record["request"]["recipe"] == recipe.model_dump()
    assert losses(run)[-1][1] < losses(run)[0][1]
    for step in (4, 8, 12):
        assert not weights(run, step)["transformer.wpe.weight"].any()


def test_the_same_seed_gives_the_same_run_and_another_gives_another(run, dataset, recipe, tmp_path):
    again = train(dataset.folder, tmp_path / "again", recipe=recipe, size="tiny")
    assert same(weights(again), weights(run)) and losses(again) == losses(run)
    other = train(dataset.folder, tmp_path / "other", recipe=recipe, size="tiny", seed=54)
    assert not same(weights(other), weights(run))


def test_a_killed_run_goes_on_from_its_last_checkpoint(run, dataset, recipe, tmp_path):
    class KilledError(Exception):
        pass

    def kill():
        raise KilledError

    for step in (2, 6, 11):  # before the first checkpoint and after
        with pytest.raises(KilledError):
            train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", progress=AtStep(step, kill))
    resumed = train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny")
    assert same(weights(resumed), weights(run)) and losses(resumed) == losses(run)


def test_micro_batches_only_divide_the_step(dataset, recipe, tmp_path):
    still = recipe.model_copy(update={"dropout": 0.0, "steps": 6})
    first, second = (
        train(dataset.folder, tmp_path / str(size), recipe=still, size="tiny", options=Options(micro_batch=size))
        for size in (4, 3)
    )
    assert [step for step, *_ in losses(first)] == [step for step, *_ in losses(second)]
    # Sums in another order differ by 1e-6; weights that hardly matter by more, once AdamW divides by a gradient's size.
    assert np.allclose([x[1:] for x in losses(first)], [x[1:] for x in losses(second)], rtol=1e-3)


@pytest.mark.parametrize(("model", "precision"), [("gpt2", "fp32"), ("gpt2-no-pos", "bf16")])
def test_other_models_and_precisions_train(dataset, recipe, tmp_path, model, precision):
    changed = recipe.model_copy(update={"precision": precision, "steps": 4})
    run = train(dataset.folder, tmp_path / "run", recipe=changed, model=model, size="tiny")
    assert run.name == f"partial-reverse-{model}"
    assert bool(weights(run, 4)["transformer.wpe.weight"].any()) == (model == "gpt2")
    assert run.finished is not None and run.finished["loss"] < 7


def test_every_epoch_is_a_permutation_of_its_own():
    taken = np.concatenate([blocks_of_step(3, step, 4, 10) for step in range(5)])
    assert sorted(taken[:10]) == sorted(taken[10:]) == list(range(10))
    assert taken[:10].tolist() != taken[10:].tolist()
    assert blocks_of_step(3, 0, 25, 10)[:20].tolist() == taken.tolist()
    assert len({dropout_keys(1, step, 8, 3).tobytes() for step in range(9)}) == 9


def test_a_finished_run_is_left_alone(run, dataset, recipe):
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*") if path.name != ".lock"}
    assert train(dataset.folder, run.folder, recipe=recipe, size="tiny") == run
    assert before == {path: path.stat().st_mtime_ns for path in run.folder.rglob("*") if path.name != ".lock"}


def test_what_does_not_fit_is_refused(run, dataset, recipe, tmp_path, tokenizer):
    with pytest.raises(UserError, match=r"belongs to something else \(seed was 53, now 54\)"):
        train(dataset.folder, run.folder, recipe=recipe, size="tiny", seed=54)
    changed = recipe.model_copy(update={"learning_rate": 1e-3})
    with pytest.raises(UserError, match=r"recipe\.learning_rate was 0\.003, now 0\.001"):
        train(dataset.folder, run.folder, recipe=changed, size="tiny")
    longer = recipe.model_copy(update={"steps": recipe.steps * 2})
    with pytest.raises(
        UserError, match=r"recipe\.steps was 12, now 24\)\. The learning rate falls to zero at the last step, so"
    ):
        train(dataset.folder, run.folder, recipe=longer, size="tiny")
    other = build_dataset(
        read_corpus("grammar:sentences=500,seed=3"), get_language("no-reverse"), tokenizer, tmp_path / "x", context=32
    )
    with pytest.raises(UserError, match=r"dataset\.request\.language was partial-reverse, now no-reverse"):
        train(other.folder, run.folder, recipe=recipe, size="tiny")
    with pytest.raises(UserError, match=r"blocks of 32 tokens, but the recipe's context is 64\. Build the data with"):
        wide = recipe.model_copy(update={"context": 64})
        train(dataset.folder, tmp_path / "new", recipe=wide, size="tiny")
    with pytest.raises(UserError, match=r"--model gpt5: neither gpt2, .*, nor a folder or file"):
        train(dataset.folder, tmp_path / "new", recipe=recipe, model="gpt5")
    with pytest.raises(UserError, match=r"--size huge: unknown. Known: small, tiny"):
        train(dataset.folder, tmp_path / "new", recipe=recipe, size="huge")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(UserError, match="exists and is not a run"):
        train(dataset.folder, tmp_path / "mine", recipe=recipe, size="tiny")
    assert not (tmp_path / "new").exists()


def test_a_run_in_use_is_refused(run, dataset, recipe):
    code = (
        "import sys\nfrom impossible_lms.training.recipe import Recipe\n"
        "from impossible_lms.training.train import train\nfrom impossible_lms.errors import UserError\n"
        "try: train(sys.argv[1], sys.argv[2], recipe=Recipe.model_validate_json(sys.argv[3]), size='tiny')\n"
        "except UserError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(dataset.folder), str(run.folder), recipe.model_dump_json()]
    with locked(run.folder / ".lock", "in use"):
        assert "in use by process" in subprocess.check_output(command, text=True)
