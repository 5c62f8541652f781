"""Annotated sentences become rows of CoNLL-U that are their text to the character, or a fault with both strings."""

import pytest

from impossible_lms import read_corpus
from impossible_lms.corpora.annotated import Sentence, Token, Word, rows_of
from impossible_lms.corpora.conllu import conllu_sentence
from impossible_lms.errors import UserError


def word(form, **fields):
    return Word(form, **fields)


def read(tmp_path, rows):
    path = tmp_path / "a.conllu"
    path.write_text("".join(map(conllu_sentence, rows)), encoding="utf-8")
    return [row for _, block in read_corpus(str(path)).blocks() for row in block.to_pylist()]


def test_words_features_and_spaces(tmp_path):
    text = "  I can't\u00a0go.No! "
    first = [
        Token(2, 3, (word("I", lemma="I", upos="PRON", features="Number=Sing", head=4, deprel="nsubj"),)),
        Token(4, 9, (word("ca", lemma="can", head=4), word("n't", lemma="not", xpos="RB", head=4))),
        Token(10, 12, (word("go", head=0, deprel="root"),)),
        Token(12, 13, (word("."),)),
    ]
    second = [Token(13, 15, (word("No", lemma="no"),)), Token(15, 16, (word("!"),))]
    rows = rows_of(text, [Sentence(first, "(ROOT (S (X I)))"), Sentence(second)])
    assert [row["text"] for row in rows] == ["I can't\u00a0go.", "No!"]
    one, two = read(tmp_path, rows)
    assert one["words"] == ["I", "ca", "n't", "go", "."]
    assert one["lemmas"] == ["I", "can", "not", None, None]
    assert one["features"] == ["Number=Sing", None, None, None, None]
    assert one["head"] == [4, 4, 4, 0, None]
    assert one["extra_rows"] == ["2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\tSpacesAfter=\u00a0"]
    assert one["space_after"] == [True, False, True, False, True]
    assert one["tree"] == "(ROOT (S (X I)))" and two["tree"] is None
    assert two["words"] == ["No", "!"] and two["space_after"] == [False, True]


@pytest.mark.parametrize(
    ("gap", "misc"),
    [
        ("", "SpaceAfter=No"),
        (" ", None),
        ("  ", r"SpacesAfter=\s\s"),
        ("\t\r", r"SpacesAfter=\t\r"),
        ("\u2028", "SpacesAfter=\u2028"),
    ],
)
def test_white_space_between_words_is_kept(tmp_path, gap, misc):
    text = f"a{gap}b"
    tokens = [Token(0, 1, (word("a"),)), Token(1 + len(gap), 2 + len(gap), (word("b"),))]
    (row,) = read(tmp_path, rows_of(text, [Sentence(tokens)]))
    assert row["misc"] == [misc, None] and row["text"] == text


def test_a_word_is_written_as_the_text_has_it(tmp_path):
    tokens = [Token(0, 3, (word("<UNK>"),)), Token(4, 7, (word("1 0"),))]
    (row,) = read(tmp_path, rows_of("abc 1\t0", [Sentence(tokens)]))
    assert row["words"] == ["abc", "1 0"]


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 3), (4, 7)],  # the tail is lost
        [(0, 3), (8, 13)],  # a word in the middle is
        [(4, 7), (8, 13)],  # the first is
        [(0, 3), (2, 7), (8, 13)],  # a character twice
        [(0, 3), (4, 7), (7, 8), (8, 13)],  # white space as a word
        [(4, 7), (0, 3), (8, 13)],
        [(0, 3), (4, 7), (8, 14)],  # beyond the end
    ],
)
def test_words_that_are_not_the_text_are_a_fault(spans):
    text = "One two three"
    tokens = [Token(start, end, (word(text[start:end]),)) for start, end in spans]
    with pytest.raises(UserError) as error:
        rows_of(text, [Sentence(tokens)])
    words = " ".join(text[start:end] for start, end in spans)
    assert str(error.value) == f"the annotator's words are not those of the text: '{text}' became '{words}'."


def test_white_space_alone_has_no_sentence():
    assert rows_of(" \t", []) == []
