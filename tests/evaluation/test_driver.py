"""The driver: nothing twice, resumed where it stopped, damaged checkpoints named, runs never mixed."""

import shutil

import numpy as np
import pandas as pd
import pytest

from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.driver import evaluate, figure_places, has_figure, request_of
from impossible_lms.evaluation.generation import GENERATION
from impossible_lms.evaluation.metric import Request, chosen
from impossible_lms.evaluation.perplexity import PERPLEXITY
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.locks import lock_beside, writing
from impossible_lms.models.checkpoints import Checkpoint
from tests.sealing import resealed

FEW = Request(sample=5)


@pytest.fixture
def loaded(monkeypatch):
    """The steps of the checkpoints that were loaded, in order."""
    steps: list[int] = []
    load = Checkpoint.load

    def counted(self):
        steps.append(self.step)
        return load(self)

    monkeypatch.setattr(Checkpoint, "load", counted)
    return steps


def test_nothing_is_computed_twice(copied_run, loaded):
    first = evaluate(PERPLEXITY, copied_run, FEW)
    assert loaded == [4, 8, 12]
    again = evaluate(PERPLEXITY, copied_run, FEW)
    pd.testing.assert_frame_equal(again.curve, first.curve)
    assert loaded == [4, 8, 12]
    assert evaluate(PERPLEXITY, copied_run, Request(sample=5, checkpoints="8")).curve["step"].tolist() == [8]
    assert loaded == [4, 8, 12]


def test_a_stopped_evaluation_goes_on_where_it_stopped(copied_run, loaded, monkeypatch):
    load = Checkpoint.load

    def stopped(self):
        if self.step == 8:
            raise KeyboardInterrupt
        return load(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "load", stopped)
        evaluate(PERPLEXITY, copied_run, FEW)
    assert loaded == [4] and not (copied_run.folder / "evaluation" / "perplexity").exists()
    evaluate(PERPLEXITY, copied_run, FEW)
    assert loaded == [4, 8, 12]


def test_of_two_evaluations_at_once_the_later_one_is_told(copied_run, loaded):
    with writing(copied_run.folder / "evaluation" / "perplexity"):
        with pytest.raises(UserError, match=r"evaluation/perplexity: is being written by process [0-9]+ on "):
            evaluate(PERPLEXITY, copied_run, FEW)
        another = evaluate(PERPLEXITY, copied_run, Request(sample=5, checkpoints="8", name="another"))
    assert loaded == [8]
    lock_beside(next((copied_run.folder / "evaluation" / "parts").iterdir())).touch()  # of a process that was killed
    evaluate(PERPLEXITY, copied_run, FEW)
    names = {path.name for path in (copied_run.folder / "evaluation").rglob(".*")}
    assert not names and another.folder.is_dir()


def test_new_tables_have_no_figure_of_others(copied_run):
    found = evaluate(PERPLEXITY, copied_run, FEW)
    for path in figure_places(found.folder):
        path.touch()
    evaluate(PERPLEXITY, copied_run, FEW)
    assert has_figure(found.folder)
    evaluate(PERPLEXITY, copied_run, Request(sample=6))
    assert not has_figure(found.folder)


def test_a_new_checkpoint_costs_itself_alone(copied_run, loaded):
    later = copied_run.folder / "checkpoints" / "checkpoint-12"
    shutil.move(later, copied_run.folder / "later")
    assert evaluate(PERPLEXITY, copied_run, FEW).curve["step"].tolist() == [4, 8]
    shutil.move(copied_run.folder / "later", later)
    assert evaluate(PERPLEXITY, copied_run, FEW).curve["step"].tolist() == [4, 8, 12]
    assert loaded == [4, 8, 12]


def test_what_was_measured_of_another_model_is_never_taken(copied_run, loaded):
    evaluate(PERPLEXITY, copied_run, Request(sample=5, checkpoints="8"))
    folder = copied_run.folder / "checkpoints"
    for name in ("model.safetensors", "manifest.json"):
        shutil.copyfile(folder / "checkpoint-12" / name, folder / "checkpoint-8" / name)
    resealed(folder / "checkpoint-8" / "manifest.json", lambda manifest: manifest["record"].update(step=8))
    evaluate(PERPLEXITY, copied_run, Request(sample=5, checkpoints="8"))
    assert loaded == [8, 8]


def test_a_damaged_part_is_made_again(copied_run, loaded):
    evaluate(PERPLEXITY, copied_run, FEW)
    part = next((copied_run.folder / "evaluation" / "parts").glob("*/items.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    evaluate(PERPLEXITY, copied_run, FEW)
    assert len(loaded) == 4


def test_a_corrupt_checkpoint_is_skipped_and_named(copied_run):
    weights = copied_run.folder / "checkpoints" / "checkpoint-8" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-9] ^= 1
    weights.write_bytes(data)
    (copied_run.folder / "checkpoints" / "checkpoint-12" / "manifest.json").write_text("{", encoding="utf-8")
    found = evaluate(PERPLEXITY, copied_run, FEW)
    assert list(found.skipped) == ["checkpoint-12", "checkpoint-8"]
    assert "its content has changed since it was made" in found.skipped["checkpoint-8"]
    assert found.curve["step"].tolist() == [4, 8, 12] and found.curve["perplexity"].notna().tolist() == [
        True,
        False,
        False,
    ]
    assert found.curve["fault"].isna().tolist() == [True, False, False]
    with pytest.raises(UserError, match=r"no checkpoint can be measured.*has changed since"):
        evaluate(PERPLEXITY, copied_run, Request(sample=5, checkpoints="8"))


def test_checkpoints_are_chosen(copied_run):
    def steps(which):
        return [checkpoint.step for checkpoint in chosen(copied_run, which)]

    assert (
        steps("all") == [4, 8, 12] and steps("every=8") == [8] and steps("last") == [12] and steps("12,4,4") == [4, 12]
    )
    for which, said in [
        ("every=5", r"--checkpoints every=5: none there\. .* has 4, 8, 12."),
        ("4,5", "--checkpoints 4,5: no checkpoint 5. .* has 4, 8, 12."),
        ("lats", "--checkpoints lats: expected all, last, every=200, or steps as 100,200."),
    ]:
        with pytest.raises(UserError, match=said):
            steps(which)


def test_a_run_without_checkpoints_says_so(copied_run):
    shutil.rmtree(copied_run.folder / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint yet"):
        evaluate(PERPLEXITY, copied_run)


def test_an_option_that_a_metric_has_not_is_refused(copied_run):
    with pytest.raises(UserError, match=r"--corpus: perplexity does not use it. Name the --language, too"):
        evaluate(PERPLEXITY, copied_run, Request(corpus="grammar:"))
    with pytest.raises(UserError, match=r"--precision fp8: unknown. Known: fp32, tf32, bf16."):
        Request(precision="fp8")


def test_several_devices_give_what_one_gives(copied_run, loaded):
    one = evaluate(PERPLEXITY, copied_run, FEW).curve
    shutil.rmtree(copied_run.folder / "evaluation")
    pd.testing.assert_frame_equal(evaluate(PERPLEXITY, copied_run, FEW, devices=["cpu", "cpu"]).curve, one)
    assert sorted(loaded) == [4, 4, 8, 8, 12, 12]


def test_half_precision_is_reported_and_near(copied_run):
    full = evaluate(PERPLEXITY, copied_run, FEW)
    half = evaluate(PERPLEXITY, copied_run, Request(sample=5, precision="bf16"))
    assert half.folder.name == "perplexity-bf16"
    assert half.curve["perplexity"].to_numpy() == pytest.approx(full.curve["perplexity"].to_numpy(), rel=0.02)


def test_over_seeds(copied_run):
    found = evaluate(PERPLEXITY, copied_run, FEW)
    curve, tables = found.curve, found.tables
    alone = over_seeds(PERPLEXITY, [tables])
    assert alone["interval"].str.contains("one seed: other seeds may differ").all()
    for column in ("perplexity", "low", "high"):
        assert alone[column].tolist() == pytest.approx(curve[column].tolist())
    items = tables.items.assign(perplexity=tables.items["perplexity"] * 1.21)
    twice = over_seeds(PERPLEXITY, [tables, tables._replace(curve=curve.assign(seed=54), items=items)])
    assert (twice["interval"] == "seeds and items").all() and (twice["seeds"] == 2).all()
    assert twice["perplexity"].tolist() == pytest.approx((curve["perplexity"] * 1.1).tolist())  # a geometric mean
    assert (twice["low"] > 0).all() and (twice["low"] < alone["low"]).all()
    assert twice["each"].map(len).tolist() == [2] * len(twice)


def test_intervals_of_shares_over_seeds_end_at_0_and_1():
    row = {"language": "no-hop", "architecture": "gpt2", "data": "no-hop", "step": 9, "fault": None}
    tables = []
    for seed, right in enumerate((5, 9)):
        items = pd.DataFrame({"step": 9, "who": "model", "length": "1-10", "well_formed": np.arange(10) < right})
        tables.append(Tables(pd.DataFrame([row | {"seed": seed}]), items))
    (found,) = over_seeds(GENERATION, tables).query("length == 'all'").itertuples()
    assert found.each == [0.5, 0.9] and 0 < found.low < 0.1 and 0.7 < found.well_formed < 0.8 and 0.95 < found.high < 1


def test_a_metric_that_is_measured_with_others_gets_the_options_it_has():
    request = Request(corpus="english", as_published=True, sample=3)
    both = [METRICS["perplexity"], METRICS["minimal-pairs"]]
    assert request_of(both[0], request, both) == Request(as_published=True, sample=3)
    assert request_of(both[1], request, both) == Request(corpus="english", sample=3)
    assert request_of(both[0], request, both[:1]) == request  # which `evaluate` then refuses
