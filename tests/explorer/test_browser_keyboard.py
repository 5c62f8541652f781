"""The page by keyboard alone: every stop of Tab, where the focus is seen, and that no answer takes it away."""

import pytest

# Of what has the focus: whether a ring shows it, and whether the line below covers it.
RING = """() => {
  const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
  const line = document.querySelector(".status").getBoundingClientRect(), seen = parseFloat(style.outlineWidth) >= 2;
  return element === document.body ? "nothing has the focus"
    : style.outlineStyle === "none" || !seen ? "no ring" : line.height && box.bottom > line.top + 1 ? "covered" : "";
}"""
CHOSEN = "document.activeElement.getAttribute('aria-expanded')"


def stops(seen, most):
    """The stops of Tab from the page's beginning on, and what is wrong with any of them."""
    found, wrong = [], []
    for _ in range(most):
        seen.page.keyboard.press("Tab")
        found.append(seen.focus())
        wrong += [(found[-1], said)] if (said := seen.page.evaluate(RING)) else []
    return found, wrong


def test_all_of_speak_is_reached_and_each_stop_is_seen(serve, sentences):
    seen = serve(sentences, "?languages=reverse")
    found, wrong = stops(seen, 15)
    assert found[1:10] == [
        *("Speak", "Listen", "Read", "Results", "Languages", "tokens", "Another draw"),
        *("Window, seed and distance of the languages that have one ▼", "Copy the sentence in no-reverse"),
    ]
    assert found[10].startswith("He: token 1 of the sentence") and not wrong, wrong
    assert found[11:15:2] == ["Copy the sentence in partial-reverse", "Copy the sentence in full-reverse"]


def test_rows_of_tokens_at_the_bottom_are_not_covered(serve, sentences):
    seen = serve(sentences)
    seen.page.locator("button.copy").nth(12).focus()
    found, wrong = stops(seen, 12)
    assert len({name for name in found if name.startswith("Copy")}) == 6 and not wrong, wrong


def test_lists_and_groups_are_chosen_from_and_keep_the_focus(serve, sentences):
    seen = serve(sentences)
    page = seen.page
    page.get_by_role("combobox", name="Languages").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    seen.until("location.search === '?languages=paper'")
    seen.until("document.activeElement.getAttribute('aria-label') === 'Languages'")
    seen.until(f"{CHOSEN} === 'false'")
    page.keyboard.press("Tab")
    for value in ("ids", "words"):
        page.keyboard.press("ArrowRight")
        seen.until("location.search.includes('by=' + value)", value)
        seen.until_focus(value)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    seen.until("location.search.includes('draw=2')")
    seen.until_focus("Another draw")
    assert not seen.faults


def test_sliders_stay_under_the_fingers(serve, sentences):
    seen = serve(sentences, "?languages=shuffle")
    page = seen.page
    page.get_by_role("button", name="Another draw").focus()
    page.keyboard.press("Tab")
    assert page.evaluate(CHOSEN) == "false"
    page.keyboard.press("Enter")
    seen.until(f"{CHOSEN} === 'true'")
    page.get_by_role("slider", name="Window of local shuffles").wait_for()  # made when it is first unfolded
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    seen.until_focus("range slider for Window of local shuffles")
    for window in (6, 7):
        page.keyboard.press("ArrowRight")
        seen.until("location.search.includes('window=' + value)", window)
        seen.until_focus("range slider for Window of local shuffles")


def test_arrows_go_from_tab_to_tab(serve, sentences):
    seen = serve(sentences)
    seen.page.get_by_role("tab", name="Speak").focus()
    for key, name in (("ArrowRight", "Listen"), ("End", "Results"), ("Home", "Speak")):
        seen.page.keyboard.press(key)
        seen.until("document.querySelector('[role=tab][aria-selected=true]').textContent === value", name)
        seen.until_focus(name)


def test_a_sentence_is_copied(serve, sentences):
    seen = serve(sentences, "?languages=no-shuffle&s=The+dog+sleeps.")
    seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.page.locator("button.copy").focus()
    seen.page.keyboard.press("Enter")
    seen.until("document.querySelector('.status').textContent.includes('Copied: The dog sleeps.')")
    seen.until_focus("Copy the sentence in no-shuffle")
    assert seen.page.evaluate("navigator.clipboard.readText()") == "The dog sleeps."


def test_a_token_asks_and_keeps_the_focus(serve, measured):
    seen = serve(measured, "?view=listen&s=The+dog+sees+the+cat.")
    page = seen.page
    page.locator(".scored button.t").first.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    before = seen.focus()
    page.keyboard.press("Enter")
    seen.until("location.search.includes('at=2')")
    seen.until("document.activeElement.getAttribute('aria-pressed') === 'true'")
    seen.until_focus(before)
    assert not page.evaluate(RING)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    seen.until("location.search.includes('at=3')")
    page.get_by_role("slider").first.focus()
    for step in (8, 4):
        page.keyboard.press("ArrowLeft")
        seen.until("document.querySelector('.sums').innerText.includes('after ' + value + ' steps')", step)
        seen.until_focus("range slider for Checkpoint")


@pytest.mark.parametrize("view", ["listen&at=1", "read", "results&contrast=partial-reverse~no-reverse~gpt2-no-pos"])
def test_each_stop_of_the_other_views_is_seen(serve, measured, view):
    seen = serve(measured, f"?view={view}")
    found, wrong = stops(seen, 16)
    assert len(set(found)) > 8
    assert {said for _, said in wrong} <= {"nothing has the focus"} and len(wrong) < 2, (
        wrong
    )  # at the end it begins anew


def test_a_contrast_leads_to_its_items(serve, measured):
    seen = serve(measured, "?view=results")
    seen.page.get_by_role("button", name="Show the items of partial-reverse").focus()
    seen.page.keyboard.press("Enter")
    seen.until("document.activeElement.id === 'carriers'")
    seen.page.keyboard.press("Tab")
    assert "here 1 of" in seen.focus() and not seen.page.evaluate(RING)
