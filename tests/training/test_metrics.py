"""Metrics: every line whole and in its place, the trackers people use, and energy where it can be read."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from impossible_lms import build_dataset, get_language, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.training.energy import EnergyMeter
from impossible_lms.training.held_out import held_out_blocks
from impossible_lms.training.operations import matrix_rate, operations_per_token, product_rate, products_of_step
from impossible_lms.training.train import Options, train


def test_the_loss_is_split_into_markers_and_others(run, dataset, recipe):
    mark = dataset.tokenizer.markers["🅁"]
    from impossible_lms.training.order import blocks_of_step

    for step, line in enumerate(run.metrics()):
        blocks = dataset.blocks(blocks_of_step(53, step, recipe.sequences_per_step, len(dataset)))[:, 1:]
        share = (blocks == mark).mean()
        assert 0 < share < 1
        mixed = share * line["loss_markers"] + (1 - share) * line["loss_others"]
        assert mixed == pytest.approx(line["loss"], rel=1e-6)
        assert 0 < line["model_flops_utilisation"] < 2 and line["tokens_per_second"] > 0
    assert [line["step"] for line in run.metrics() if "held_out_loss" in line] == [12]
    assert run.finished["held_out_loss"] == run.metrics()[-1]["held_out_loss"]
    assert run.finished["energy_source"] and "kilowatt_hours" in run.finished and run.finished["hours"] >= 0


def test_a_language_without_markers_has_no_such_loss(recipe, tokenizer, tmp_path):
    corpus = read_corpus("grammar:sentences=500,seed=3")
    data = build_dataset(corpus, get_language("no-shuffle"), tokenizer, tmp_path / "data", context=32)
    run = train(data.folder, tmp_path / "run", recipe=recipe.model_copy(update={"steps": 4}), size="tiny")
    assert all(line["loss_markers"] is None and line["loss_others"] == line["loss"] for line in run.metrics())


def test_held_out_blocks_are_the_dev_split_in_order(dataset):
    blocks = held_out_blocks(dataset)
    text = blocks.reshape(-1)
    at = 0
    for sentence in dataset.held_out("dev").tokens:
        if at + len(sentence) >= len(text):
            break
        assert np.array_equal(text[at : at + len(sentence)], sentence)
        assert text[at + len(sentence)] == dataset.tokenizer.end_of_text
        at += len(sentence) + 1
    assert blocks.shape[1] == dataset.context and len(blocks)


def test_the_held_out_loss_is_that_of_the_checkpoint(run, dataset):
    model, blocks = run.checkpoints()[-1].load(), torch.from_numpy(held_out_blocks(dataset))
    with torch.inference_mode():
        losses = [model(input_ids=rows[None], labels=rows[None]).loss.item() for rows in blocks]
    assert run.finished["held_out_loss"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_lines_of_steps_done_again_are_taken_off(dataset, recipe, tmp_path):
    class StoppedError(Exception): ...

    class Stop:
        def start(self, what, total): ...
        def end(self): ...
        def at(self, done, note=""):
            if done == 7:
                raise StoppedError

    with pytest.raises(StoppedError):
        train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny", progress=Stop())
    path = tmp_path / "run" / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 8, "lo')  # as a kill leaves it
    run = train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")
    assert [line["step"] for line in run.metrics()] == list(range(1, 13))


TRACKED = """
import json, sys
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.train import Options, train
recipe = Recipe.model_validate_json(sys.argv[3])
train(sys.argv[1], sys.argv[2], recipe=recipe, size="tiny", options=Options(track=(sys.argv[4],)))
"""


@pytest.mark.parametrize("tracker", ["trackio", "wandb", "tensorboard"])
def test_trackers_without_a_network(dataset, recipe, tmp_path, tracker):
    if find_spec(tracker) is None:
        pytest.skip(f'needs {tracker} (pip install "impossible-lms[tracking]")')
    environment = os.environ | {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "TRACKIO_DIR": str(tmp_path / "trackio"),
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", TRACKED, str(dataset.folder), str(tmp_path / "run"), recipe.model_dump_json()]
    done = subprocess.run([*command, tracker], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if tracker == "trackio":
        import sqlite3

        database = next((tmp_path / "trackio").glob("*.db"))
        with sqlite3.connect(database) as connection:
            rows = connection.execute("select step, metrics from metrics order by step").fetchall()
        connection.close()
        assert [step for step, _ in rows] == list(range(1, 13)) and "loss_markers" in str(rows[0][1])
    elif tracker == "wandb":
        files = list((tmp_path / "run" / "tracking" / "wandb").glob("offline-run-*/run-*.wandb"))
        assert len(files) == 1 and b"gradient_norm" in files[0].read_bytes()
    else:
        files = list((tmp_path / "run" / "tracking").rglob("events.out.tfevents.*"))
        assert any(b"gradient_norm" in file.read_bytes() for file in files)


def test_unknown_and_missing_trackers_are_refused(dataset, recipe, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"--track mlflow: unknown[.] Known: trackio"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, options=Options(track=("mlflow",)))
    monkeypatch.setattr("impossible_lms.training.metrics.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'--track wandb: not installed[.] pip install "impossible-lms\[tracking\]"'):
        train(dataset.folder, tmp_path / "run", recipe=recipe, options=Options(track=("wandb",)))


def test_energy_is_read_where_it_can_be(tmp_path):
    cpu = torch.device("cpu")
    nothing = EnergyMeter(cpu, True, tmp_path)
    assert not nothing.reads and nothing.joules() == 0 and nothing.source == "not readable on this machine"
    package = tmp_path / "intel-rapl:0"
    (tmp_path / "intel-rapl:0:0").mkdir()
    package.mkdir()
    (package / "energy_uj").write_text("9000000\n")
    (package / "max_energy_range_uj").write_text("10000000\n")
    meter = EnergyMeter(cpu, True, tmp_path)
    assert meter.source == "RAPL" and meter.reads
    (package / "energy_uj").write_text("2000000\n")  # it ran over
    assert meter.joules() == pytest.approx(3)
    assert not EnergyMeter(cpu, False, tmp_path).reads


def test_operations_and_the_rate_of_the_device(run):
    model = run.checkpoints()[-1].load()
    width, layers, vocabulary, context = 128, 4, 401, 32
    weights = layers * 12 * width**2 + vocabulary * width
    assert operations_per_token(model, context) == 6 * weights + 12 * layers * width * context
    assert matrix_rate(torch.device("cpu"), "fp32") > 1e9
    products = products_of_step(model, 64)
    assert set(products.values()) == {
        (64, width, 3 * width),
        (64, width, width),
        (64, width, 4 * width),
        (64, 4 * width, width),
        (64, width, 448),
    }
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert all(product_rate(torch.device("cpu"), "bf16", shape) > 1e6 for shape in products.values())
    assert torch.equal(before, torch.random.get_rng_state())
    assert json.dumps(run.metrics()[0])
