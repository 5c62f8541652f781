"""Tokens a word, or a character where words are not told apart by spaces; said wherever a tokenizer meets a corpus."""

import json

import pyarrow as pa

from impossible_lms import build_dataset, load_tokenizer, read_corpus
from impossible_lms.languages.fertility import SAMPLE, fertility

THAI = "นี่คือประโยคภาษาไทยที่ไม่มีช่องว่าง"
ENGLISH = ["The dog sleeps.", "A cat sees it."]


def of(texts, tokenizer):
    return fertility([pa.record_batch({"text": pa.array(texts)})], tokenizer)


def test_tokens_are_counted_by_word_or_by_character(tokenizer):
    found = of(ENGLISH, tokenizer)
    assert found.tokens == sum(len(tokenizer.encode([text]).values) for text in ENGLISH)
    assert (found.units, found.unit, found.sentences) == (7, "word", 2)
    assert str(found) == f"{found.tokens / 7:.2f} tokens a word"
    found = of([THAI] * 3 + ["One word."], tokenizer)
    assert found.unit == "character" and found.units == 3 * len(THAI) + 8
    assert of(["one"] * (SAMPLE + 5), tokenizer).sentences == SAMPLE
    assert str(fertility([], tokenizer)) == "no words"


def test_it_is_said_by_build_check_and_inspect(tmp_path, impossible, tokenizer):
    tokenizer.save(tmp_path / "tokenizer")
    spec = "grammar:sentences=400,seed=0"
    dataset = build_dataset(
        read_corpus(spec), "no-shuffle", load_tokenizer(str(tmp_path / "tokenizer")), tmp_path / "d"
    )
    assert dataset.fertility is not None
    said = str(dataset.fertility)
    assert said.endswith("tokens a word") and 1.0 < dataset.fertility.tokens / dataset.fertility.units < 3.0
    code, out, err = impossible("inspect", tmp_path / "d")
    assert code == 0 and f"fertility  {said}, in the first 400 sentences as they are" in out, err
    build = ("build", "--corpus", spec, "--tokenizer", tmp_path / "tokenizer", "--language", "no-shuffle")
    code, out, err = impossible(*build, "--output", tmp_path / "again")
    assert code == 0 and f"in no-shuffle; {said}" in out, err
    code, out, err = impossible("check", "no-shuffle", "--corpus", spec, "--tokenizer", tmp_path / "tokenizer")
    assert code == 0 and said in out, err
    record = json.loads((tmp_path / "d" / "manifest.json").read_text())["record"]
    assert record["fertility"]["unit"] == "word"
