"""The page in headless Chromium, as someone uses it who has only sentences."""

import pytest

HERE = "127.0.0.1"


def tokens(seen, language):
    """Of a language: each token's text, and where it came from."""
    row = seen.page.locator(".language", has=seen.page.locator(f"b:text-is('{language}')"))
    found = [(each.inner_text(), each.get_attribute("data-place")) for each in row.locator("button.t").all()]
    return [text for text, _ in found], [place for _, place in found]


def test_type_see_point_and_share(serve, sentences):
    seen = serve(sentences)
    page = seen.page
    assert tokens(seen, "no-shuffle")[0][0] == "He"
    seen.expect(page).to_have_url(seen.url)
    page.fill("#sentence textarea", "The dog sees the old house.")
    seen.until("document.querySelector('.language').innerText.includes('house')")
    seen.until("location.search === '?s=The+dog+sees+the+old+house.'")
    straight, reverse = (tokens(seen, name) for name in ("no-shuffle", "unmarked-full-reverse"))
    assert reverse[0] == straight[0][::-1] and reverse[1] == straight[1][::-1]
    assert "sees (see, S)" in seen.text(".note")

    page.locator(".language").nth(3).locator("button.t").nth(2).hover()
    linked = page.locator("button.t.linked")
    place = page.locator(".language").nth(3).locator("button.t").nth(2).get_attribute("data-place")
    seen.expect(page.locator(".status")).to_contain_text(f"token {place} of the sentence, here 3 of")
    assert {each.get_attribute("data-place") for each in linked.all()} == {place} and linked.count() > 20

    page.get_by_label("words").check()
    seen.until("location.search.includes('by=words')")
    page.get_by_role("button", name="Another draw").click()
    seen.until("location.search.includes('draw=2')")
    shared = serve(sentences, page.url.removeprefix(seen.url))
    shared.expect(shared.page.locator("#sentence textarea")).to_have_value("The dog sees the old house.")
    shared.expect(shared.page.get_by_label("words")).to_be_checked()
    seen.expect(page.locator(".rows")).to_have_text(shared.page.locator(".rows").text_content())
    assert tokens(shared, "partial-reverse") == tokens(seen, "partial-reverse")
    for each in (seen, shared):
        assert not each.faults and {host.split(":")[0] for host in each.hosts} == {HERE}


def test_sliders_and_keys(serve, sentences):
    seen = serve(sentences, "?languages=paper")
    page = seen.page
    page.get_by_role("button", name="Window, seed and distance").click()
    slider = page.get_by_role("slider", name="Window of local shuffles").first
    slider.focus()
    for _ in range(2):
        slider.press("ArrowRight")
    seen.until("document.querySelector('.rows').innerText.includes('local-shuffle-w7')")
    seen.until("location.search.includes('window=7')")
    first = page.locator("button.t").first
    first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").endswith("here 2 of 13")
    assert page.locator("button.t.linked").count() > 5
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").endswith("here 13 of 13")
    assert page.locator(".line").first.locator("button[tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "copy"
    assert not seen.faults


def test_what_is_typed_stays_text_and_too_much_is_one_line(serve, sentences):
    seen = serve(sentences)
    bad = "<script>window.bad = 1</script> <img src=x onerror=window.bad=1>"
    seen.page.fill("#sentence textarea", bad)
    seen.until("location.search.includes('onerror')")
    assert seen.page.evaluate("window.bad") is None and seen.page.locator("img[src='x']").count() == 0
    seen.page.fill("#sentence textarea", "")
    assert seen.text(".fault") == "Type a sentence."
    too_long = serve(sentences, "?s=" + "a" * 501)
    assert too_long.text(".fault").startswith("A sentence of at most 500 characters, please; this one has 501.")
    assert not seen.faults and not too_long.faults


def test_one_language_and_what_is_none(serve, sentences):
    seen = serve(sentences, "?languages=partial-reverse")
    assert seen.page.locator(".language").count() == 1
    seen.page.get_by_label("words").check()
    seen.until("location.search === '?languages=partial-reverse&by=words'")
    other = serve(sentences, "?languages=../../etc&window=99999&view=nothing")
    other.page.get_by_label("words").check()
    other.until("location.search.includes('by=words')")
    assert other.page.locator(".language").count() > 30 and not seen.faults and not other.faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_fits_its_screen_and_can_be_read(serve, sentences, width, scheme):
    """No wider than its screen, and all text with the contrast that WCAG asks for (AA), in rows, lists and sliders."""
    seen = serve(sentences, width=width, scheme=scheme)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    seen.page.get_by_role("button", name="Window, seed and distance").click()
    seen.page.get_by_role("slider", name="Window of local shuffles").wait_for()
    seen.page.get_by_role("combobox").focus()
    seen.page.get_by_role("option").first.wait_for()
    assert not (weak := seen.weak()), weak
    seen.page.add_style_tag(content=".rows .does { color: var(--paper) !important }")
    assert seen.weak()  # of something that is weak it is found
