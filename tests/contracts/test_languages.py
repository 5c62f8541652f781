"""Laws that every language of the registry keeps; a new one is tested the moment it is registered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impossible_lms import LANGUAGES, corpus_of, get_language, read_corpus
from impossible_lms.languages.language import sentences_for
from impossible_lms.ragged import Ragged

NAMES = list(LANGUAGES)
texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def corpus():
    return read_corpus("grammar:sentences=300,seed=7")


@pytest.mark.parametrize("name", NAMES)
def test_has_a_control_in_its_family_and_marks_of_its_own(name):
    language = get_language(name)
    control = get_language(language.control)
    assert control.family is language.family and control.is_control
    kin = [other for other in LANGUAGES.values() if other.family is language.family and other.name != name]
    for other in kin:
        assert language.style.colour != other.style.colour
        assert (language.style.dash, language.style.sign) != (other.style.dash, other.style.sign)
    assert language.summary


@pytest.mark.parametrize("name", NAMES)
def test_the_same_twice(name, corpus, tokenizer):
    first, second = (get_language(name).apply(corpus, tokenizer) for _ in range(2))
    assert np.array_equal(first.tokens.values, second.tokens.values)
    assert np.array_equal(first.tokens.offsets, second.tokens.offsets)
    assert np.array_equal(first.sentence, second.sentence) and np.array_equal(first.affected, second.affected)


@pytest.mark.parametrize("name", NAMES)
def test_does_not_care_how_the_stream_is_cut(name, corpus, tokenizer):
    language = get_language(name)
    whole = language.apply(corpus, tokenizer)
    rewrite, parts, first = language.start(), [], 0
    for _, block in corpus.blocks():
        for start in range(0, len(block), 37):
            columns = block.slice(start, 37)
            parts.append(rewrite(next(sentences_for([language.family], columns, tokenizer, first))))
            first += len(columns)
    joined = Ragged.join([part.tokens for part in parts])
    assert np.array_equal(joined.values, whole.tokens.values)
    assert np.array_equal(joined.offsets, whole.tokens.offsets)
    assert np.array_equal(np.concatenate([part.sentence for part in parts]), whole.sentence)
    assert np.array_equal(np.concatenate([part.affected for part in parts]), whole.affected)


@pytest.mark.parametrize("name", NAMES)
def test_leaves_its_input_alone(name, corpus, tokenizer):
    language = get_language(name)
    _, block = next(corpus.blocks())
    sentences = next(sentences_for([language.family], block, tokenizer, 0))
    before = sentences.tokens.values.copy(), sentences.tokens.offsets.copy()
    language.start()(sentences)
    assert np.array_equal(sentences.tokens.values, before[0]) and np.array_equal(sentences.tokens.offsets, before[1])


@pytest.mark.parametrize("name", NAMES)
def test_keeps_or_drops_each_sentence_and_says_so(name, corpus, tokenizer):
    result = get_language(name).apply(corpus, tokenizer)
    assert len(result.tokens) + sum(result.dropped.values()) == 300
    assert len(result.tokens) == len(result.sentence) == len(result.affected)
    assert np.all(np.diff(result.sentence) > 0)


@pytest.mark.parametrize("name", [name for name in NAMES if get_language(name).family.name != "hop"])
def test_keeps_the_tokens_and_gives_them_back_where_it_can(name, tokenizer):
    language = get_language(name)
    marked = tokenizer.with_markers(language.family.markers)

    @settings(max_examples=50, deadline=None)
    @given(texts)
    def law(sentences):
        result = language.apply(corpus_of(sentences), tokenizer)
        plain = tokenizer.encode(sentences).take(result.sentence)
        for mine, original in zip(result.tokens, plain, strict=True):
            ordinary = mine[~np.isin(mine, list(marked.markers.values()))]
            assert sorted(ordinary.tolist()) == sorted(original.tolist())
            assert len(ordinary) >= 2
        if language.inverse is not None:
            assert np.array_equal(language.inverse(result.tokens, marked).values, plain.values)
        elif language.is_deterministic:
            raise AssertionError("a deterministic language of the same tokens can be undone")

    law()


@pytest.mark.parametrize("name", NAMES)
def test_adds_as_many_bits_as_it_draws(name, tokenizer):
    language = get_language(name)
    tokens = tokenizer.encode(["the dog sees the dog", "a", ""])
    bits = language.added_bits(tokens)
    assert bits.shape == (3,) and bits.dtype == np.float64 and (bits >= 0).all()
    assert language.is_deterministic == (not bits.any())
    assert bits[2] == 0
