"""The page with models in headless Chromium: sentences are measured, compared and read, and a contrast is followed."""

import pytest

from tests.explorer.conftest import EVIL


def test_checkpoints_are_compared_and_places_asked(serve, measured):
    seen = serve(measured, "?view=listen&s=The+dog+sees+the+cat.")
    page = seen.page
    first = seen.text(".sums")
    assert "partial-reverse-gpt2-no-pos after 12 steps" in first and "its control, no-reverse-gpt2-no-pos" in first
    assert "difference" in first
    seen.expect(page.locator(".scored")).to_have_count(2)
    slider = page.get_by_role("slider").first
    slider.focus()
    slider.press("ArrowLeft")
    seen.until("document.querySelector('.sums').innerText.includes('after 8 steps')")
    seen.until("location.search.includes('step=8')")
    seen.expect(page.get_by_text("Checkpoint: step 8 (2 of 3)").first).to_be_visible()
    assert seen.text(".sums") != first
    page.locator(".scored").first.locator("button.t").nth(2).click()
    seen.until("document.querySelectorAll('table.next').length === 2")
    seen.until("location.search.includes('at=2')")
    seen.expect(page.locator("table.next tr.here")).to_have_count(2)
    assert "%" in seen.text("table.next")
    shared = serve(measured, page.url.removeprefix(seen.url))
    assert shared.text(".sums") == seen.text(".sums") and shared.text("table.next") == seen.text("table.next")
    assert not seen.faults and not shared.faults


def test_sentences_are_read_and_filtered(serve, measured):
    seen = serve(measured, "?view=read&reader=no-reverse-gpt2-no-pos")
    seen.expect(seen.page.locator("table.read tbody tr")).to_have_count(20)
    seen.page.get_by_label("not well-formed").check()
    seen.until("location.search.includes('form=not')")
    seen.expect(seen.page.locator("table.read tbody td:text-is('yes')")).to_have_count(0)
    assert seen.page.locator("table.read tbody tr").count() <= 20
    before = seen.text(".note")
    seen.page.get_by_role("button", name="Another sample").click()
    seen.until("location.search.includes('sample=1')")
    assert "no-reverse-gpt2-no-pos after 12 steps" in before and not seen.faults


def test_a_contrast_leads_to_its_sentences(serve, measured):
    seen = serve(measured, "?view=results")
    page = seen.page
    page.locator("tr[data-ask] td").nth(2).click()
    seen.until("document.querySelector('#carriers') !== null")
    assert seen.text("#carriers") == "What differs most: partial-reverse less no-reverse, gpt2-no-pos"
    seen.until("document.activeElement.id === 'carriers'")
    for selector, count in ((".scored", 8), (".scored .bars", 16), (".undone", 8)):
        seen.expect(page.locator(selector)).to_have_count(count)
    seen.until("location.search.includes('contrast=partial-reverse')")
    with page.expect_download() as waited:
        page.get_by_text("Save as CSV").first.click()
    assert waited.value.suggested_filename == "values.csv"
    assert "perplexity" in waited.value.path().read_text(encoding="utf-8")
    page.get_by_role("tab", name="Speak").click()
    seen.until("document.querySelector('.language') !== null")
    assert not seen.faults and {host.split(":")[0] for host in seen.hosts} == {"127.0.0.1"}


def test_a_name_is_a_name(serve, measured):
    seen = serve(measured, "?view=listen&s=The+dog+sleeps.&other=" + EVIL.replace(" ", "+"))
    assert EVIL in seen.text(".sums") and seen.page.evaluate("window.bad") is None
    assert seen.page.locator("img[src='x']").count() == 0
    for query, name in (("?view=listen&model=/etc/passwd", "/etc/passwd"), ("?view=read&reader=<b>x", "<b>x")):
        other = serve(measured, query)
        assert other.text(".fault") == f"Not here, and left out: {name}." and not other.faults
        assert "after 12 steps" in other.text(".view") and name not in other.text(".view")
        other.until("location.search.match(/^.view=[a-z]*$/) !== null")


@pytest.mark.parametrize("view", ["listen", "read", "results&contrast=partial-reverse~no-reverse~gpt2-no-pos"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_view_fits_its_screen_and_can_be_read(serve, measured, view, width, scheme):
    seen = serve(measured, f"?view={view}", width=width, scheme=scheme)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    seen.page.get_by_role("combobox").first.focus()  # its list is text too
    assert not (weak := seen.weak()), weak


def test_a_phone_shows_sentences_one_below_the_other(serve, measured):
    seen = serve(measured, "?view=read&reader=no-reverse-gpt2-no-pos", width=390)
    wide = """[...document.querySelectorAll('table.read, table.read td')].filter((each) =>
      each.getBoundingClientRect().right > 390).length"""
    assert seen.page.evaluate(wide) == 0
    assert {role for role, _, _ in seen.tree()} >= {"table", "row", "cell"}
