"""The *Reverse* family, on sentences one can check by eye."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impossible_lms import corpus_of, get_language
from impossible_lms.errors import UserError
from impossible_lms.languages.reverse import reverse_after, reverse_all
from impossible_lms.ragged import Ragged


def test_reversals_by_hand():
    tokens, places = Ragged.of([[1, 2, 9, 3, 4], [9, 5, 6], [7, 9]]), np.array([2, 0, 1])
    assert [row.tolist() for row in reverse_after(tokens, places)] == [[1, 2, 9, 4, 3], [9, 6, 5], [7, 9]]
    assert [row.tolist() for row in reverse_all(tokens, places)] == [[4, 3, 9, 2, 1], [6, 5, 9], [9, 7]]


@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=9), min_size=1, max_size=5), st.data())
def test_reversals_undo_themselves(sequences, data):
    tokens = Ragged.of(sequences)
    places = np.array([data.draw(st.integers(0, len(sequence) - 1)) for sequence in sequences])
    for change in (reverse_after, reverse_all):
        assert np.array_equal(change(change(tokens, places), places).values, tokens.values)


def test_the_three_agree_on_where_the_marker_falls(tokenizer):
    corpus = corpus_of(["the dog sleeps in the house", "x", "she sings a song"] * 20)
    none, partial, full = (
        get_language(f"{kind}-reverse").apply(corpus, tokenizer) for kind in ("no", "partial", "full")
    )
    marker = 400
    for row in range(len(none.tokens)):
        where = none.tokens[row].tolist().index(marker)
        assert partial.tokens[row].tolist().index(marker) == where
        assert full.tokens[row].tolist()[::-1].index(marker) == where
    assert np.array_equal(none.sentence, partial.sentence)


def test_a_dropped_sentence_consumes_its_draw(tokenizer):
    language = get_language("no-reverse")
    short = language.apply(corpus_of(["x", "the dog sleeps in the house"]), tokenizer)
    assert short.dropped == {"fewer than two tokens": 1} and short.sentence.tolist() == [1]
    generator = np.random.default_rng(21)
    generator.choice(len(tokenizer.encode(["x"])[0]) + 1)
    expected = generator.choice(len(tokenizer.encode(["the dog sleeps in the house"])[0]) + 1)
    assert short.tokens[0].tolist().index(400) == expected


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(UserError, match=r"unknown language 'partial-revers'\. Did you mean partial-reverse"):
        get_language("partial-revers")
