"""Tokenizers: nothing wraps, nothing in a sentence becomes a special id, and other tools load what is saved."""

import json

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel

from impossible_lms import read_corpus
from impossible_lms.errors import UserError
from impossible_lms.special_tokens import END_OF_TEXT
from impossible_lms.tokenizer import Backend, Tokenizer, load_tokenizer


def test_text_comes_back(tokenizer):
    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
    def law(text):
        assert tokenizer.decode(tokenizer.encode([text])[0]) == text

    law()


def test_markers_and_end_of_text_in_a_sentence_stay_ordinary_text(tokenizer):
    marked = tokenizer.with_markers(["🅁", "🅂"])
    for text in ("He 🅁 cleans", f"a {END_OF_TEXT} b", "🅂", END_OF_TEXT):
        ids = marked.encode([text])[0]
        assert not np.isin(ids, [*marked.markers.values(), marked.end_of_text]).any()
        assert marked.decode(ids) == text


def test_markers_get_the_next_ids_and_never_split(tokenizer):
    marked = tokenizer.with_markers(["🅂", "🄿"])
    assert marked.markers == {"🅂": 400, "🄿": 401}
    assert marked.vocabulary_size == tokenizer.vocabulary_size + 2 == 402
    assert marked.full.encode("she 🅂 sings🄿").ids.count(400) == 1
    assert marked.sha256 != tokenizer.sha256 == marked.without_markers().sha256


def test_training_is_deterministic_and_gives_the_size_asked_for(tokenizer):
    texts = list(read_corpus("grammar:sentences=500,seed=1").texts())
    first, second = (load_tokenizer("train:vocab=270", texts) for _ in range(2))
    assert first.sha256 == second.sha256 and first.vocabulary_size == 270
    with pytest.raises(UserError, match=r"this corpus gives only [0-9]+ ids\. Ask for fewer, or take a larger corpus"):
        load_tokenizer("train:vocab=300", ["a rose is a rose"])


def test_other_tools_load_what_is_saved(tokenizer, tmp_path):
    from transformers import AutoTokenizer

    marked = tokenizer.with_markers(["🅁"])
    marked.save(tmp_path, context=32)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert len(loaded) == 401 and loaded.model_max_length == 32 and loaded.eos_token_id == marked.end_of_text
    ids = [*marked.encode(["He cleans"])[0].tolist(), 400]
    assert loaded("He cleans 🅁").input_ids == ids
    assert loaded.decode(ids, skip_special_tokens=True) == "He cleans🅁"
    tokenizer.save(tmp_path / "plain")
    assert load_tokenizer(str(tmp_path / "plain")).sha256 == tokenizer.sha256


def test_large_vocabularies_are_stored_in_four_bytes(tokenizer):
    backend = tokenizers.Tokenizer.from_str(tokenizer.backend.plain.to_str())
    backend.add_tokens([f"<{index}>" for index in range(65_536 - 400)])
    full = Tokenizer("large", Backend(backend), tokenizer.end_of_text)
    assert full.vocabulary_size == 65_536 and full.dtype == np.uint16
    marked = full.with_markers(["🅁"])
    assert marked.dtype == np.uint32 and marked.encode(["a"]).values.dtype == np.uint32


def test_gpt2s_own_files(shared):
    gpt2 = load_tokenizer(str(shared / "data" / "gpt2-bpe"))
    assert gpt2.vocabulary_size == 50_257 and gpt2.end_of_text == 50_256
    assert gpt2.encode(["Hello world"])[0].tolist() == [15496, 995]


def test_faults_are_named(tmp_path):
    without = tokenizers.Tokenizer(tokenizers.models.BPE())
    without.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match=r"has no <\|endoftext\|> token"):
        load_tokenizer(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        load_tokenizer(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds neither tokenizer\.json nor vocab\.json with merges\.txt"):
        load_tokenizer(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="no such file or folder"):
        load_tokenizer("./nowhere")
    with pytest.raises(UserError, match="neither a folder here nor to be had from the Hugging Face Hub"):
        load_tokenizer("nobody/nothing")
    for spec, fault in {
        "train:vocab=256": "vocab must be at least 257",
        "train:vocab=x": "vocab takes a whole number, not 'x'",
        "train:size=300": "unknown key 'size'. Known: vocab",
        "train:vocab=300": "needs a corpus to train on",
    }.items():
        with pytest.raises(UserError, match=fault):
            load_tokenizer(spec)


def written_by_hand(folder, ids):
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return str(folder)


def test_two_tokens_of_one_id_are_refused_by_name(tmp_path):
    ids = {"a": 0, "b": 1, "c": 1, "<|endoftext|>": 2}
    with pytest.raises(UserError, match=r"'b' and 'c' both have the id 1\. Give each an id of its own"):
        load_tokenizer(written_by_hand(tmp_path, ids))
    with pytest.raises(UserError, match=r"'<\|endoftext\|>' and 'b' both have the id 1"):
        load_tokenizer(written_by_hand(tmp_path, {"a": 0, "b": 1, "<|endoftext|>": 1}))


def test_gaps_between_ids_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"no token has the id 2, and ids go up to 70000\. Number its 3 tokens from 0"):
        load_tokenizer(written_by_hand(tmp_path, {"a": 0, "b": 1, "<|endoftext|>": 70000}))


def test_without_merges_and_with_more_ids_than_two_bytes_hold(tmp_path):
    letters = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    ids = letters | {f"word{number}": number for number in range(len(letters), 70_000)} | {"<|endoftext|>": 70_000}
    tokenizer = load_tokenizer(written_by_hand(tmp_path, ids)).with_markers(["🅁"])
    assert tokenizer.dtype == np.dtype("<u4") and tokenizer.markers == {"🅁": 70_001}
    tokens = tokenizer.encode(["She sings."])
    assert len(tokens.values) == 10 and tokenizer.decode([*tokens.values, 70_001]) == "She sings.🅁"


def test_sentencepiece_alone_is_refused_with_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"has tokenizer\.model alone.*`pip install sentencepiece`, or have transform"):
        load_tokenizer(str(tmp_path))


def test_sentencepiece_is_read_where_its_library_is(tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    from transformers import AutoTokenizer

    sentences = [f"the {noun} {verb} a {noun}" for noun in ("dog", "cat", "table") for verb in ("sees", "likes")] * 20
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(sentences), model_prefix=str(tmp_path / "tokenizer"), vocab_size=40, model_type="bpe"
    )
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}'
    )
    ours, theirs = load_tokenizer(str(tmp_path)), AutoTokenizer.from_pretrained(tmp_path)
    (ids,) = ours.encode(["the dog likes a table"])
    assert ids.tolist() == theirs("the dog likes a table", add_special_tokens=False).input_ids
    assert ours.end == "</s>" and ours.decode(ids) == "the dog likes a table"
    (tmp_path / "tokenizer.model").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match=r"cannot be read"):
        load_tokenizer(str(tmp_path))
