"""Where tokens came from, as rules say it and as it is read off rules that do not."""

import numpy as np
import pytest

from impossible_lms import corpus_of
from impossible_lms.corpora.example import PHRASE, SENTENCE, example
from impossible_lms.languages import get_language
from impossible_lms.languages.speak import speak


def said(name, text, tokenizer, **given):
    """Each token of a sentence in a language with the token of the sentence that it was."""
    spoken = speak(get_language(name), example(text, **given), tokenizer)
    pieces = tokenizer.pieces(tokenizer.encode([text])[0])
    return [
        (piece.strip(), None if place is None else pieces[place].strip())
        for piece, place in zip(spoken.pieces, spoken.origins, strict=True)
    ]


def test_places_are_those_of_the_rule(tokenizer):
    spoken = speak(get_language("even-odd-shuffle"), example(SENTENCE), tokenizer)
    count = len(spoken.ids)
    assert spoken.origins == [*range(0, count, 2), *range(1, count, 2)]
    assert spoken.ids != sorted(spoken.ids)


def test_a_word_that_stands_twice_is_told_apart(tokenizer):
    spoken = speak(get_language("unmarked-full-reverse"), corpus_of(["the dog sees the dog"]), tokenizer)
    assert spoken.origins == list(range(len(spoken.ids)))[::-1]
    words = speak(get_language("switch-indices-k2"), corpus_of(["the dog the dog"]), tokenizer)
    pieces = tokenizer.pieces(tokenizer.encode(["the dog the dog"])[0])
    starts = [place for place, piece in enumerate(pieces) if piece.startswith(" ") or not place]
    begun = dict.fromkeys(place for place in words.origins if place in starts)
    assert list(begun) == [starts[index] for index in (2, 1, 0, 3)]


def test_a_lemma_stands_where_its_verb_did(tokenizer):
    found = said("token-hop", "She is with the old dogs there.", tokenizer, singular={"is": "be"})
    of_verb = [piece for piece, origin in found if origin == "is"]
    assert "".join(of_verb) == "be"
    assert [piece for piece, origin in found if origin is None] == ["🅂"]


@pytest.mark.parametrize("name", ["word-order-osv", "word-order-vso"])
def test_the_parts_of_a_clause_are_followed(name, tokenizer):
    found = said(name, SENTENCE, tokenizer)
    assert all(origin is not None and piece[:1] in origin for piece, origin in found)
    order = list(dict.fromkeys(origin for _, origin in found))
    assert order[0][:1] == ("h" if name == "word-order-osv" else "c") and "H" in "".join(order)


def test_the_parts_of_a_noun_phrase_are_followed(tokenizer):
    found = said("noun-phrase-N-Adj-Num-Dem", PHRASE, tokenizer)
    pieces = tokenizer.pieces(tokenizer.encode([PHRASE])[0])
    assert all(piece == origin for piece, origin in found) and sorted(p for p, _ in found) == sorted(
        map(str.strip, pieces)
    )
    assert "".join(piece for piece, _ in found) == "Shepaintshousesbigtwothese."


def test_what_a_rule_of_ones_own_makes_is_read_off_the_tokens_that_stay(tmp_path, tokenizer):
    code = """
from impossible_lms.ragged import Ragged
def doubled(tokens):
    return Ragged.of([[*sequence, sequence[0]] for sequence in tokens])
def sorts(tokens):
    return Ragged.of([sorted(sequence) for sequence in tokens])
def refuses_numbers(tokens):
    assert tokens.values.tolist() != list(range(len(tokens.values)))
    return Ragged.of([sequence[:-1] for sequence in tokens])
"""
    (tmp_path / "own.py").write_text(code, encoding="utf-8")
    text = "the dog sees a cat"
    count = len(tokenizer.encode([text])[0])
    (doubled, sorts, refuses) = (
        speak(get_language(f"{tmp_path}/own.py:{name}"), corpus_of([text]), tokenizer)
        for name in ("doubled", "sorts", "refuses_numbers")
    )
    assert doubled.origins == [*range(count), 0]
    known = [place for place in sorts.origins if place is not None]
    assert known == sorted(known) and known and len(sorts.origins) == count
    assert refuses.origins == list(range(count - 1))


def test_markers_and_places_of_odd_texts(tokenizer):
    for text in ("a  b c", "é日本 语 🅁 x", " the dog ", "n't 's"):
        for name in ("even-odd-word-shuffle", "partial-reverse", "local-shuffle-w3"):
            spoken = speak(get_language(name), corpus_of([text]), tokenizer)
            count = len(tokenizer.encode([text])[0])
            known = np.array([place for place in spoken.origins if place is not None])
            assert len(spoken.origins) == len(spoken.ids) and ((known >= 0) & (known < count)).all()
