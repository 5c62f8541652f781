"""The page as a screen reader gets it: roles, names, what is announced, and tokens that tell where they came from."""

from itertools import pairwise

import pytest

CONTROLS = {"button", "textbox", "combobox", "radio", "slider", "spinbutton", "tab", "link", "option", "checkbox"}
NAMED = {*CONTROLS, "radiogroup", "tabpanel", "toolbar", "table", "region", "heading"}
SPOKEN = "[...document.querySelectorAll('.unseen[role=status]')].map((each) => each.textContent).join()"
VIEWS = ["speak", "listen&at=1", "read", "results&contrast=partial-reverse~no-reverse~gpt2-no-pos"]


@pytest.mark.parametrize("view", VIEWS)
def test_everything_has_a_name(serve, measured, view):
    seen = serve(measured, f"?view={view}")
    tree = seen.tree()
    assert not [role for role, name, _ in tree if role in NAMED and not name]
    assert seen.page.evaluate("document.documentElement.lang") == "en" and seen.page.title() == "Impossible languages"
    levels = [properties["level"] for role, _, properties in tree if role == "heading"]
    assert levels[0] == 1 and all(one <= before + 1 for before, one in pairwise(levels)), levels
    selected = [name for role, name, properties in tree if role == "tab" and properties.get("selected")]
    assert [name for role, name, _ in tree if role == "tabpanel"] == selected
    names = [name for role, name, _ in tree if role in CONTROLS - {"button", "link"}]
    assert len(names) == len(set(names)), names


def test_tokens_are_read_with_where_they_came_from(serve, sentences):
    seen = serve(sentences, "?languages=token-hop")
    tree = seen.tree()
    said = [name for role, name, _ in tree if role == "button" and ", here" in name]
    assert said[:2] == ["He: token 1 of the sentence, here 1 of 14", "clean: token 2 of the sentence, here 2 of 14"]
    assert "S: a marker, here 7 of 14" in said and "blank: token 13 of the sentence, here 13 of 14" in said
    shown = " ".join(name for _, name, _ in tree)
    assert not set("\U0001f142\U0001f13f\U0001f141\u2423") & set("".join(said))
    assert "S or P 4 tokens after the verb" in shown
    token = seen.page.locator("button.t").nth(1)
    token.click()
    assert token.get_attribute("aria-pressed") == "true"
    token.click()
    assert token.get_attribute("aria-pressed") is None


def test_answers_and_errors_are_announced(serve, sentences):
    seen = serve(sentences, "?languages=hop")
    seen.until(f"{SPOKEN}.startsWith('The sentence in 3 languages. Verbs')")
    seen.page.fill("#sentence textarea", "The dog sees the cat.")
    seen.until(f"{SPOKEN}.includes('sees (see, S)')")
    seen.page.fill("#sentence textarea", "")
    seen.until("document.querySelector('.fault') !== null")
    alerts = [each.inner_text() for each in seen.page.get_by_role("alert").all()]
    assert "Type a sentence." in alerts
    live = [properties.get("live") for role, _, properties in seen.tree() if role in ("status", "alert")]
    assert "polite" in live and "assertive" in live


def test_tables_have_headers_and_sums_are_announced(serve, measured):
    seen = serve(measured, "?view=listen&at=1")
    seen.until(f"{SPOKEN}.includes('bits') && {SPOKEN}.includes('difference')")
    tree = seen.tree()
    assert [name for role, name, _ in tree if role == "columnheader"] == ["rank", "token", "probability"] * 2
    assert sum(name.endswith(", the actual one") for role, name, _ in tree if role == "cell") == 2
    assert next(name for role, name, _ in tree if role == "toolbar").endswith(", bits a token")
    for view, headers in (("read", {"in the language", "well-formed"}), ("results", {"language", "perplexity", "p"})):
        tree = serve(measured, f"?view={view}").tree()
        assert headers <= {name for role, name, _ in tree if role == "columnheader"}
        rows = {name for role, name, _ in tree if role == "rowheader"}
        assert view == "read" or {"no-reverse", "partial-reverse less no-reverse"} <= rows
