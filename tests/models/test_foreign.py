"""Anybody's causal language models: several kinds of network and tokenizer, measured as they are or refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from impossible_lms import METRICS, Request, Scorer, evaluate, load_published, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation import test_sets
from impossible_lms.evaluation.sampling import generate
from impossible_lms.evaluation.word_surprisal import word_surprisal
from impossible_lms.models.published import PublishedCheckpoint, open_run
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import load_tokenizer
from tests.corpora.test_annotate import Splitter
from tests.foreign import TOKENIZERS, foreign

CORPUS = "grammar:sentences=120,seed=3"
START = {"llama": 1, "opt": 2}  # what their tokenizers put before a text
END = {"llama": "</s>", "gpt_neox": "<|endoftext|>", "opt": "</s>", "bloom": "</s>"}
KINDS = list(TOKENIZERS)


@pytest.fixture(scope="module")
def texts():
    return list(read_corpus("grammar:sentences=1500,seed=1").texts())


@pytest.fixture(scope="module")
def models(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("foreign")
    for kind in KINDS:
        foreign(folder / kind, kind, texts)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_its_tokenizer_is_that_of_transformers(models, kind, texts):
    from transformers import AutoTokenizer

    ours = load_published(models / kind).tokenizer
    theirs = AutoTokenizer.from_pretrained(models / kind)
    some = [*texts[:50], "Two  spaces, a tab\tand é."]
    for text, ids in zip(some, ours.encode(some), strict=True):
        assert ids.tolist() == theirs(text, add_special_tokens=False).input_ids
        assert ours.decode(ids) == theirs.decode(ids)
    assert ours.end == END[kind] and ours.start == START.get(kind) and not ours.markers
    assert ours.vocabulary() == theirs.get_vocab()
    words = ours.pieces(ours.encode(["The dog sleeps"])[0])
    assert "".join(words).strip() == "The dog sleeps" and sum(piece.startswith(" ") for piece in words[1:]) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_models_own(models, kind):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = load_published(models / kind)
    scorer = Scorer(loaded.model, loaded.tokenizer.start)
    texts = ["The dog sleeps.", "A teacher who sings cleans the table.", "He sees it."]
    sentences = loaded.tokenizer.encode(texts)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(models / kind), AutoTokenizer.from_pretrained(models / kind)
    bits = scorer.sentence_bits(sentences, loaded.tokenizer.end_of_text)
    for text, found, whole in zip(texts, scorer.token_logprobs(sentences), bits, strict=True):
        ids = tokenizer(text).input_ids
        begun = kind in START
        assert (ids[0] == START.get(kind)) == begun
        with torch.inference_mode():
            expected = model(torch.tensor([ids])).logits[0].log_softmax(-1).double()
        chosen = expected[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].numpy()
        assert np.allclose(found, chosen[1:] if begun else chosen, atol=1e-4)
        framed = [*ids, loaded.tokenizer.end_of_text]
        framed = framed if begun else [loaded.tokenizer.end_of_text, *framed]
        with torch.inference_mode():
            expected = model(torch.tensor([framed])).logits[0].log_softmax(-1).double()
        cost = -expected[torch.arange(len(framed) - 1), torch.tensor(framed[1:])].sum().item() / np.log(2)
        assert whole == pytest.approx(cost, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_measured_on_a_corpus_in_a_language(models, kind, tmp_path):
    run = open_run(models / kind, tmp_path)
    asked = Request(corpus=CORPUS, language="local-shuffle-w3", sample=20)
    for name in ("perplexity", "sentence-bits"):
        found = evaluate(METRICS[name], run, asked)
        assert found.curve["step"].tolist() == [0] and np.isfinite(found.curve[METRICS[name].value]).all()
        assert set(found.curve["data"]) == {"local-shuffle-w3"} and set(found.curve["architecture"]) == {kind}
    data = next((tmp_path / kind / "data").iterdir())
    again = evaluate(METRICS["perplexity"], run, Request(data=data, sample=20))[0]
    assert again.folder.name.startswith("perplexity-on-local-shuffle-w3-grammar-")
    table = word_surprisal(run, read_corpus("grammar:sentences=5,seed=2"))
    whole = Scorer(load_published(models / kind).model, START.get(kind)).sentence_bits(
        run.checkpoints()[-1].tokenizer.encode(list(read_corpus("grammar:sentences=5,seed=2").texts())),
        run.checkpoints()[-1].tokenizer.end_of_text,
    )
    assert np.allclose(table.groupby("sentence")["bits"].sum(), whole, rtol=1e-4)
    said = generate(run, run.checkpoints()[0], count=3, longest=12)
    assert len(said) == 3 and said["undone"].isna().all() and (said["tokens"] <= 12).all()


def test_an_annotator_serves_a_language_that_needs_words(models, tmp_path, monkeypatch):
    monkeypatch.setattr(test_sets, "load_annotator", lambda spec, corpus: Splitter())
    text = tmp_path / "mine.txt"
    text.write_text("The dog sleeps here again.\nA teacher cleans the table.\n" * 20, encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        "from impossible_lms import with_words\n\n\ndef backwards(sentences):\n"
        "    return with_words(sentences, [row[::-1] for row in sentences.columns.column('words').to_pylist()])\n\n\n"
        "backwards.needs = 'words'\n"
    )
    asked = Request(corpus=str(text), language=f"{tmp_path / 'mine.py'}:backwards")
    run = open_run(models / "llama", tmp_path / "out")
    with pytest.raises(UserError, match="the corpus has no words"):
        evaluate(METRICS["perplexity"], run, asked)
    found = evaluate(METRICS["perplexity"], run, replace(asked, annotator="splitter"))
    assert found.curve["items"].tolist() == [40] and set(found.curve["data"]) == {"backwards"}
    assert len(list((tmp_path / "out" / "llama" / "data").glob("mine*.conllu"))) == 1


def test_a_gap_between_two_models_of_ones_own(models, texts, tmp_path):
    foreign(tmp_path / "other", "bloom", texts, seed=5)
    asked = Request(corpus=CORPUS, language="full-reverse", control=tmp_path / "other", sample=10)
    with pytest.raises(UserError, match=r"full-reverse: has 🅁, and the vocabulary of bloom has no markers"):
        evaluate(METRICS["learnability"], open_run(models / "bloom", tmp_path / "out"), asked)
    asked = Request(corpus=CORPUS, language="even-odd-shuffle", control=tmp_path / "other", sample=10)
    found = evaluate(METRICS["learnability"], open_run(models / "bloom", tmp_path / "out"), asked)
    assert np.isfinite(found.curve["gap_per_token"]).all()


def test_what_cannot_be_measured_is_one_line(models, texts, tmp_path):
    def fault(match, kind="llama", **changes):
        folder = tmp_path / "it"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(models / kind, folder)
        for file, said in changes.items():
            path = folder / f"{file}.json"
            found = json.loads(path.read_text())
            path.write_text(json.dumps({k: v for k, v in (found | said).items() if v is not None}))
        with pytest.raises(UserError, match=match) as error:
            load_published(folder)
        assert "\n" not in str(error.value)

    fault(r"lacks model\.layers\.2\.", config={"num_hidden_layers": 3})
    fault(r"has another shape of model\.layers\.0\.", config={"intermediate_size": 32})
    fault(r"config\.json: (wants code of its own|transformers cannot load it)", config={"model_type": "mine"})
    fault(
        r"has no <\|endoftext\|> token.* Name one as eos_token in tokenizer_config\.json",
        config={"eos_token_id": None},
        tokenizer_config={"eos_token": None, "bos_token": None},
    )
    folder = tmp_path / "bert"
    from transformers import BertConfig, BertLMHeadModel

    shutil.copytree(models / "bloom", folder)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertLMHeadModel(BertConfig(vocab_size=400, **size)).save_pretrained(folder)
    with pytest.raises(UserError, match=r"of type bert, whose tokens see those after them"):
        load_published(folder)


def test_ends_beyond_the_embedding_and_larger_tokenizers(models, texts, tmp_path):
    foreign(tmp_path / "it", "bloom", texts)
    config = tmp_path / "it" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"eos_token_id": 50256}))
    assert load_published(tmp_path / "it").tokenizer.end == "</s>"  # the tokenizer's own
    rules = json.loads((tmp_path / "it" / "tokenizer.json").read_text())
    last = {"id": 400, "content": "[PAD]", "special": True}
    rules["added_tokens"].append(rules["added_tokens"][0] | last)
    (tmp_path / "it" / "tokenizer.json").write_text(json.dumps(rules))
    found = load_published(tmp_path / "it")
    assert found.tokenizer.vocabulary_size == 401 and found.model.config.vocab_size == 400
    settings = tmp_path / "it" / "tokenizer_config.json"
    settings.write_text(json.dumps({"eos_token": "[PAD]"}))
    with pytest.raises(UserError, match=r"Its \[PAD\] is beyond the model's 400 rows"):
        load_published(tmp_path / "it")
    settings.write_text(json.dumps({"eos_token": "[PAD]", "bos_token": "<s>"}))
    assert load_published(tmp_path / "it").tokenizer.end == "<s>"
    foreign(tmp_path / "small", "bloom", texts, rows=300)
    with pytest.raises(UserError, match=r"its tokenizer has 400 ids, the model 300"):
        load_published(tmp_path / "small")


def test_data_of_its_own_tokenizer(models, tmp_path, impossible):
    build = ("build", "--corpus", CORPUS, "--language", "no-shuffle", "--context", "32")
    for kind in KINDS:
        tokenizer = load_tokenizer(str(models / kind))
        assert tokenizer.start is None and tokenizer.end == END[kind]
        code, _, err = impossible(*build, "--tokenizer", models / kind, "--output", tmp_path / kind)
        assert code == 0, err
        code, out, err = impossible(
            "evaluate", "perplexity", models / kind, "--data", tmp_path / kind, "--output", tmp_path / "out"
        )
        assert code == 0 and "perplexity" in out, err
    code, _, err = impossible(
        "evaluate", "perplexity", models / "opt", "--data", tmp_path / "llama", "--output", tmp_path / "out"
    )
    assert code == 2 and "built with another vocabulary" in err
    code, out, err = impossible("report", tmp_path / "out", "--output", tmp_path / "report.html")
    assert code == 0 and (tmp_path / "report.html").is_file(), err
    code, out, err = impossible("compare", tmp_path / "out" / "opt", "--metric", "perplexity")
    assert code in (0, 2) and "Traceback" not in err
    code, out, err = impossible("words", models / "llama", "--text", "The dog sleeps.")
    assert code == 0 and out.count("\n") == 5, err
    code, out, err = impossible("generate", models / "gpt_neox", "--count", "2", "--longest", "8")
    assert code == 0 and len(out.splitlines()) >= 2, err


def test_openais_own_names_of_weights(tmp_path, tokenizer):
    from safetensors.torch import load_file, save_file

    from tests.legacy import GPT2, legacy

    model = legacy(tmp_path / "it", tokenizer, GPT2, (), safe=True)
    weights = tmp_path / "it" / "model.safetensors"
    found = {name.removeprefix("transformer."): tensor for name, tensor in load_file(weights).items()}
    save_file(found, weights, {"format": "pt"})
    ids = torch.arange(12)[None]
    assert torch.equal(load_published(tmp_path / "it").model(ids).logits, model(ids).logits)


def test_weights_in_several_files(models, tmp_path):
    from transformers import AutoModelForCausalLM

    shutil.copytree(models / "llama", tmp_path / "it")
    (tmp_path / "it" / "model.safetensors").unlink()
    model = AutoModelForCausalLM.from_pretrained(models / "llama")
    model.save_pretrained(tmp_path / "it", max_shard_size="20KB")
    found = open_run(tmp_path / "it", tmp_path).checkpoints()[0]
    assert isinstance(found, PublishedCheckpoint)
    assert len(found.digests()) > 3
    ids = torch.arange(9)[None]
    assert torch.equal(found.load()(ids).logits, model(ids).logits)
    found.weights[1].unlink()
    with pytest.raises(UserError, match=r"model.safetensors.index.json: names .* which is not there"):
        found.load()


def test_a_start_is_context_and_not_predicted():
    class Model:
        pass

    scored = Scorer.__new__(Scorer)
    object.__setattr__(scored, "model", Model())
    object.__setattr__(scored, "start", 7)
    begun, was = scored._begun(Ragged.of([[1, 2], [7, 3], [4]]))
    assert [row.tolist() for row in begun] == [[7, 1, 2], [7, 3], [7, 4]] and was.tolist() == [True, False, True]
    pd.testing.assert_series_equal(pd.Series(begun.lengths()), pd.Series([3, 2, 2]))


def test_models_of_others_compared_and_reported(models, texts, tmp_path, impossible):
    for name, seed in (("step10", 1), ("step1000", 2), ("main", 3)):
        foreign(tmp_path / "series" / name, "gpt_neox", texts, seed=seed)
    asked = ("--corpus", CORPUS, "--language", "no-shuffle", "--sample", "30", "--output", tmp_path / "out")
    series = tmp_path / "series"
    code, _, err = impossible(
        *("evaluate", "perplexity,sentence-bits", models / "llama", models / "gpt_neox"),
        *(f"{series}@step10", f"{series}@main", *asked),
    )
    assert code == 0, err

    def compared(*more):
        code, out, err = impossible("compare", tmp_path / "out", "--json", *more)
        assert code == 0, err
        return json.loads(out)

    (row,) = compared("--between", "gpt_neox,llama", "--metric", "sentence-bits", "--between", "bloom,opt")[:1]
    assert row["less"] == "llama" and row["items"] == 30 and row["low"] < row["estimate"] < row["high"]
    (row,) = compared("--between", "series@main,series@step10", "--metric", "sentence-bits")
    assert (row["step"], row["less_step"], row["paired"]) == (0, 10, "items")
    rows = compared()
    assert {(row["metric"].split("-on-")[0], row["language"], row["less"]) for row in rows} == {
        *(("sentence-bits", *pair) for pair in (("gpt_neox", "llama"), ("gpt_neox", "series@main"))),
        *(("sentence-bits", *pair) for pair in (("gpt_neox", "series@step10"), ("llama", "series@main"))),
        *(("sentence-bits", *pair) for pair in (("llama", "series@step10"), ("series@main", "series@step10"))),
        *(("perplexity", *pair) for pair in (("gpt_neox", "series@main"), ("gpt_neox", "series@step10"))),
        ("perplexity", "series@main", "series@step10"),
    }
    code, _, err = impossible("compare", tmp_path / "out", "--between", "llama,gpt_neox", "--metric", "perplexity")
    assert code == 2 and "Where vocabularies differ that is sentence-bits or minimal-pairs" in err
    code, _, err = impossible("report", tmp_path / "out", "--output", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert code == 0 and "model less another" in page and "unknown language" not in page, err
    assert "llama on no-shuffle" in page and "llama less gpt_neox" not in page


@pytest.fixture
def in_parts(tmp_path, texts):
    """A model whose weights are in several files."""
    model = foreign(tmp_path / "it", "opt", texts)
    (tmp_path / "it" / "model.safetensors").unlink()
    model.save_pretrained(tmp_path / "it", max_shard_size="20KB")
    return tmp_path / "it", sorted((tmp_path / "it").glob("model-*.safetensors"))


def test_the_part_that_is_damaged_is_named(in_parts):
    """Transformers names neither a file that it cannot read, nor one whose weights are no numbers."""
    folder, parts = in_parts
    third, whole = parts[2], parts[2].read_bytes()
    third.write_bytes(whole[:-8])
    with pytest.raises(UserError, match=rf"{third.name}: transformers cannot load it \(SafetensorError"):
        load_published(folder)
    third.write_bytes(whole[:-64] + b"\xff" * 64)
    with pytest.raises(UserError, match=rf"{third.name}: its weights give no numbers \(NaN or infinite\)"):
        load_published(folder)
    third.write_bytes(whole)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(UserError, match=rf"but {parts[0].name} without the list .*\(model.safetensors.index"):
        load_published(folder)
    for path in parts:
        path.rename(path.with_name(path.name.replace("model-", "pytorch_model-").replace(".safetensors", ".bin")))
    with pytest.raises(UserError, match=r"but pytorch_model-0.* without the list .*\(pytorch_model.bin.index.json\)"):
        load_published(folder)


def test_weights_without_a_configuration_are_no_model(models, tmp_path):
    shutil.copytree(models / "bloom", tmp_path / "it")
    (tmp_path / "it" / "config.json").unlink()
    with pytest.raises(UserError, match=r"it/config.json: is missing, and weights alone do not say"):
        open_run(tmp_path / "it", tmp_path / "out")


def test_a_configuration_that_fails_when_it_is_used_is_one_line(models, tmp_path):
    """A chance of dropout above one is looked at by the first layer that it reaches, and was a traceback."""
    shutil.copytree(models / "opt", tmp_path / "it")
    path = tmp_path / "it" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dropout": 5.1}))
    with pytest.raises(UserError, match=r"config.json: transformers cannot load it \(ValueError: dropout probability"):
        load_published(tmp_path / "it")


def test_a_token_that_is_ruled_out_is_no_fault(models, monkeypatch):
    """Some models give ids that stand for nothing a logit of minus infinity; they were said to be no causal models."""
    from transformers import BloomForCausalLM

    whole = BloomForCausalLM.forward

    def ruled_out(self, *arguments, **options):
        found = whole(self, *arguments, **options)
        found.logits[..., -1] = -torch.inf
        return found

    monkeypatch.setattr(BloomForCausalLM, "forward", ruled_out)
    assert load_published(models / "bloom").model is not None
