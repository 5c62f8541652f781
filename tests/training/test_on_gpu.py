"""What a GPU computes is what a processor computes; each test runs on both, so that it is known to work without one."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from impossible_lms.errors import Interrupted, UserError
from impossible_lms.models import gpu
from impossible_lms.models.architectures import SIZES, get_architecture, make_config, make_model
from impossible_lms.models.run import Run
from impossible_lms.training import memory
from impossible_lms.training.fast.dropout import kept
from impossible_lms.training.fast.network import Network
from impossible_lms.training.memory import sequences_at_a_time, sequences_that_fit
from impossible_lms.training.train import Options, train
from tests.at_step import AtStep
from tests.training.test_faults import assert_same_result, interrupt

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def network_on(device, recipe, precision, dropout, compiled=False):
    config = make_config(SIZES["tiny"], vocabulary_size=401, context=32, end_of_text=0, dropout=dropout)
    chosen = recipe.model_copy(update={"precision": precision, "dropout": dropout})
    model = make_model(get_architecture("gpt2"), config, 5)
    return Network(model, chosen, torch.device(device), sequences=4, operations=0, compiled=compiled, say=print)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("precision", "rounding"), [("fp32", 1e-3), ("bf16", 4e-2)])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_losses_and_gradients_are_those_of_plain_float32(recipe, device, precision, rounding, compiled, monkeypatch):
    """Of transformers' own model and loss, on the processor; `rounding` is a share of each gradient's norm."""
    from impossible_lms.training.fast import compiling

    monkeypatch.setattr(compiling, "STEPS_BEFORE_COMPILING", {})
    network = network_on(device, recipe, precision, 0.0, compiled)
    config = make_config(SIZES["tiny"], vocabulary_size=401, context=32, end_of_text=0, dropout=0.0)
    plain = make_model(get_architecture("gpt2"), config, 5).train()
    ids = torch.randint(0, 401, (4, 32), generator=torch.Generator().manual_seed(7))
    network.begin_step(0)
    losses = network.micro_batch(ids.to(device), torch.zeros(network.sites, 4, 2, dtype=torch.int32).to(device))
    loss = plain(input_ids=ids, labels=ids).loss
    loss.backward()
    assert losses.mean().item() == pytest.approx(loss.item(), rel=rounding / 10)
    for name, parameter in plain.named_parameters():
        ours = network._view(network.gradients, name).cpu()
        assert (ours - parameter.grad).norm() <= rounding * parameter.grad.norm() + 1e-6, name


@pytest.mark.parametrize("device", DEVICES)
def test_masks_are_the_same_on_every_device(device):
    generator = torch.Generator().manual_seed(1)
    keys = torch.randint(-(2**31), 2**31, (3, 2), generator=generator).int()
    place = torch.arange(5_000, dtype=torch.int32)
    assert torch.equal(kept(place.to(device), keys.to(device), 0.1).cpu(), kept(place, keys, 0.1))


@pytest.mark.gpu
def test_runs_one_after_the_other_and_what_they_say_of_the_gpu(dataset, recipe, tmp_path):
    """Two runs of one process, one after the other, and what their records say of the device."""
    chosen = recipe.model_copy(update={"precision": "bf16"})
    for seed in (1, 2):
        run = train(dataset.folder, tmp_path / str(seed), recipe=chosen, size="tiny", seed=seed)
        lines = run.metrics()
        assert [line["step"] for line in lines] == list(range(1, 13)) and lines[-1]["loss"] < lines[0]["loss"]
        assert run.finished is not None
        assert run.finished["hardware"]["device"] == torch.cuda.get_device_name()


@pytest.mark.parametrize("device", DEVICES)
def test_two_runs_share_a_device(run, dataset, recipe, tmp_path, device):
    """Each in a process of its own with half of a GPU's memory, as an experiment's: both are what one is alone."""
    path = tmp_path / "recipe.toml"
    path.write_text("".join(f"{key} = {value!r}\n" for key, value in recipe.model_dump().items()))
    words = [sys.executable, "-m", "impossible_lms", "train", "--data", str(dataset.folder), "--recipe", str(path)]
    words += ["--size", "tiny", "--model", "gpt2-no-pos"]
    half = (
        os.environ
        | {gpu.SHARE: "0.5", "OMP_NUM_THREADS": "1"}
        | ({"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {})
    )
    beside = [
        subprocess.Popen([*words, "--output", str(tmp_path / name)], env=half, stderr=subprocess.PIPE, text=True)
        for name in ("one", "other")
    ]
    for process in beside:
        _, said = process.communicate()
        assert process.returncode == 0, said
    expected = [line["loss"] for line in run.metrics()]
    for name in ("one", "other"):
        found = Run.open(tmp_path / name)
        assert found.finished is not None
        on_gpu = device == "cuda" and found.finished["hardware"]["device"] == torch.cuda.get_device_name()
        assert on_gpu == (device == "cuda")
        assert np.allclose([line["loss"] for line in found.metrics()], expected, rtol=1e-2)


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_a_deterministic_run_repeats_and_resumes_to_the_bit(dataset, recipe, tmp_path, compiled):
    chosen = recipe.model_copy(update={"precision": "bf16"})
    options = Options(deterministic=True, compiled=compiled, micro_batch=2)
    first, second = (
        train(dataset.folder, tmp_path / name, recipe=chosen, size="tiny", options=options) for name in ("a", "b")
    )
    assert_same_result(first.folder, second.folder)
    with pytest.raises(Interrupted):
        train(
            dataset.folder,
            tmp_path / "cut",
            recipe=chosen,
            size="tiny",
            options=options,
            progress=AtStep(6, interrupt),
        )
    cut = train(dataset.folder, tmp_path / "cut", recipe=chosen, size="tiny", options=options)
    assert_same_result(cut.folder, first.folder)


@pytest.mark.parametrize("device", DEVICES)
def test_deterministic_is_undone_afterwards(dataset, recipe, tmp_path, device):
    seen = []
    train(
        dataset.folder,
        tmp_path / "run",
        recipe=recipe.model_copy(update={"steps": 4}),
        size="tiny",
        options=Options(deterministic=True),
        progress=AtStep(2, lambda: seen.append(torch.are_deterministic_algorithms_enabled())),
    )
    assert seen == [True] and not torch.are_deterministic_algorithms_enabled()


def poor(monkeypatch, room):
    """A device whose memory holds `room` sequences; the micro-batches that were tried."""
    whole, tried = Network.micro_batch, []

    def limited(self, ids, keys):
        tried.append(len(ids))
        if len(ids) > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(self, ids, keys)

    monkeypatch.setattr(Network, "micro_batch", limited)
    return tried


def test_a_step_without_room_begins_again_with_half(run, dataset, recipe, tmp_path, monkeypatch):
    tried = poor(monkeypatch, 1)
    said: list[str] = []
    halved = train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny", say=said.append)
    assert tried[:3] == [4, 2, 1] and set(tried[3:]) == {1}
    assert [line for line in said if "out of memory" in line] == [
        "out of memory: 2 sequences at a time from now on.",
        "out of memory: 1 sequences at a time from now on.",
    ]
    ours, theirs = ([line["loss"] for line in each.metrics()] for each in (halved, run))
    assert np.allclose(ours, theirs, rtol=1e-4)


def test_a_sequence_without_room_is_said(dataset, recipe, tmp_path, monkeypatch):
    poor(monkeypatch, 0)
    with pytest.raises(UserError, match=r"not even one sequence of 32 tokens fits the memory of cpu[.] Use a device"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")


def test_a_micro_batch_goes_by_memory_and_divides_the_share(recipe, monkeypatch):
    published = recipe.model_copy(update={"context": 1024, "sequences_per_step": 512, "precision": "bf16"})
    with torch.device("meta"):
        from transformers import GPT2LMHeadModel

        config = make_config(SIZES["small"], vocabulary_size=50_258, context=1024, end_of_text=0, dropout=0.1)
        model = GPT2LMHeadModel(config)
    gib = 2.0**30
    fit = [sequences_that_fit(model, published, free * gib) for free in (4, 16, 40, 80, 141)]
    assert fit == sorted(fit) and fit[0] == 0 and 4 <= fit[1] <= 16 and 64 <= fit[3] < 128
    assert sequences_that_fit(model, published.model_copy(update={"precision": "fp32"}), 80 * gib) < fit[3]
    cuda = torch.device("cuda")
    chosen = []
    for free, share in ((4, 512), (16, 512), (80, 512), (80, 24), (2_000, 512)):
        monkeypatch.setattr(memory, "free_bytes", lambda device, free=free: free * gib)
        chosen.append(sequences_at_a_time(model, published, cuda, share))
    assert chosen[0] == 1 and 512 % chosen[1] == 0 and chosen[2:] == [64, 24, 128]
    assert sequences_at_a_time(model, published, torch.device("cpu"), 512) == 2


def test_a_share_of_a_gpu_is_all_that_is_counted_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (70e9, 80e9))
    monkeypatch.delenv(gpu.SHARE, raising=False)
    assert gpu.free_bytes(torch.device("cuda")) == 70e9
    monkeypatch.setenv(gpu.SHARE, "0.25")
    assert gpu.free_bytes(torch.device("cuda")) == 20e9
