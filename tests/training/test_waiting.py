"""No number is read back from the device within a step; what it tells is read later, and in time."""

import json

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from impossible_lms.errors import Interrupted, UserError
from impossible_lms.models.architectures import SIZES, get_architecture, make_config, make_model
from impossible_lms.training import readings
from impossible_lms.training.fast import attention
from impossible_lms.training.fast.network import Network
from impossible_lms.training.loop import Training
from impossible_lms.training.train import Options, train
from tests.at_step import AtStep
from tests.training.test_faults import assert_same_result, interrupt

# What a device must be waited for: its numbers are looked at, or decide a shape.
READING = ("_local_scalar_dense", "nonzero", "_unique", "masked_select", "equal.default")


class Readings(TorchDispatchMode):
    """Counts the operations that make a GPU's numbers known to the processor."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        if any(name in str(function) for name in READING):
            self.found.append(str(function))
        return function(*arguments, **(keywords or {}))


def llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=401,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            pad_token_id=0,
        )
    )


def gpt2():
    config = make_config(SIZES["tiny"], vocabulary_size=401, context=32, end_of_text=0, dropout=0.1)
    return make_model(get_architecture("gpt2"), config, 5)


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_networks_step_reads_nothing_back(recipe, precision, make, monkeypatch):
    chosen = recipe.model_copy(update={"precision": precision})
    ids = torch.randint(0, 401, (4, 32), generator=torch.Generator().manual_seed(1))
    counted = {}
    for waited_for in (frozenset({"cpu"}), frozenset()):  # as on a GPU, and as it was
        monkeypatch.setattr(attention, "WAITED_FOR", waited_for)
        network = Network(make(), chosen, torch.device("cpu"), sequences=2, operations=0, compiled=False, say=print)
        keys = torch.zeros(network.sites, 4, 2, dtype=torch.int32)
        with Readings() as counted[bool(waited_for)]:
            network.begin_step(0)
            for first in (0, 2):
                network.micro_batch(ids[first : first + 2], keys[:, first : first + 2])
            network.update(1e-3, network.gradient_norm())
    assert counted[True].found == []
    assert len(counted[False].found) >= 2  # transformers looks into each micro-batch: so the count can tell


def test_a_runs_step_reads_nothing_back(dataset, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(attention, "WAITED_FOR", frozenset({"cpu"}))
    whole, found = Training._take, []

    def counted(self, *arguments):
        with Readings() as readings_of_step:
            reading = whole(self, *arguments)
        found.append(readings_of_step.found)
        return reading

    monkeypatch.setattr(Training, "_take", counted)
    train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny", options=Options(micro_batch=2))
    assert found == [[]] * 12


@pytest.mark.gpu
def test_cuda_is_never_waited_for_within_a_step(dataset, recipe, tmp_path, monkeypatch):
    """By torch's own account: its debug mode raises where a call waits for the device."""
    whole = Training._take
    taken: list[int] = []

    def watched(self, *arguments):
        torch.cuda.set_sync_debug_mode("error" if taken else "default")  # the first sets things up
        try:
            return whole(self, *arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")
            taken.append(1)

    monkeypatch.setattr(Training, "_take", watched)
    chosen = recipe.model_copy(update={"precision": "bf16"})
    train(dataset.folder, tmp_path / "run", recipe=chosen, size="tiny", options=Options(micro_batch=2))
    assert len(taken) == 12


@pytest.fixture
def behind(monkeypatch):
    """Numbers are read a step later, as on a GPU."""
    monkeypatch.setitem(readings.STEPS_BEHIND, "cpu", 1)


def test_what_is_read_later_is_the_same(run, dataset, recipe, tmp_path, behind):
    later = train(dataset.folder, tmp_path / "later", recipe=recipe, size="tiny")
    assert_same_result(later.folder, run.folder)
    assert [line["step"] for line in later.metrics()] == list(range(1, 13))
    assert later.finished is not None and run.finished is not None
    assert later.finished["held_out_loss"] == run.finished["held_out_loss"]


@pytest.mark.parametrize("step", [5, 8, 12])
def test_a_run_cut_while_numbers_are_on_their_way_goes_on_to_the_same_bits(
    run, dataset, recipe, tmp_path, behind, step
):
    folder = tmp_path / "cut"
    if step < 12:
        with pytest.raises(Interrupted):
            train(dataset.folder, folder, recipe=recipe, size="tiny", progress=AtStep(step, interrupt))
        assert not (folder / "finished.json").exists()
    else:
        train(dataset.folder, folder, recipe=recipe, size="tiny", progress=AtStep(step, interrupt))
    assert_same_result(train(dataset.folder, folder, recipe=recipe, size="tiny").folder, run.folder)


@pytest.mark.parametrize("bad", [7, 8])  # in the middle, and at a step whose checkpoint is to be kept
def test_a_bad_loss_is_found_before_a_checkpoint_of_it(run, dataset, recipe, tmp_path, monkeypatch, behind, bad):
    whole, taken = Network.micro_batch, []

    def poisoned(self, ids, keys):
        losses = whole(self, ids, keys)
        taken.append(1)
        if len(taken) == bad:
            losses[2, 5] = float("nan")
        return losses

    monkeypatch.setattr(Network, "micro_batch", poisoned)
    with pytest.raises(UserError, match=rf"step {bad} has loss nan .* the step was not taken, .*checkpoint-4[.]"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")
    assert json.loads((tmp_path / "run" / "diverged.json").read_text())["step"] == bad
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == bad - 1
    monkeypatch.setattr(Network, "micro_batch", whole)
    assert_same_result(train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny").folder, run.folder)


@pytest.mark.parametrize("fault", ["norm", "loss"])
def test_a_step_without_a_number_changes_no_weight(recipe, fault):
    network = Network(gpt2(), recipe, torch.device("cpu"), sequences=4, operations=0, compiled=False, say=print)
    ids = torch.randint(0, 401, (4, 32), generator=torch.Generator().manual_seed(1))
    keys = torch.zeros(network.sites, 4, 2, dtype=torch.int32)
    for step in range(3):
        before = {name: [array.clone() for array in arrays] for name, arrays in network.arrays().items()}
        network.begin_step(step)
        network.micro_batch(ids, keys)
        nothing = torch.tensor(float("nan"))
        is_bad = step == 1
        norm, loss = network.gradient_norm(), torch.tensor(1.0)
        network.update(1e-3, nothing if is_bad and fault == "norm" else norm, nothing if is_bad else loss)
        same = [
            torch.equal(ours, theirs)
            for name, arrays in network.arrays().items()
            for ours, theirs in zip(arrays, before[name], strict=True)
        ]
        assert all(same) if is_bad else not any(same)
    assert all(state["step"] == 2 for state in network.optimizer.state.values())
