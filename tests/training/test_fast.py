"""The quick functions compute what the plain ones do: dropout by counting, attention, the loss, the whole step."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from impossible_lms.errors import Interrupted
from impossible_lms.models.architectures import SIZES, get_architecture, make_config, make_model
from impossible_lms.models.gelu import Gelu
from impossible_lms.training.fast.attention import attention
from impossible_lms.training.fast.dropout import Dropout, kept
from impossible_lms.training.fast.loss import OutputLoss
from impossible_lms.training.fast.network import Network
from impossible_lms.training.order import blocks_of_step
from impossible_lms.training.train import Options, train

CPU = torch.device("cpu")


def random_keys(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**31), 2**31, (*shape, 2), generator=generator).int()


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_masks_drop_as_many_as_asked_and_are_independent(probability):
    count, batch = 200_000, 6
    stays = kept(torch.arange(count, dtype=torch.int32), random_keys(batch), probability).double()
    spread = 4 * (probability * (1 - probability) / count) ** 0.5
    assert ((stays.mean(1) - (1 - probability)).abs() < spread).all()
    centred = stays - (1 - probability)
    for lag in (1, 2, 16, 128, 4096):  # neighbours and columns of one mask
        assert ((centred[:, lag:] * centred[:, :-lag]).mean(1).abs() < spread).all(), lag
    for other in range(1, batch):  # masks of other sequences
        assert (centred[0] * centred[other]).mean().abs() < spread


def test_a_sequence_has_the_same_mask_in_any_batch():
    keys, place = random_keys(5), torch.arange(1000, dtype=torch.int32)
    whole = kept(place, keys, 0.1)
    assert torch.equal(whole[2:4], kept(place, keys[2:4], 0.1))
    assert len({row.numpy().tobytes() for row in whole}) == 5


def test_dropout_keeps_the_expectation_and_is_off_when_evaluating():
    module = Dropout(0.25)
    module.keys = random_keys(2)
    x = torch.ones(2, 50, 400)
    dropped = module.train()(x)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(module(x.view(100, 400)).view_as(x), dropped)  # batch and length in one dimension
    assert torch.equal(module.eval()(x), x)


class Heads(torch.nn.Module):
    keys: torch.Tensor
    is_causal = True


@pytest.mark.parametrize("length", [7, 300])  # less and more than a block of rows
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_attention_and_its_gradients_equal_the_plain_ones(length, kv_heads):
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(2, 4, length, 16, generator=generator, requires_grad=True)
    key, value = (torch.randn(2, kv_heads, length, 16, generator=generator, requires_grad=True) for _ in range(2))
    module = Heads()
    module.keys = random_keys(2)
    out, _ = attention(module, query, key, value, None, dropout=0.1, scaling=0.3)
    stays = kept(torch.arange(4 * length * length, dtype=torch.int32).view(4, length, length), module.keys, 0.1)
    wide = [x.repeat_interleave(4 // kv_heads, 1) for x in (key, value)]
    scores = (query @ wide[0].transpose(-1, -2)) * 0.3
    scores = scores.masked_fill(~torch.ones(length, length, dtype=torch.bool).tril(), -torch.inf)
    plain = ((scores.softmax(-1) * stays / 0.9) @ wide[1]).transpose(1, 2)
    assert torch.allclose(out, plain, atol=1e-5)
    towards = torch.randn(plain.shape, generator=generator)
    for ours, theirs in zip(
        torch.autograd.grad(out, (query, key, value), towards),
        torch.autograd.grad(plain, (query, key, value), towards),
        strict=True,
    ):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_attention_takes_a_mask_and_without_dropout_is_torchs():
    generator = torch.Generator().manual_seed(2)
    query, key, value = (torch.randn(1, 2, 6, 8, generator=generator) for _ in range(3))
    module = Heads()
    module.keys = random_keys(1)
    band = torch.ones(6, 6, dtype=torch.bool).tril() & torch.ones(6, 6, dtype=torch.bool).triu(-2)
    expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=band, scale=0.5).transpose(1, 2)
    nearly, _ = attention(module, query, key, value, band[None, None], dropout=1e-9, scaling=0.5)
    none, _ = attention(module, query, key, value, band[None, None], dropout=0.0, scaling=torch.tensor(0.5))
    assert torch.allclose(nearly, expected, atol=1e-5) and torch.allclose(none, expected, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("bias", [False, True])
def test_the_loss_and_its_gradients_equal_the_plain_ones(bias, compiled):
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(300, 24, generator=generator, requires_grad=True)
    weight = torch.randn(20_001, 24, generator=generator, requires_grad=True)  # so that it is taken in parts
    shift = torch.randn(20_001, generator=generator, requires_grad=True) if bias else None
    targets = torch.randint(0, 20_001, (300,), generator=generator)
    of_weight, of_bias = torch.zeros_like(weight), None if shift is None else torch.ones_like(shift)
    losses, of_hidden = OutputLoss(compiled)(
        hidden.detach(),
        targets.int(),
        weight.detach(),
        None if shift is None else shift.detach(),
        torch.tensor(0.01),
        of_weight,
        of_bias,
    )
    plain = functional.cross_entropy(functional.linear(hidden, weight, shift), targets, reduction="none")
    (plain.sum() * 0.01).backward()
    assert torch.allclose(losses, plain, atol=1e-4)
    added = None if of_bias is None else of_bias - 1  # to what was there
    for ours, theirs in ((of_hidden, hidden), (of_weight, weight), (added, shift)):
        if ours is not None and theirs is not None and theirs.grad is not None:
            assert torch.allclose(ours, theirs.grad, atol=1e-6)


@pytest.mark.slow
def test_compiled_attention_keeps_nothing_of_the_size_of_its_matrix():
    query, key, value = (torch.randn(1, 2, 600, 16, requires_grad=True) for _ in range(3))
    module = Heads()
    module.keys = random_keys(1)
    compiled = torch.compile(lambda: attention(module, query, key, value, None, dropout=0.1)[0].sum(), dynamic=False)
    kept_for_backward: list[int] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept_for_backward.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        compiled().backward()
    assert 0 < max(kept_for_backward) <= query.numel()


def test_gelu_is_gpt2s():
    from transformers.activations import NewGELUActivation

    x = torch.linspace(-6, 6, 1001)
    assert torch.allclose(Gelu()(x), NewGELUActivation()(x), atol=1e-6)


def made(recipe, name, seed=5):
    """A network without dropout, whose first steps are clipped much or not at all, and its recipe."""
    still = recipe.model_copy(update={"dropout": 0.0, "weight_decay": 0.5, "gradient_clip": 4.0})
    config = make_config(SIZES["tiny"], vocabulary_size=401, context=32, end_of_text=0, dropout=0.0)
    model = make_model(get_architecture(name), config, seed)
    return Network(model, still, CPU, sequences=2, operations=0, compiled=False, say=print), still, config


def apart(ours, theirs):
    """The distance of two arrays, or of two lists of them."""
    pairs = zip(ours, theirs, strict=True) if isinstance(ours, list) else [(ours, theirs)]
    return sum(float((one.double() - other.double()).square().sum()) for one, other in pairs) ** 0.5


def of_each(network, arrays):
    return {name: network._view(arrays, name).clone() for name in network._slices}


def optimizer_of(parameters, recipe):
    """Torch's own, with weight decay where the recipe has it."""
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon)


def assert_steps_equal(network, recipe, plain, batches):
    """Three steps against transformers' loss and torch's own tools, from the same weights as `plain` has.

    Given the same weights, losses and gradients equal those of a plain model to rounding. Given the same gradients, the
    rule of the update does what torch's AdamW and clipping do, three steps long. The two models then trained apart are
    compared as a whole, by what the steps changed: AdamW divides a gradient by its own size, so where one is of the
    size of rounding (that of a key's bias is nothing else) its step is as large as any other and of either sign, and
    no bound holds for a single weight. Keys' biases are 512 of 850,000 numbers: 3.5 % of the change at the worst.
    """
    free = dict(plain.named_parameters())
    beside = copy.deepcopy(plain)  # has the network's weights at each step
    given = {name: torch.nn.Parameter(parameter.detach().clone()) for name, parameter in free.items()}
    start = [parameter.detach().clone() for parameter in free.values()]
    ruled, freed = (optimizer_of(list(kept.values()), recipe) for kept in (given, free))
    clipped = set()
    for step, batch in enumerate(batches):
        weights = network.snapshot()["weights"]
        for name, parameter in beside.named_parameters():
            parameter.data.copy_(weights[name])
            parameter.grad = None
        network.begin_step(step)
        keys = random_keys(network.sites, 4, seed=step)
        losses = torch.cat([network.micro_batch(batch[at : at + 2], keys[:, at : at + 2]) for at in (0, 2)])
        loss, of_free = (model(input_ids=batch, labels=batch).loss for model in (beside, plain))
        loss.backward()
        of_free.backward()
        assert losses.mean().item() == pytest.approx(loss.item(), rel=1e-5)
        gradients = of_each(network, network.gradients)
        whole = sum(float(gradient.square().sum()) for gradient in gradients.values()) ** 0.5
        for name, parameter in beside.named_parameters():
            allowed = 1e-5 * float(parameter.grad.norm()) + 1e-7 * whole
            assert apart(gradients[name], parameter.grad) < allowed, f"gradient of {name}"
            given[name].grad = gradients[name]
        norm = network.gradient_norm().item()
        expected, _ = (torch.nn.utils.clip_grad_norm_(kept.values(), recipe.gradient_clip) for kept in (given, free))
        assert norm == pytest.approx(expected.item(), rel=1e-4)
        clipped.add(norm > recipe.gradient_clip)
        network.update(1e-3, norm)
        for optimizer in (ruled, freed):
            optimizer.step()
            optimizer.zero_grad()
        for name, now in network.snapshot()["weights"].items():
            changed = apart(given[name].detach(), weights[name])
            assert apart(now, given[name].detach()) < 3e-4 * changed, f"step of {name}"
    assert clipped == {True, False}
    saved = network.snapshot()["weights"]
    ours, theirs = ([each[name].detach() for name in free] for each in (saved, free))
    assert apart(ours, theirs) < 0.05 * apart(theirs, start), "weights"


def batches():
    """(3, 4, 32) ids: random ones, one token over and over, whose gradient is many times as large, and others."""
    ids = torch.randint(0, 401, (3, 4, 32), generator=torch.Generator().manual_seed(7))
    ids[1] = 3
    return ids


@pytest.mark.parametrize("name", ["gpt2", "gpt2-no-pos"])
def test_a_step_equals_the_plain_one(recipe, name):
    network, still, config = made(recipe, name)
    plain = make_model(get_architecture(name), config, 5).train()
    assert_steps_equal(network, still, plain, batches())
    ids = batches()[0]
    held_out = network.held_out_losses(ids).mean().item()
    assert held_out == pytest.approx(plain.eval()(input_ids=ids, labels=ids).loss.item(), rel=1e-3)


def unclipped(network):
    update = network.update
    network.update = lambda rate, norm: update(rate, 0.0)


def undecayed(network):
    network.optimizer.param_groups[0]["weight_decay"] = 0.0


def decayed_alike(network):
    network.optimizer.param_groups[1]["weight_decay"] = network.optimizer.param_groups[0]["weight_decay"]


def uncorrected(network):
    network.set_step(10_000)


def of_other_moments(network):
    for group in network.optimizer.param_groups:
        group["betas"] = (0.9, 0.99)


def with_a_wrong_gradient(network):
    """One in a hundred too large, of the smallest parameter alone."""
    micro_batch, name = network.micro_batch, "transformer.h.1.ln_2.bias"

    def wrong(ids, keys):
        losses = micro_batch(ids, keys)
        network._view(network.gradients, name).mul_(1.01)
        return losses

    network.micro_batch = wrong


FAULTS = (unclipped, undecayed, decayed_alike, uncorrected, of_other_moments, with_a_wrong_gradient)


@pytest.mark.parametrize("broken", FAULTS)
def test_the_comparison_of_steps_sees_what_is_wrong_in_one(recipe, broken):
    network, still, config = made(recipe, "gpt2")
    plain = make_model(get_architecture("gpt2"), config, 5).train()
    broken(network)
    with pytest.raises(AssertionError, match=r"gradient of|step of"):
        assert_steps_equal(network, still, plain, batches())


@pytest.mark.slow
def test_compiled_steps_equal_the_others_and_resume_to_the_bit(dataset, recipe, tmp_path):
    """Fourteen steps, of which the last four are compiled; cut before and after that."""
    from tests.at_step import AtStep
    from tests.training.test_faults import assert_same_result, interrupt

    chosen = recipe.model_copy(update={"steps": 14, "precision": "bf16"})
    plain = train(dataset.folder, tmp_path / "plain", recipe=chosen, size="tiny", options=Options(compiled=False))
    whole = train(dataset.folder, tmp_path / "whole", recipe=chosen, size="tiny", options=Options(compiled=True))
    for step in (9, 12):
        with pytest.raises(Interrupted):
            train(
                dataset.folder,
                tmp_path / "cut",
                recipe=chosen,
                size="tiny",
                options=Options(compiled=True),
                progress=AtStep(step, interrupt),
            )
    cut = train(dataset.folder, tmp_path / "cut", recipe=chosen, size="tiny", options=Options(compiled=True))
    assert_same_result(cut.folder, whole.folder)
    for ours, theirs in zip(whole.metrics(), plain.metrics(), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=2e-3)
    assert whole.metrics()[-1]["loss"] != plain.metrics()[-1]["loss"]


def plain_losses(dataset, recipe, seed):
    """Losses of a plain float32 loop: transformers' model and loss, torch's dropout, clipping and AdamW."""
    config = make_config(
        SIZES["tiny"], vocabulary_size=dataset.vocabulary_size, context=32, end_of_text=0, dropout=recipe.dropout
    )
    model = make_model(get_architecture("gpt2-no-pos"), config, seed).train()
    optimizer = optimizer_of(list(model.parameters()), recipe)
    losses = []
    for step in range(recipe.steps):
        ids = torch.from_numpy(dataset.blocks(blocks_of_step(seed, step, recipe.sequences_per_step, len(dataset))))
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_clip)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(step)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return np.array(losses).reshape(-1, 10).mean(1)


@pytest.mark.slow
def test_the_fast_paths_curve_lies_within_the_spread_of_seeds(dataset, recipe, tmp_path):
    """A hundred steps with dropout, bf16 and compiled, beside plain float32; means of ten steps, in nats."""
    chosen = recipe.model_copy(
        update={"steps": 100, "sequences_per_step": 16, "warmup_steps": 10, "checkpoint_every": 100}
    )
    seeds = (53, 54, 55, 56)
    plain = np.array([plain_losses(dataset, chosen, seed) for seed in seeds])
    fast = []
    for seed in seeds:
        run = train(
            dataset.folder,
            tmp_path / str(seed),
            recipe=chosen.model_copy(update={"precision": "bf16"}),
            size="tiny",
            seed=seed,
            options=Options(compiled=True),
        )
        fast.append(np.array([line["loss"] for line in run.metrics()]).reshape(-1, 10).mean(1))
    spread = np.std(plain, axis=0, ddof=1)
    apart = np.array(fast) - plain
    each = apart.mean(1)  # masks of dropout differ, and so do curves, but not in one direction
    print(f"apart on average {np.abs(apart).mean():.4f}, by seed {each}; seeds spread by {spread.mean():.4f}")
    assert np.abs(apart).mean() < spread.mean()
    assert abs(each.mean()) < 3 * each.std(ddof=1) / len(seeds) ** 0.5
