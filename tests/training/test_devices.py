"""Several processes train what one would: two of one machine, and two machines of one."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from safetensors.torch import load_file

from impossible_lms.training.train import train


@pytest.fixture
def shared_recipe(recipe, tmp_path):
    """Eight sequences a step, and the file of that recipe."""
    chosen = recipe.model_copy(update={"sequences_per_step": 8, "steps": 6, "held_out_every": 3})
    path = tmp_path / "recipe.toml"
    path.write_text("".join(f"{key} = {value!r}\n" for key, value in chosen.model_dump().items()))
    return chosen, str(path)


def launched(data, output, recipe_file, *flags, torchrun=("--standalone", "--nproc-per-node=2")):
    command = [sys.executable, "-m", "torch.distributed.run", *torchrun, "-m", "impossible_lms", "train"]
    command += ["--data", str(data), "--output", str(output), "--recipe", recipe_file, "--size", "tiny", *flags]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def assert_alike(first, second):
    """Losses and norms to rounding; weights as a whole, by what the last two steps changed.

    Sums in another order differ by rounding, and where a gradient is of that size AdamW makes a whole step of it, of
    either sign: single weights may differ by as much as they moved.
    """
    lines = [
        [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()] for folder in (first, second)
    ]
    assert [line["step"] for line in lines[0]] == [line["step"] for line in lines[1]] == list(range(1, 7))
    for name in ("loss", "loss_markers", "loss_others", "gradient_norm", "learning_rate"):
        ours, theirs = ([line[name] for line in side] for side in lines)
        assert np.allclose(ours, theirs, rtol=1e-3), name
    ours, theirs = ([line["held_out_loss"] for line in side[2::3]] for side in lines)
    assert np.allclose(ours, theirs, rtol=1e-3)
    before, *after = (
        load_file(folder / "checkpoints" / f"checkpoint-{step}" / "model.safetensors")
        for folder, step in ((first, 4), (first, 6), (second, 6))
    )
    changed, apart = (
        sum(float((one[name] - other[name]).double().square().sum()) for name in one) ** 0.5
        for one, other in ((before, after[0]), after)
    )
    assert apart < 0.05 * changed


def test_two_processes_train_what_one_does(dataset, shared_recipe, tmp_path):
    recipe, path = shared_recipe
    process = launched(dataset.folder, tmp_path / "two", path, "--micro-batch", "1")  # 2 processes x accumulation 4
    said = process.communicate()
    assert process.returncode == 0, said
    assert said[0].count("6 steps") == 1
    one = train(dataset.folder, tmp_path / "one", recipe=recipe, size="tiny")
    assert_alike(tmp_path / "two", one.folder)
    assert json.loads((tmp_path / "two" / "finished.json").read_text())["hardware"]["devices"] == 2


def test_two_machines_train_what_one_does(dataset, shared_recipe, tmp_path):
    recipe, path = shared_recipe
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nodes = [
        launched(
            dataset.folder,
            tmp_path / "two",
            path,
            torchrun=(
                "--nnodes=2",
                f"--node-rank={rank}",
                "--nproc-per-node=1",
                "--master-addr=127.0.0.1",
                f"--master-port={port}",
            ),
        )
        for rank in range(2)
    ]
    for node in nodes:
        said = node.communicate(timeout=120)
        assert node.returncode == 0, said
    assert_alike(tmp_path / "two", train(dataset.folder, tmp_path / "one", recipe=recipe, size="tiny").folder)


def test_processes_that_do_not_divide_a_step_are_refused(dataset, shared_recipe, tmp_path):
    process = launched(
        dataset.folder, tmp_path / "x", shared_recipe[1], torchrun=("--standalone", "--nproc-per-node=3")
    )
    _, said = process.communicate()
    assert process.returncode != 0 and not (tmp_path / "x" / "run.json").exists()
    assert "sequences_per_step: 8 cannot be divided among 3 processes. Start a number of processes that" in said
