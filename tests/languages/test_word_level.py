"""Languages from later work that move words, or all tokens without a marker: examples by hand, and their laws."""

import numpy as np
import pyarrow as pa
import pytest

from impossible_lms import Corpus, build_dataset, corpus_of, get_language
from impossible_lms.corpora.corpus import Memory
from impossible_lms.errors import UserError
from impossible_lms.languages.global_shuffle import by_rank

SENTENCE = "He cleans his very messy bookshelf."


def said(name, text, tokenizer):
    language = get_language(name)
    marked = tokenizer.with_markers(language.family.markers)
    result = language.apply(corpus_of([text]), tokenizer)
    return marked.decode(result.tokens[0]) if len(result.tokens) else result.dropped


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("even-odd-word-shuffle", "He his messy cleans very bookshelf."),
        ("local-word-shuffle-w3", "his He cleans bookshelf. very messy"),
        ("switch-indices", "very cleans his He messy bookshelf."),
        ("switch-indices-k2", "his cleans He very messy bookshelf."),
        ("switch-indices-k5", "bookshelf cleans his very messy He."),
        ("switch-indices-k1", "cleans He his very messy bookshelf."),
        ("switch-indices-k9", SENTENCE),
    ],
)
def test_words_stay_whole(name, expected, tokenizer):
    assert said(name, SENTENCE, tokenizer) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He sees his dog.", "dog sees his He."),  # final punctuation stays last, as published
        ("He sees his dog .", "dog sees his He ."),
        ("He sees it .", "He sees it ."),  # three words besides it
        ("He sees it.", "He sees it."),
        ("He sees his dog", "dog sees his He"),
        ("St. Mary is big", "St. Mary is big"),  # could not be told from another
        ("Well, he did so!", "so he did Well,!"),
    ],
)
def test_switched_words_leave_the_final_punctuation(text, expected, tokenizer):
    assert said("switch-indices", text, tokenizer) == expected
    assert said("switch-indices", expected, tokenizer) == text


CHINESE = "我们昨天看见那些孩子在花园里面。"
WORDS = ["我们", "昨天", "看见", "那些", "孩子", "在", "花园", "里面", "。"]


def segmented(text, words):
    columns = {"text": pa.array([text], pa.string()), "words": pa.array([words], pa.list_(pa.string()))}
    return Corpus("segmented", (Memory(pa.record_batch(columns)),))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("even-odd-word-shuffle", "我们看见孩子花园。昨天那些在里面"),
        ("switch-indices", "那些昨天看见我们孩子在花园里面。"),
        ("unmarked-full-reverse", None),
        ("nondeterministic-word-shuffle", None),
        ("full-word-reverse", None),
    ],
)
def test_words_without_spaces_are_those_of_the_annotation(name, expected, tokenizer):
    language = get_language(name)
    marked = tokenizer.with_markers(language.family.markers)
    result = language.apply(segmented(CHINESE, WORDS), tokenizer)
    text = marked.decode(result.tokens[0])
    if expected:
        assert text == expected
        assert language.inverse is not None and language.inverse(result.tokens, marked).lengths().tolist() == [0]
        assert language.lacking([segmented(CHINESE, WORDS).sources[0].columns]) is None
    elif name == "full-word-reverse":
        marker = marked.decode([next(iter(marked.markers.values()))])
        assert text.replace(marker, "") == "".join(reversed(WORDS))
    elif "word" in name:
        assert text != CHINESE and sorted(text) == sorted(CHINESE)
        assert np.isnan(language.added_bits(result.tokens, marked)).all()


@pytest.mark.parametrize(
    "name", ["even-odd-word-shuffle", "nondeterministic-word-shuffle", "switch-indices", "full-word-reverse"]
)
def test_words_that_nobody_knows_are_refused_with_the_way_out(name, tokenizer, tmp_path):
    with pytest.raises(UserError) as error:
        build_dataset(corpus_of([CHINESE] * 40), get_language(name), tokenizer, tmp_path / "data", context=8)
    assert str(error.value) == (
        f"language {name}: most of the first 40 sentences are written without spaces between words, which are not "
        "known. Annotate the corpus in its own language: impossible annotate CORPUS --with stanza:zh --output "
        "ANNOTATED. Languages of tokens (local-shuffle-w3, full-reverse) need no words."
    )
    assert get_language(name).lacking([next(corpus_of(["他 去 了 。", "a b"]).blocks())[1]]) is None


def test_the_order_of_words_is_that_of_tokens_in_the_shuffles_of_the_paper(tokenizer):
    """Of one-token words, the word-level language says what the token-level one says."""
    words = "a b c d e f g h"
    for stem in ("deterministic{}-shuffle-s21", "local{}-shuffle-w5", "even-odd{}-shuffle"):
        by_word, by_token = (said(stem.format(level), words, tokenizer).split() for level in ("-word", ""))
        assert by_word == " ".join(by_token).replace("a", " a").split()


def test_global_shuffle_keeps_the_relative_order_of_places():
    """Of any two places the same one comes first, whatever the length."""
    longest = by_rank(21)(40).tolist()
    for length in range(40):
        order = by_rank(21)(length).tolist()
        assert order == [place for place in longest if place < length]
    assert by_rank(22)(40).tolist() != longest


def test_words_of_one_text_have_distinct_orders_counted_once(tokenizer):
    tokens = tokenizer.encode(["the dog sees the dog", "one two three four", "word", ""])
    bits = get_language("nondeterministic-word-shuffle").added_bits(tokens, tokenizer)
    assert np.allclose(2**bits, [30, 24, 1, 1])


@pytest.mark.parametrize(
    ("name", "tail"),
    [("no-word-reverse", SENTENCE), ("full-word-reverse", "bookshelf. messy very his cleans He")],
)
def test_the_marker_stands_between_words(name, tail, tokenizer):
    found = said(name, SENTENCE, tokenizer)
    before, _, after = found.partition("🅁")
    assert before + after == tail and (not after or not before or after.startswith(" "))


def test_partial_word_reverse(tokenizer):
    """The words after the marker come from last to first; those before it stay."""
    for seed in range(12):
        before, _, after = said(f"partial-word-reverse-s{seed}", SENTENCE, tokenizer).partition("🅁")
        kept = before.split()
        assert [*kept, *after.split()[::-1]] == SENTENCE.split()


def test_the_family_puts_the_marker_at_the_same_places(tokenizer):
    texts = [SENTENCE, "She sings.", "The dogs of my neighbour sleep again."] * 5
    places = {}
    for name in ("no-word-reverse", "partial-word-reverse", "full-word-reverse"):
        language = get_language(name)
        marked = tokenizer.with_markers(language.family.markers)
        result = language.apply(corpus_of(texts), tokenizer)
        before = [marked.decode(tokens).partition("🅁")[0].split() for tokens in result.tokens]
        places[name] = [len(words) for words in before]
    lengths = [len(text.split()) for text in texts]
    assert places["no-word-reverse"] == places["partial-word-reverse"]
    mirrored = [length - place for length, place in zip(lengths, places["full-word-reverse"], strict=True)]
    assert places["no-word-reverse"] == mirrored and len(set(mirrored)) > 3


@pytest.mark.parametrize("text", [" He sings", "He sings ", "He  sings"])
def test_loose_spaces_have_no_words_to_stand_between(text, tokenizer):
    assert said("partial-word-reverse", text, tokenizer) == {
        "a space that does not separate two words": 1,
        "fewer than two tokens": 0,
    }


def test_unmarked_full_reverse(tokenizer):
    result = get_language("unmarked-full-reverse").apply(corpus_of([SENTENCE]), tokenizer)
    assert result.tokens[0].tolist() == tokenizer.encode([SENTENCE])[0].tolist()[::-1]
