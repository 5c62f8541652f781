"""GPT-2 without positions: one checkpoint, three ways to load it, the same logits to the bit."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2LMHeadModel

from impossible_lms.errors import UserError
from impossible_lms.models.architectures import SIZES, get_architecture, make_config, make_model
from impossible_lms.models.checkpoints import Checkpoint, architecture_of, list_checkpoints, save_checkpoint
from impossible_lms.models.gpt2_no_pos import GPT2NoPositionalEncodingLMHeadModel

NO_POS, GPT2 = get_architecture("gpt2-no-pos"), get_architecture("gpt2")
CONTEXT = 32


def fresh(architecture, seed=0):
    config = make_config(SIZES["tiny"], vocabulary_size=401, context=CONTEXT, end_of_text=0, dropout=0.1)
    return make_model(architecture, config, seed)


@pytest.fixture(scope="module")
def saved(tmp_path_factory, tokenizer):
    model = fresh(NO_POS).eval()
    folder = tmp_path_factory.mktemp("model") / "checkpoint-7"
    return model, save_checkpoint(model, tokenizer.with_markers(["🅁"]), folder, 7, context=CONTEXT)


@pytest.fixture(scope="module")
def ids():
    return torch.randint(0, 401, (3, CONTEXT), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_three_ways_to_load_give_the_same_logits_to_the_bit(saved, ids, attention):
    folder = saved[1].folder
    options = {"attn_implementation": attention}
    trusted = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, **options)
    untrusted = AutoModelForCausalLM.from_pretrained(folder, **options)
    plain = GPT2LMHeadModel.from_pretrained(folder, **options)
    assert type(trusted).__name__ == "GPT2NoPositionalEncodingLMHeadModel"
    assert type(untrusted) is type(plain) is GPT2LMHeadModel
    expected = trusted.eval()(ids).logits
    for model in (untrusted, plain):
        assert torch.equal(model.eval()(ids).logits, expected)
    if attention == "sdpa":
        assert torch.equal(saved[0](ids).logits, expected)


def test_it_does_not_see_positions(saved, ids):
    model = saved[0]
    twice = torch.full((1, 5), 9)
    logits = model(twice).logits[0]
    assert torch.allclose(logits[0], logits[4], atol=1e-5)
    shifted = model(ids, position_ids=torch.arange(CONTEXT)[None] + 500).logits
    assert torch.equal(shifted, model(ids).logits)


def test_it_generates_past_its_context(saved, ids):
    trusted = AutoModelForCausalLM.from_pretrained(saved[1].folder, trust_remote_code=True)
    out = trusted.generate(ids[:1, :4], max_length=CONTEXT * 3, min_length=CONTEXT * 3, do_sample=False)
    assert out.shape == (1, CONTEXT * 3)


def test_there_is_no_position_embedding_to_train():
    model = fresh(NO_POS)
    assert not any("wpe" in name for name, _ in model.named_parameters())
    model(torch.ones(1, 4, dtype=torch.long), labels=torch.ones(1, 4, dtype=torch.long)).loss.backward()
    assert model.transformer.wpe.weight.grad is None and not model.transformer.wpe.weight.any()


def test_both_kinds_draw_the_same_shared_weights():
    without, with_positions = fresh(NO_POS, 3).state_dict(), fresh(GPT2, 3).state_dict()
    for name, weight in with_positions.items():
        assert torch.equal(weight, without[name]) != (name == "transformer.wpe.weight")
    assert not torch.equal(fresh(GPT2, 4).lm_head.weight, fresh(GPT2, 3).lm_head.weight)


def test_positions_are_refused_wherever_they_would_be_loaded_or_saved(tmp_path):
    plain = fresh(GPT2)
    plain.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"transformer\.wpe\.weight is not zero"):
        GPT2NoPositionalEncodingLMHeadModel.from_pretrained(tmp_path)
    model = fresh(NO_POS)
    with pytest.raises(ValueError, match=r"transformer\.wpe\.weight is not zero"):
        model.load_state_dict(plain.state_dict())
    assert not model.transformer.wpe.weight.any()
    model.transformer.wpe.weight[0, 0] = 1
    with pytest.raises(ValueError, match=r"transformer\.wpe\.weight is not zero"):
        model.save_pretrained(tmp_path / "never")


def test_a_checkpoint_is_a_complete_folder(saved):
    folder = saved[1].folder
    names = {path.name for path in saved[1].files()}
    assert names == {
        "config.json",
        "generation_config.json",
        "gpt2_no_pos.py",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "gpt2"
    assert config["auto_map"] == {"AutoModelForCausalLM": "gpt2_no_pos.GPT2NoPositionalEncodingLMHeadModel"}
    assert config["scale_attn_by_inverse_layer_idx"] and config["reorder_and_upcast_attn"]
    assert "auto_map" not in json.loads((folder / "tokenizer_config.json").read_text())
    assert architecture_of(folder) is NO_POS
    assert torch.equal(saved[1].load().lm_head.weight, saved[0].lm_head.weight)


def test_a_plain_gpt2_ships_no_code(tmp_path, tokenizer):
    checkpoint = save_checkpoint(fresh(GPT2), tokenizer, tmp_path / "checkpoint-1", 1, context=CONTEXT)
    assert not any(path.suffix == ".py" for path in checkpoint.files())
    assert "auto_map" not in json.loads((checkpoint.folder / "config.json").read_text())
    assert architecture_of(checkpoint.folder) is GPT2 and type(checkpoint.load()) is GPT2LMHeadModel


def test_a_flipped_bit_is_found_before_it_is_loaded(tmp_path, tokenizer):
    checkpoint = save_checkpoint(fresh(NO_POS), tokenizer, tmp_path / "checkpoint-1", 1, context=CONTEXT)
    weights = checkpoint.folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-9] ^= 4
    weights.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.safetensors: its content has changed"):
        checkpoint.load()


def test_checkpoints_are_listed_by_step_and_only_finished_ones(tmp_path):
    for name in ("checkpoint-100", "checkpoint-20", "checkpoint-3", "checkpoint-x", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").touch()
    (tmp_path / "checkpoint-7").mkdir()
    found = list_checkpoints(tmp_path)
    assert found == [Checkpoint(tmp_path / f"checkpoint-{step}", step) for step in (3, 20, 100)]
    assert list_checkpoints(tmp_path / "nowhere") == []
