"""Any causal language model of transformers trains, is measured, published and loaded again."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from impossible_lms import METRICS, Request, evaluate
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.publishing.card import model_card
from impossible_lms.publishing.repository import publish
from impossible_lms.ragged import Ragged
from impossible_lms.training.train import train


def llama():
    from transformers import LlamaConfig

    return LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )


def mamba():
    from transformers import MambaConfig

    return MambaConfig(hidden_size=24, state_size=4, num_hidden_layers=2)


def gemma2():  # caps its logits, and attends to a window in every other layer
    from transformers import Gemma2Config

    return Gemma2Config(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=64,
        sliding_window=8,
    )


KINDS = {"llama": llama, "mamba": mamba, "gemma2": gemma2}


@pytest.fixture(params=KINDS)
def config(request, tmp_path):
    folder = tmp_path / f"my-{request.param}"
    KINDS[request.param]().save_pretrained(folder)
    return folder


def test_it_goes_the_whole_road(config, dataset, recipe, tmp_path):
    chosen = recipe.model_copy(update={"precision": "bf16", "steps": 8})
    run = train(dataset.folder, tmp_path / "run", recipe=chosen, model=str(config))
    assert run.name == f"partial-reverse-{config.name}" and run.metrics()[-1]["loss"] < run.metrics()[0]["loss"]
    model = run.checkpoints()[-1].load()
    assert model.config.vocab_size == 401 and model.config.eos_token_id == dataset.tokenizer.end_of_text
    sentence = [5, 6, 7, 8, 9]
    with torch.inference_mode():
        logits = model(torch.tensor([sentence])).logits[0].double()
    expected = torch.log_softmax(logits, -1)[torch.arange(4), torch.tensor(sentence[1:])].numpy()
    scored = Scorer(model).token_logprobs(Ragged.of([sentence, [3, 4]], dtype=np.uint16))
    assert np.allclose(scored[0], expected, atol=1e-4)
    assert np.isfinite(evaluate(METRICS["perplexity"], run, Request(sample=5)).curve["perplexity"]).all()
    model_id, _ = publish(run, "cache", "me", cache=tmp_path / "hub")
    card = model_card(run, model_id)
    assert f"{model.config.model_type} (a configuration of transformers)" in card and "2 layers" in card
    code = re.findall(r"```python\n(.*?)\n```", card, re.S)[0]
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    alone = f"import sys\nsys.modules['impossible_lms'] = None\n{code}\nassert type(model) is type(early)"
    done = subprocess.run([sys.executable, "-c", alone], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_cut_run_goes_on_to_the_same_bits(config, dataset, recipe, tmp_path):
    from tests.at_step import AtStep
    from tests.training.test_faults import assert_same_result, interrupt

    options = {"recipe": recipe, "model": str(config)}
    whole = train(dataset.folder, tmp_path / "whole", **options)
    with pytest.raises(Interrupted):
        train(dataset.folder, tmp_path / "cut", progress=AtStep(5, interrupt), **options)
    assert_same_result(train(dataset.folder, tmp_path / "cut", **options).folder, whole.folder)


def test_recipes_dropout_reaches_every_field(config, dataset, recipe, tmp_path):
    from impossible_lms.models.architectures import DROPOUT_FIELDS, read_config

    _, read = read_config(str(config), vocabulary_size=401, context=32, end_of_text=0, dropout=0.3)
    found = {field: getattr(read, field) for field in DROPOUT_FIELDS if hasattr(read, field)}
    assert all(value == 0.3 for value in found.values()) and bool(found) == ("mamba" not in config.name)


def test_what_does_not_fit_is_refused(dataset, recipe, tmp_path):
    folder = tmp_path / "llama"
    llama().save_pretrained(folder)
    with pytest.raises(UserError, match=r"--size tiny: the configuration .* has its own. Leave --size out"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, model=str(folder), size="tiny")
    path = folder / "config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"max_position_embeddings": 16}))
    with pytest.raises(UserError, match="max_position_embeddings 16, but blocks have 32 tokens"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, model=str(folder))
    path.write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(UserError, match="transformers has no causal language model of type vit"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, model=str(path))
    path.write_text(json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "evil.Config"}}))
    with pytest.raises(UserError, match="nor a folder or file with a configuration of transformers"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, model=str(folder))
    llama().save_pretrained(folder)
    train(dataset.folder, tmp_path / "run", recipe=recipe, model=str(folder))
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"intermediate_size": 128}))
    with pytest.raises(UserError, match=r"configuration\.intermediate_size was 64, now 128"):
        train(dataset.folder, tmp_path / "run", recipe=recipe, model=str(folder))
