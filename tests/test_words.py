"""Encoding word by word gives what the backend gives for whole texts, white space of every kind included."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from impossible_lms import words
from impossible_lms.words import WordEncoder, encode_each

signs = st.sampled_from(" \t\n\u00a0\u2028\u3000ab'sté1.,-🅁中\u0301")
texts = st.lists(st.one_of(st.text(signs, max_size=12), st.text(st.characters(exclude_categories=["Cs"]))), max_size=8)


def test_equals_the_backend(tokenizer):
    import pyarrow as pa

    encoder = WordEncoder(tokenizer.backend.plain)

    @settings(max_examples=400)
    @given(texts)
    @example(["", " ", "  ", "a  b", " a", "a ", "don't  we 'll", "\u00a0 a", "a \u00a0b"])
    def law(sentences):
        found, expected = (
            encoder.encode_texts(pa.array(sentences, pa.string())),
            encode_each(tokenizer.backend.plain, sentences),
        )
        assert np.array_equal(found.values, expected.values)
        assert np.array_equal(found.offsets, expected.offsets)

    law()


@pytest.mark.parametrize("most", [0, 3])
def test_forgetting_changes_nothing(tokenizer, monkeypatch, most):
    import pyarrow as pa

    monkeypatch.setattr(words, "MOST_WORDS", most)
    monkeypatch.setattr(words, "WORDS_JOINED", 2)
    encoder = WordEncoder(tokenizer.backend.plain)
    for text in ("one two three", "three four one", "five", "one five two"):
        found = encoder.encode_texts(pa.array([text]))
        assert found.values.tolist() == tokenizer.backend.plain.encode(text).ids


def test_real_text(shared):
    import pyarrow as pa

    from impossible_lms import load_tokenizer

    gpt2 = load_tokenizer(str(shared / "data" / "gpt2-bpe"))
    lines = (shared / "data" / "babylm-like" / "dev" / "webtext.dev").read_text(encoding="utf-8").split("\n")[:-1]
    found, expected = (
        WordEncoder(gpt2.backend.plain).encode_texts(pa.array(lines)),
        encode_each(gpt2.backend.plain, lines),
    )
    assert len(lines) == 1800 and np.array_equal(found.values, expected.values)


def test_tokenizers_of_another_kind_encode_whole_texts(tokenizer, tmp_path):
    import tokenizers

    from impossible_lms import load_tokenizer

    backend = tokenizers.Tokenizer.from_str(tokenizer.backend.plain.to_str())
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.save(str(tmp_path / "tokenizer.json"))
    prefixed = load_tokenizer(str(tmp_path))
    assert tokenizer.backend.splits_at_spaces and not prefixed.backend.splits_at_spaces
    assert prefixed.encode(["the dog"])[0].tolist() == tokenizer.encode([" the dog"])[0].tolist()
