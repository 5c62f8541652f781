"""One typed sentence: its words, and the verbs the hop languages mark in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impossible_lms import get_language, read_corpus
from impossible_lms.corpora.example import example


def columns(text, **verbs):
    """The one row of the corpus."""
    (block,) = (block for _, block in example(text, **verbs).blocks())
    (row,) = block.to_pylist()
    return row


def marked(text, **verbs):
    """The marked verbs: form, lemma, number."""
    row = columns(text, **verbs)
    found = []
    for word, lemma, features in zip(row["words"], row["lemmas"], row["features"], strict=True):
        if features is None:
            assert lemma == word
            continue
        named = dict(entry.split("=") for entry in features.split("|"))
        number = named.pop("Number")
        assert named == {"Mood": "Ind", "Person": "3", "Tense": "Pres", "VerbForm": "Fin"}
        found.append((word, lemma, number))
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("He cleans his bookshelf.", ["He", "cleans", "his", "bookshelf", "."]),
        ("Don't!", ["Do", "n't", "!"]),
        ("We can't and won't", ["We", "ca", "n't", "and", "wo", "n't"]),
        ("IT ISN'T SO", ["IT", "IS", "N'T", "SO"]),
        ("She'll he's we're they've I'm", ["She", "'ll", "he", "'s", "we", "'re", "they", "'ve", "I", "'m"]),
        ("I'd go", ["I", "'d", "go"]),
        ("the dogs' house", ["the", "dogs", "'", "house"]),
        ("a well-known no-man's-land", ["a", "well-known", "no-man", "'s", "-", "land"]),
        ("one -- two...", ["one", "-", "-", "two", ".", ".", "."]),
        ("\tÉtude  naïve\n", ["Étude", "naïve"]),
        ("n't", ["n't"]),
        ("ain'tx", ["ain", "'", "tx"]),
        ("", []),
    ],
)
def test_words(text, words):
    row = columns(text)
    assert row["words"] == words and row["text"] == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text("an't'sd- .", max_size=20))
def test_no_character_but_white_space_is_lost(text):
    row = columns(text)
    assert "".join(row["words"]) == "".join(text.split())
    assert all(row["words"])
    assert len(row["words"]) == len(row["lemmas"]) == len(row["features"])


def test_the_words_of_the_grammar_are_found_again():
    sentences = [row for _, block in read_corpus("grammar:sentences=300,seed=0").blocks() for row in block.to_pylist()]
    assert len(sentences) == 300
    assert sum("'" in row["text"] for row in sentences) > 10
    for row in sentences:
        assert columns(row["text"])["words"] == row["words"]


def test_the_lexicon_knows_forms_that_are_nothing_else():
    text = "He cleans it, plays, is and HAS it, and they are here but clean; the cats were"
    assert marked(text) == [
        ("cleans", "clean", "Sing"),
        ("is", "be", "Sing"),
        ("HAS", "have", "Sing"),
        ("are", "be", "Plur"),
    ]
    assert marked("They're in and he's out") == [("'re", "be", "Plur")]


def test_given_verbs_take_the_place_of_the_lexicon():
    assert marked("He cleans and Plays", singular={"plays": "play"}) == [("Plays", "play", "Sing")]
    assert marked("They are and Play", plural={"PLAY": "play"}) == [("Play", "play", "Plur")]
    both = marked("He plays and they play", singular={"plays": "play"}, plural={"play": "play"})
    assert both == [("plays", "play", "Sing"), ("play", "play", "Plur")]
    assert marked("He cleans, they are", singular={}) == []


def test_the_known_verbs_are_not_changed_by_what_is_given():
    marked("the bookshelf", singular={"bookshelf": "x"})
    assert marked("He cleans the bookshelf") == [("cleans", "clean", "Sing")]


def test_it_is_a_corpus_for_every_language(tokenizer):
    corpus = example("He cleans his very messy bookshelf.")
    assert corpus.name == "example" and corpus.splits == ("all",)
    assert list(corpus.texts()) == ["He cleans his very messy bookshelf."]
    marker = tokenizer.with_markers(("🅂", "🄿"))
    (tokens,) = get_language("word-hop").apply(corpus, tokenizer).tokens
    assert marker.decode(tokens) == "He clean his very messy bookshelf🅂 ."
    assert get_language("no-hop").apply(example(""), tokenizer).dropped["fewer than two tokens"] == 1
