"""The last layer with padded weights: the same losses and gradients as without, for the vocabularies there are."""

import pytest
import torch

from impossible_lms.models.architectures import SIZES, get_architecture, make_config, make_model
from impossible_lms.training.fast import network as networks
from impossible_lms.training.fast.loss import OutputLoss, padded
from impossible_lms.training.fast.network import Network

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
VOCABULARIES = [50_257, 50_258, 50_259, 2_049, 2_048]
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 2e-2}


def head_of(vocabulary, bias, dtype, device, rows, width=16):
    """Losses and gradients of random states, with weights of so many rows; what is behind the tokens must not count."""
    generator = torch.Generator().manual_seed(vocabulary)
    hidden = torch.randn(40, width, generator=generator)
    weight = torch.full((rows, width), 0.0)
    weight[:vocabulary] = torch.randn(vocabulary, width, generator=generator)
    shift = torch.randn(vocabulary, generator=generator) if bias else None
    targets = torch.randint(0, vocabulary, (40,), generator=generator)
    targets[:2] = torch.tensor([0, vocabulary - 1])
    hidden, weight, targets = hidden.to(device, dtype), weight.to(device, dtype), targets.int().to(device)
    of_weight = torch.zeros(vocabulary, width, device=device)
    of_bias = None if shift is None else torch.zeros(vocabulary, device=device)
    shift = None if shift is None else shift.to(device)
    scale = torch.tensor(0.5, device=device)
    losses, of_hidden = OutputLoss(compiled=False)(hidden, targets, weight, shift, scale, of_weight, of_bias)
    return losses, of_hidden, of_weight, of_bias


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_padding_changes_no_loss_and_no_gradient(vocabulary, bias, dtype, device):
    rows = padded(vocabulary)
    assert rows % 64 == 0 and 0 <= rows - vocabulary < 64
    plain = head_of(vocabulary, bias, dtype, device, vocabulary)
    with_padding = head_of(vocabulary, bias, dtype, device, rows)
    for ours, theirs in zip(with_padding, plain, strict=True):
        if theirs is not None:
            assert ours.shape == theirs.shape and torch.isfinite(ours).all() and theirs.any()
            assert (ours - theirs).norm() <= ROUNDING[dtype] * theirs.norm()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_padded_step_is_the_step(recipe, tied, precision, device, monkeypatch):
    """Losses, gradients and the weights after two updates, and checkpoints keep their vocabulary."""
    chosen = recipe.model_copy(update={"precision": precision, "sequences_per_step": 2})
    ids = torch.randint(0, 2_049, (2, 2, 32), generator=torch.Generator().manual_seed(7)).to(device)
    found = []
    for padding in (frozenset(), frozenset({device})):
        monkeypatch.setattr(networks, "PADDED", padding)
        config = make_config(SIZES["tiny"], vocabulary_size=2_049, context=32, end_of_text=0, dropout=0.0)
        config.tie_word_embeddings = tied
        model = make_model(get_architecture("gpt2"), config, 5)
        network = Network(model, chosen, torch.device(device), sequences=2, operations=0, compiled=False, say=print)
        assert len(network._head_weight) == (2_112 if padding else 2_049)
        losses = []
        for step, batch in enumerate(ids):
            network.begin_step(step)
            losses.append(network.micro_batch(batch, torch.zeros(network.sites, 2, 2, dtype=torch.int32)).cpu())
            network.update(1e-3, network.gradient_norm())
        found.append((losses, [gradient.cpu() for gradient in network.gradients], network.snapshot()["weights"]))
    (losses, gradients, weights), (padded_losses, padded_gradients, padded_weights) = found
    # The second step's weights differ by what AdamW makes of rounding; a wrong column would change whole gradients.
    rounding = {"fp32": 1e-3, "bf16": 2e-2}[precision]
    for ours, theirs in zip([*padded_losses, *padded_gradients], [*losses, *gradients], strict=True):
        assert (ours - theirs).norm() <= rounding * theirs.norm()
    assert ("lm_head.weight" in weights) != tied
    for name, values in weights.items():
        assert padded_weights[name].shape == values.shape
        assert (padded_weights[name] - values).norm() <= max(rounding * values.norm(), 1e-3), name
