"""Back from the hop languages to NoHop: what cannot have been one of their sentences is told, real text comes back."""

import numpy as np
import pytest

from impossible_lms import get_language, load_tokenizer, read_corpus
from impossible_lms.ragged import Ragged


@pytest.fixture(scope="module")
def marked():
    """A vocabulary of bytes, with the markers of the family."""
    return load_tokenizer("train:vocab=257", ["a"]).with_markers(get_language("no-hop").family.markers)


def said(text, tokenizer):
    """The ids of a text in which S and P stand for the markers, each right after a word."""
    ids: list[int] = []
    for piece in text.replace("S", "|S|").replace("P", "|P|").split("|"):
        marker = {"S": "🅂", "P": "🄿"}.get(piece)
        ids += [tokenizer.markers[marker]] if marker else tokenizer.encode([piece]).values.tolist()
    return ids


def back(name, text, tokenizer):
    """What comes back, written in the same way; "" where nothing does."""
    language = get_language(name)
    tokens = Ragged.of([said(text, tokenizer)])
    assert language.to_control is not None
    found = language.to_control(tokens, tokenizer)
    assert language.well_formed(tokens, tokenizer).tolist() == [len(found[0]) > 0]
    return tokenizer.decode(found[0]).replace("🅂", "S").replace("🄿", "P")


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("he see the cat sleepS .", "he seeS the cat sleep ."),
        ("he see the , big catS .", "he seeS the , big cat ."),  # a marker counts words, not punctuation
        ("he don't see it nowS", "he don'tS see it now"),
        ("he know it be darkS outside nowS .", "he knowS it beS dark outside now ."),  # written 's before
        ("he see the cat .", "he see the cat ."),
        ("he see theS cat .", ""),  # too near to any verb
        ("S he see the cat .", ""),
        ("he see the cat slSeep .", ""),  # inside a word
        ("he see the cat sleep .S", ""),  # after no word
        ("he see the cat sleepSS .", ""),  # two of one verb
        ("he think you see the catP sleepS now .", "he think youP seeS the cat sleep now ."),
    ],
)
def test_word_hop(text, home, marked):
    assert back("word-hop-k3", text, marked) == home


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("he see tS he cat .", ""),
        ("he see thS cat .", ""),
        ("a bc deS f .", "a bcS de f ."),
        ("a bc deS .", ""),  # one word after the verb, and three are asked for
    ],
)
def test_token_hop_counts_tokens(text, home, marked):
    # Every byte is a token: " de" are three.
    assert back("token-hop-k3", text.replace("f", "f g"), marked) == home.replace("f", "f g")


def test_a_marker_of_constituent_hop_follows_two_words(marked):
    texts = ["he sleep nowS", "heS sleep now", "he sleepS", "he sleep nSow", "he sleep", "he see her nowSP"]
    tokens = Ragged.of([said(text, marked) for text in texts])
    found = get_language("constituent-hop").well_formed(tokens, marked)
    assert found.tolist() == [True, False, True, False, True, True]


@pytest.mark.parametrize("name", ["token-hop", "word-hop"])
@pytest.mark.parametrize("file", ["en_ewt-dev", "en_gum-dev"])
def test_real_text_comes_back(name, file, shared):
    tokenizer = load_tokenizer(str(shared / "data" / "gpt2-bpe"))
    corpus = read_corpus(str(shared / "data" / "conllu" / f"{file}.conllu"))
    language = get_language(name)
    made, control = language.apply(corpus, tokenizer), get_language("no-hop").apply(corpus, tokenizer)
    assert language.to_control is not None
    found = language.to_control(made.tokens, tokenizer.with_markers(language.family.markers))
    same = [np.array_equal(one, other) for one, other in zip(found, control.tokens, strict=True)]
    assert len(same) > 1_300 and all(same)
