"""Rows of a sentence in every language: what they hold, and how little it takes to break the page."""

import re

import pytest

from impossible_lms import LANGUAGES, UserError
from impossible_lms.explorer import html
from impossible_lms.explorer.address import MOST_CHARACTERS, Chosen
from impossible_lms.explorer.given import given
from impossible_lms.explorer.speaking import Speaker, words_of


@pytest.fixture(scope="module")
def speaker(tokenizer):
    return Speaker(tokenizer)


def test_every_language_has_a_row_its_control_first(speaker):
    page = speaker.page(Chosen())
    assert {row.language for row in page.rows} == set(LANGUAGES)
    families = [row.family for row in page.rows]
    assert len(set(families)) == sum(one != other for one, other in zip(families, ["", *families], strict=False))
    for number, row in enumerate(page.rows):
        assert row.is_control or row.family == page.rows[number - 1].family or row.family not in families[:number]
        assert row.why or (len(row.tokens) == len(row.ids) and row.text)
    by_name = {row.language: row for row in page.rows}
    assert [token.place for token in by_name["unmarked-full-reverse"].tokens] == list(range(len(page.original), 0, -1))
    assert [token.text for token in by_name["token-hop"].tokens if token.is_marker] == ["S"]
    assert page.verbs == "Verbs that the hop languages mark, by the built-in lexicon: cleans (clean, S)."


def test_what_has_no_annotation_says_what_it_needs(speaker):
    rows = {row.language: row for row in speaker.page(Chosen(s="Cats walk.")).rows}
    assert not rows["no-hop"].why
    assert rows["word-order-sov"].why == (
        "needs a parse of the sentence (head, deprel). "
        "Start the page with an annotator: impossible explore --with spacy"
    )
    assert speaker.page(Chosen(s="Cats walk.")).verbs.startswith("No verb that the hop languages mark is found")


def test_numbers_make_languages_of_their_own(speaker):
    def names(**chosen):
        return [row.language for row in speaker.page(Chosen(**chosen)).rows]

    assert names(window=7, languages="shuffle")[-4:-1] == ["local-shuffle-w5", "local-shuffle-w10", "local-shuffle-w7"]
    assert names(seed=3, languages="reverse") == ["no-reverse-s3", "partial-reverse-s3", "full-reverse-s3"]
    assert names(hops=2, languages="hop") == ["no-hop-k2", "token-hop-k2", "word-hop-k2"]
    assert names(languages="paper", window=5, seed=21, hops=4) == names(languages="paper")
    assert names(languages="token-hop") == ["token-hop"]


def test_another_draw_changes_what_draws_alone(speaker):
    first, second = ({row.language: row.ids for row in speaker.page(Chosen(draw=draw)).rows} for draw in (1, 2))
    changed = {name for name in first if first[name] != second[name]}
    assert "nondeterministic-shuffle" in changed
    assert all(not LANGUAGES[name].is_deterministic for name in changed)


def test_words_share_the_place_of_their_word(speaker):
    page = speaker.page(Chosen(by="words", languages="no-shuffle"))
    places = [token.place for token in page.rows[0].tokens]
    assert places == [word + 1 for word in words_of(page.original)] and places[-1] == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [("  ", "Type a sentence."), ("x" * (MOST_CHARACTERS + 1), "at most 500 characters, please; this one has 501")],
)
def test_no_sentence_and_too_long_a_one_are_one_line(speaker, text, message):
    with pytest.raises(UserError, match=message):
        speaker.page(Chosen(s=text))


def test_nothing_typed_is_html(speaker):
    chosen = Chosen(s="<script>alert('x')</script> & \"quotes\" <b>", by="ids")
    made = html.spoken(speaker.page(chosen), chosen) + html.fault(chosen.s)
    assert "<script" not in made and "<b>" not in made.replace("<b>", "", made.count("</b>"))
    assert set(re.findall(r"</?([a-z0-9]+)", made)) <= {
        *("div", "p", "section", "h2", "h3", "span", "i", "b", "em", "button", "small")
    }
    assert "alert(" in speaker.page(chosen).rows[0].text


def test_own_languages_stand_at_the_end_and_are_named_apart(tmp_path, tokenizer):
    (tmp_path / "mine.py").write_text(
        'class Backwards:\n    """From last to first."""\n    def rewrite(self, tokens):\n'
        "        from impossible_lms.ragged import Ragged\n"
        "        return Ragged.of([each[::-1] for each in tokens])\n"
        "class No:\n    name = 'no-shuffle'\n    def rewrite(self, tokens):\n        return tokens\n"
    )
    found = given(languages=[f"{tmp_path}/mine.py:Backwards"]).speaker
    row = found.page(Chosen()).rows[-1]
    assert row.language == "backwards" and [token.place for token in row.tokens] == list(range(len(row.tokens), 0, -1))
    assert [each.language for each in found.page(Chosen(languages="own")).rows] == ["backwards"]
    with pytest.raises(UserError, match="there is a language no-shuffle already"):
        given(languages=[f"{tmp_path}/mine.py:No"])


def test_many_at_once_say_what_one_says(speaker):
    """Sentences of new words, in threads: a tokenizer that learns words in two threads at once would mix them up."""
    from concurrent.futures import ThreadPoolExecutor

    texts = [f"The {chr(97 + at % 26)}o{at}k sees {at * 7919} {'ab' * (at % 5)}q{at}s." for at in range(40)]
    chosen = [Chosen(s=text, languages="partial-reverse") for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(speaker.page, chosen))
    assert together == [speaker.page(one) for one in chosen]
    for page, text in zip(together, texts, strict=True):
        assert "".join(page.original) == text
