"""Laws that every named architecture keeps; a new one is tested the moment it is in the registry."""

import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from impossible_lms.errors import Interrupted
from impossible_lms.evaluation.interventions import interchange
from impossible_lms.evaluation.sampling import at_once_of, sampled
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.models import architectures
from impossible_lms.models.architectures import ARCHITECTURES, SIZES, parameters_of
from impossible_lms.models.checkpoints import architecture_of
from impossible_lms.models.configurations import Fits, Size
from impossible_lms.models.heads import blocks_of
from impossible_lms.publishing.repository import publish
from impossible_lms.ragged import Ragged
from impossible_lms.training.train import train
from tests.at_step import AtStep
from tests.training.test_faults import assert_same_result, interrupt

NAMES = list(ARCHITECTURES)
MINIATURE = Size(layers=2, heads=2, width=32)


@pytest.fixture(scope="module")
def small():
    """`tiny` is smaller still while the tests of this file run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(architectures.SIZES, "tiny", MINIATURE)
        yield


@pytest.fixture(scope="module")
def runs(small, dataset, recipe, tmp_path_factory):
    """A function that gives the finished run of an architecture, trained once."""
    folder, made = tmp_path_factory.mktemp("architectures"), {}

    def run(name):
        if name not in made:
            made[name] = train(dataset.folder, folder / name, recipe=recipe, model=name, size="tiny", seed=1)
        return made[name]

    return run


@pytest.fixture(scope="module")
def models():
    """A function that gives a model of an architecture whose fresh weights are large enough to tell tokens apart."""
    made = {}

    def model(name):
        if name not in made:
            configure = ARCHITECTURES[name].configure
            assert configure is not None
            config = configure(MINIATURE, Fits(60, 32, 0, 0.0))
            made[name] = architectures.make_model(ARCHITECTURES[name], config, seed=1).eval()
            with torch.no_grad():
                for each in made[name].parameters():
                    if each.ndim == 2 and each.std() < 0.1:
                        each.mul_(10)
                made[name].get_input_embeddings().weight.normal_(0, 0.5, generator=torch.Generator().manual_seed(2))
        return made[name]

    return model


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_as_many_parameters_as_gpt2(name, size):
    of = {"vocabulary_size": 4096, "context": 128}
    mine, gpt2 = (parameters_of(ARCHITECTURES[each], SIZES[size], **of) for each in (name, "gpt2"))
    assert all(abs(one / other - 1) < 0.05 for one, other in zip(mine, gpt2, strict=True)), (mine, gpt2)


@pytest.mark.parametrize("name", NAMES)
def test_trains_and_says_what_it_is(name, runs):
    run = runs(name)
    assert run.name == f"partial-reverse-{name}" and run.architecture.name == name and run.architecture.order
    losses = [line["loss"] for line in run.metrics()]
    assert len(losses) == 12 and np.isfinite(losses).all() and losses[-1] < losses[0]
    assert architecture_of(run.checkpoints()[-1].folder).name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_run_goes_on_to_the_same_bits(name, runs, dataset, recipe, tmp_path):
    asked = {"recipe": recipe, "model": name, "size": "tiny", "seed": 1}
    with pytest.raises(Interrupted):
        train(dataset.folder, tmp_path / "cut", progress=AtStep(5, interrupt), **asked)
    assert_same_result(train(dataset.folder, tmp_path / "cut", **asked).folder, runs(name).folder)


@pytest.mark.parametrize("name", NAMES)
def test_batched_scores_are_single_ones(name, models):
    scorer = Scorer(models(name))
    generator = np.random.default_rng(0)
    sentences = [generator.integers(0, 60, length).tolist() for length in (2, 3, 7, 8, 16, 29, 31)]
    found = scorer.token_logprobs(Ragged.of(sentences))
    for row, sentence in zip(found, sentences, strict=True):
        with torch.inference_mode():
            logits = models(name)(torch.tensor([sentence])).logits[0].double().log_softmax(-1)
        expected = logits[torch.arange(len(sentence) - 1), torch.tensor(sentence[1:])].numpy()
        assert np.allclose(row, expected, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_says_the_same_with_a_cache_and_without(name, models):
    model, at_once = models(name), at_once_of(models(name))
    found, ended = sampled(Scorer(model), 3, 12, 0, seed=4)
    generator, rows = torch.Generator().manual_seed(4), []
    for start in range(0, 3, at_once):
        said = torch.zeros(min(at_once, 3 - start), 1, dtype=torch.int64)
        with torch.inference_mode():
            while said.shape[1] < 14 and not (said[:, 1:] == 0).any(1).all():
                logits = model(said, use_cache=False).logits[:, -1].float()
                said = torch.cat([said, torch.multinomial(logits.softmax(-1), 1, generator=generator)], 1)
        rows += said[:, 1:].tolist()
    for row, has_ended, sentence in zip(rows, ended, found, strict=True):
        assert sentence.tolist() == (row[: row.index(0)] if 0 in row else row[:12])
        assert has_ended == (0 in row)


@pytest.mark.parametrize("name", NAMES)
def test_interventions_at_each_layer_and_position(name, models):
    model, markers = models(name), np.array([50, 51])
    base, source = [2, 7, 3, 4, 8], [2, 17, 3, 4, 18]
    found = interchange(Scorer(model), Ragged.of([base]), Ragged.of([source]), markers)
    blocks = list(blocks_of(model))
    assert len(found) == len(blocks) * len(base)
    expected = np.empty((len(blocks), len(base), 2))
    for layer, block in enumerate(blocks):
        kept: list[torch.Tensor] = []
        with torch.inference_mode():
            hook = block.register_forward_hook(lambda module, inputs, output, kept=kept: kept.append(hidden_of(output)))
            model(torch.tensor([source]), use_cache=False)
            hook.remove()
            for position in range(len(base)):

                def swap(module, inputs, output, kept=kept, position=position):
                    hidden = hidden_of(output).clone()
                    hidden[0, position] = kept[0][0, position]
                    return hidden if torch.is_tensor(output) else (hidden, *output[1:])

                hook = block.register_forward_hook(swap)
                logits = model(torch.tensor([base]), use_cache=False).logits[0, -1, markers]
                hook.remove()
                expected[layer, position] = logits.numpy()
    assert np.allclose(found[["singular", "plural"]].to_numpy(), expected.reshape(-1, 2), atol=1e-4)
    assert found["shift"].abs().max() > 1e-3  # something was moved


def hidden_of(output):
    return output if torch.is_tensor(output) else output[0]


@pytest.mark.parametrize("name", NAMES)
def test_probes_see_every_layer(name, models):
    model = models(name)
    sentences = Ragged.of([[5, 6, 7, 8], [9, 10]])
    depth = len(blocks_of(model))
    for batch, states in Scorer(model).states(sentences):
        assert len(states) == depth + 1 and {tuple(each.shape[::2]) for each in states} == {(len(batch), 32)}
        for row, sentence in enumerate(batch.tolist()):
            ids = torch.tensor([sentences[sentence].tolist()])
            with torch.inference_mode():
                last = model.base_model(ids, use_cache=False).last_hidden_state[0]
            assert torch.allclose(states[-1][row, : ids.shape[1]], last, atol=1e-4)
        assert all((one - other).abs().max() > 1e-4 for one, other in itertools.pairwise(states))


ALONE = """
import json, sys
sys.modules["impossible_lms"] = None
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
found = {}
for model_id in sys.argv[1:]:
    for revision in ("checkpoint-4", "main"):
        model = AutoModelForCausalLM.from_pretrained(model_id, revision=revision).eval()
        with torch.inference_mode():
            found[f"{model_id}@{revision}"] = model(torch.arange(20)[None]).logits.double().sum().item()
    assert len(AutoTokenizer.from_pretrained(model_id)) == 401
print(json.dumps(found))
"""


def test_published_they_load_in_a_process_without_this_package(runs, tmp_path):
    ids = {name: publish(runs(name), "cache", "me", cache=tmp_path / "hub")[0] for name in NAMES}
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *ids.values()], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, model_id in ids.items():
        for revision, checkpoint in (("checkpoint-4", 0), ("main", -1)):
            model = runs(name).checkpoints()[checkpoint].load()
            with torch.inference_mode():
                expected = model(torch.arange(20)[None]).logits.double().sum().item()
            assert found[f"{model_id}@{revision}"] == pytest.approx(expected, abs=1e-6)


def test_they_are_listed(impossible):
    code, out, _ = impossible("models")
    assert code == 0 and all(f"\n{name}: " in f"\n{out}" for name in NAMES)
    code, out, _ = impossible("models", "--json")
    assert [row["name"] for row in json.loads(out)] == NAMES
    assert all(set(row["sizes"]) == set(SIZES) for row in json.loads(out))
