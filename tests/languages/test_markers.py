"""Markers counted, and what is said where they are missing."""

from impossible_lms import get_language
from impossible_lms.languages.markers import marker_fault, sentences_with, shares, shares_said
from impossible_lms.ragged import Ragged


def test_sentences_are_counted_once_each():
    tokens = Ragged.of([[1, 9, 9], [], [2], [8, 9], [9]])
    assert sentences_with(tokens, {"S": 9, "P": 8, "R": 7}) == {"S": 3, "P": 1, "R": 0}
    assert sentences_with(Ragged.of([], dtype=tokens.values.dtype), {"S": 9}) == {"S": 0}
    assert shares({"S": 3}, 4) == {"S": 0.75} and shares({"S": 0}, 0) == {"S": 0.0}
    assert shares_said({"S": 0.75, "P": 0.0, "R": 0.0001}) == "S in 75.0%, P in 0.0%, R in under 0.1%"


def test_what_is_never_there_or_rare_is_said_with_what_it_stands_for():
    hop, reverse = get_language("token-hop"), get_language("partial-reverse")
    assert marker_fault(hop, "a.txt", {"🅂": 0.3, "🄿": 0.05}) is None and marker_fault(reverse, "a.txt", {}) is None
    assert marker_fault(reverse, "a.txt", {"🅁": 0.0}) == "a.txt in partial-reverse: no sentence has 🅁."
    said = marker_fault(hop, "a.txt", {"🅂": 0.04, "🄿": 0.0}) or ""
    assert said.startswith("a.txt in token-hop: no sentence has 🄿; 🅂 in 4.0% of the sentences. Markers stand for verbs")
    assert "Person=3, Tense=Pres, VerbForm=Fin and Number=Sing or Number=Plur" in said
