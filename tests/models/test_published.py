"""Models in the layout of the published ones: loaded as they are, their code never run, and nothing in them random."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from impossible_lms import METRICS, Request, build_dataset, evaluate, get_language, load_published, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.models.published import PublishedRun, open_run
from tests.legacy import GPT2, NO_POS, legacy

PERPLEXITY = METRICS["perplexity"]


@pytest.mark.parametrize("safe", [False, True], ids=["bin", "safetensors"])
@pytest.mark.parametrize(("name", "markers"), [(NO_POS, ("🅁",)), (GPT2, ()), (NO_POS, ("🅂", "🄿"))])
def test_they_load_as_they_are(tmp_path, monkeypatch, tokenizer, name, markers, safe):
    monkeypatch.chdir(tmp_path)
    model = legacy(tmp_path / "it", tokenizer, name, markers, safe=safe)
    loaded = load_published(tmp_path / "it", architecture=name)
    ids = torch.randint(0, model.config.vocab_size, (2, 64), generator=torch.Generator().manual_seed(1))
    assert torch.equal(loaded.model(ids).logits, model(ids).logits)
    assert loaded.architecture.name == name and loaded.model.config.vocab_size == 400 + len(markers)
    marked = tokenizer.with_markers(markers)
    assert loaded.tokenizer.vocabulary() == marked.vocabulary() and dict(loaded.tokenizer.markers) == marked.markers
    assert list(loaded.tokenizer.encode(["He cleans it. 🅁"]).values) == list(marked.encode(["He cleans it. 🅁"]).values)
    assert not (tmp_path / "PWNED").exists()


def test_ours_load_too(run, tmp_path):
    from impossible_lms import publish

    _, repository = publish(run, tmp_path, "me")
    loaded = load_published(repository, "checkpoint-8", architecture=NO_POS)
    expected = run.checkpoints()[1].load()
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), expected.parameters(), strict=True))
    assert loaded.tokenizer.vocabulary() == run.dataset().tokenizer.vocabulary()


def test_positions_are_neither_lost_nor_invented(tmp_path, tokenizer):
    legacy(tmp_path / "without", tokenizer, NO_POS)
    legacy(tmp_path / "with", tokenizer, GPT2)
    with pytest.raises(UserError, match=r"without@main: is a gpt2-no-pos, not a gpt2\.$"):
        load_published(tmp_path / "without", architecture=GPT2)
    with pytest.raises(UserError, match=r"with@main: is a gpt2, not a gpt2-no-pos\.$"):
        load_published(tmp_path / "with", architecture=NO_POS)
    configs = [tmp_path / name / "config.json" for name in ("without", "with")]
    texts = [path.read_text() for path in configs]
    for path, text in zip(configs, reversed(texts), strict=True):
        path.write_text(text)
    with pytest.raises(UserError, match=r"pytorch_model.bin: has no transformer.wpe.weight.* They would be random\.$"):
        load_published(tmp_path / "without")
    with pytest.raises(UserError, match=r"bin: transformer.wpe.weight is not zero.* They would be lost\.$"):
        load_published(tmp_path / "with")


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("PWNED"),)


def test_a_pickle_that_is_more_than_weights_is_not_opened(tmp_path, monkeypatch, tokenizer):
    monkeypatch.chdir(tmp_path)
    legacy(tmp_path / "it", tokenizer)
    weights = tmp_path / "it" / "pytorch_model.bin"
    for save in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))):
        save({"transformer.wte.weight": Evil()}, weights)
        with pytest.raises(UserError, match=r"pytorch_model.bin: not a file of weights alone, or damaged"):
            load_published(tmp_path / "it")
    torch.save([torch.ones(2)], weights)
    with pytest.raises(UserError, match=r"a tensor by each name is expected"):
        load_published(tmp_path / "it")
    assert not (tmp_path / "PWNED").exists()


def test_what_is_no_such_model_is_one_line(tmp_path, tokenizer):
    folder = tmp_path / "it"
    legacy(folder, tokenizer)
    config = json.loads((folder / "config.json").read_text())

    def fault(changes, match, revision="main"):
        (folder / "config.json").write_text(json.dumps(config | changes))
        with pytest.raises(UserError, match=match) as error:
            load_published(folder, revision)
        assert "\n" not in str(error.value)

    fault(
        {"model_type": "llama"},
        r"it/pytorch_model.bin: its weights have [0-9,]+ bytes, and [0-9,]+ numbers by its config.json\. They",
    )
    fault({"model_type": "mine"}, r"config.json: transformers cannot load it")
    fault({"model_type": None}, r"config.json: model_type None, gpt2 expected")
    fault({"n_layer": 5}, r"lacks transformer.h.4.ln_1.weight.* and 7 more, by config.json beside it\.")
    fault({"n_layer": 3}, r"has no place for transformer.h.3.ln_1.weight")
    fault({"vocab_size": 999}, r"has another shape of transformer.wte.weight, lm_head.weight")
    fault({"activation_function": "none"}, r"config.json: ")
    fault({"n_embd": "x"}, r"config.json: cannot be read")
    fault({}, r"it: one model, with no revision checkpoint-5\.", "checkpoint-5")
    (folder / "added_tokens.json").write_text('{"🅁": 777}')
    fault({}, r"added tokens are not the last ids")
    for odd in ('{"🅁": null}', "[]", "{"):
        (folder / "added_tokens.json").write_text(odd)
        fault({}, r"its tokenizer cannot be read")
    (folder / "tokenizer.json").write_text('{"added_tokens": []}')
    fault({}, r"its tokenizer cannot be read")
    (folder / "pytorch_model.bin").write_bytes(b"no")
    fault({}, r"not a file of weights alone, or damaged")
    (folder / "pytorch_model.bin").unlink()
    fault({}, r"it@main: has neither of model.safetensors and pytorch_model.bin\.")
    (folder / "config.json").write_text("[]")
    with pytest.raises(UserError, match=r"config.json: a list, an object expected"):
        load_published(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json: cannot be read"):
        load_published(folder)
    with pytest.raises(UserError, match=r"me/none@main: neither a folder here nor to be had from the Hugging Face Hub"):
        load_published("me/none")


def test_a_published_models_perplexity(tmp_path, tokenizer, dataset):
    source = tmp_path / "partial-reverse-gpt2-no-pos"
    for step in (100, 20, 3):
        legacy(source / f"checkpoint-{step}", tokenizer, seed=step)
    legacy(source / "main", tokenizer, seed=100)
    opened = open_run(str(source), tmp_path / "out")
    assert isinstance(opened, PublishedRun) and opened.language == "partial-reverse"
    curve = evaluate(PERPLEXITY, opened, Request(data=dataset.folder, sample=10)).curve
    assert curve["step"].tolist() == [3, 20, 100] and set(curve["architecture"]) == {NO_POS}
    assert curve["seed"].isna().all() and np.isfinite(curve["perplexity"]).all()
    stored = pd.read_parquet(opened.folder / "evaluation" / "perplexity" / "curve.parquet")
    assert opened.folder == tmp_path / "out" / "partial-reverse-gpt2-no-pos"
    pd.testing.assert_frame_equal(stored, curve)
    more = read_corpus("grammar:sentences=400,seed=9")
    another = build_dataset(more, get_language("partial-reverse"), tokenizer, tmp_path / "new", context=32)
    for data, name in ((another, "perplexity-on-new"), (dataset, "perplexity")):
        assert evaluate(PERPLEXITY, opened, Request(data=data.folder, sample=10))[0].folder.name == name
    with pytest.raises(UserError, match=r"comes without data. Give sentences with --corpus and --language"):
        evaluate(PERPLEXITY, opened)
    corpus = read_corpus("grammar:sentences=300,seed=1")
    data = build_dataset(corpus, get_language("no-hop"), tokenizer, tmp_path / "hop", context=32)
    with pytest.raises(UserError, match=r"built with another vocabulary than the model of"):
        evaluate(PERPLEXITY, opened, Request(data=data.folder))


def test_what_a_run_may_be(tmp_path, run, tokenizer):
    assert open_run(str(run.folder)) == run == open_run(str(run.folder), tmp_path)
    with pytest.raises(UserError, match=r"nowhere: no such folder. A run made by `impossible train` is expected"):
        open_run("nowhere")
    with pytest.raises(UserError, match=r"me/it: no run. If it is a published model, say with --output where"):
        open_run("me/it")
    legacy(tmp_path / "only" / "main", tokenizer)
    assert [each.step for each in open_run(str(tmp_path / "only"), tmp_path).checkpoints()] == [0]
    with pytest.raises(
        UserError, match=r"me/it: neither a folder here nor in the cache .*/hub, and the Hub cannot be reached"
    ):
        open_run("me/it", tmp_path).checkpoints()
