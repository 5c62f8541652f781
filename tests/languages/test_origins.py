"""Where tokens came from, as it is read off the rules themselves."""

import pytest

from impossible_lms.corpora.example import PARSE, SENTENCE, example
from impossible_lms.languages import get_language
from impossible_lms.languages.origins import origins
from impossible_lms.languages.speak import speak


@pytest.mark.parametrize("name", ["no-shuffle", "local-shuffle-w3", "even-odd-shuffle", "partial-reverse", "token-hop"])
def test_every_token_that_stays_is_where_it_says_it_was(name, tokenizer):
    language, sentence = get_language(name), example(SENTENCE, parse=PARSE)
    columns = next(block for _, block in sentence.blocks())
    original = tokenizer.encode(columns.column("text"))
    marked = tokenizer.with_markers(language.family.markers)
    (places,) = origins(language, columns, original, marked)
    ids = speak(language, sentence, tokenizer).ids
    assert len(places) == len(ids)
    known = [(token, place) for token, place in zip(ids, places, strict=True) if place is not None]
    assert all(original[0][place] == token for token, place in known) and len({place for _, place in known}) == len(
        known
    )
    assert {token for token, place in zip(ids, places, strict=True) if place is None} >= {
        token for token in ids if token in marked.markers.values()
    }
    if name == "even-odd-shuffle":
        assert places == [*range(0, len(ids), 2), *range(1, len(ids), 2)]
