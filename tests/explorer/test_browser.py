"""The page in headless Chromium, as someone uses it who has only sentences."""

import gc
import socket

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
    assert tokens(seen, "no-shuffle")[0][0] == "He" and page.url == seen.url
    page.fill("#sentence textarea", "The dog sees the old house.")
    seen.until("document.querySelector('.language').innerText.includes('house')")
    seen.until("location.search === '?s=The+dog+sees+the+old+house.'")
    straight, reverse = (tokens(seen, name) for name in ("no-shuffle", "unmarked-full-reverse"))
    assert reverse[0] == straight[0][::-1] and reverse[1] == straight[1][::-1]
    assert "sees (see, S)" in seen.text(".note")

    page.locator(".language").nth(3).locator("button.t").nth(2).hover()
    linked = page.locator("button.t.linked")
    place = page.locator(".language").nth(3).locator("button.t").nth(2).get_attribute("data-place")
    assert {each.get_attribute("data-place") for each in linked.all()} == {place} and linked.count() > 20
    assert f"token {place} of the sentence, here 3 of" in seen.text(".status")

    page.get_by_label("words").check()
    seen.until("location.search.includes('by=words')")
    page.get_by_role("button", name="Another draw").click()
    seen.until("location.search.includes('draw=2')")
    shared = serve(sentences, page.url.removeprefix(seen.url))
    assert shared.page.input_value("#sentence textarea") == "The dog sees the old house."
    assert shared.page.get_by_label("words").is_checked()
    assert tokens(shared, "partial-reverse") == tokens(seen, "partial-reverse")
    assert shared.text(".rows") == seen.text(".rows")
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
    assert page.locator(".said").first.locator("button[tabindex='0']").count() == 1
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
def test_fits_a_phone_and_can_be_read(serve, sentences, scheme):
    """No wider than its screen, everything with a name, and all text with the contrast that WCAG asks for (AA)."""
    seen = serve(sentences, width=390, scheme=scheme)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    weak = seen.page.evaluate(WEAK)
    assert not weak, weak
    unnamed = """[...document.querySelectorAll("button, input, textarea, [role=tab]")].filter((each) =>
      each.offsetParent && !(each.labels?.length || each.getAttribute("aria-label") || each.textContent.trim()
        || each.getAttribute("aria-labelledby") || each.title)).map((each) => each.outerHTML.slice(0, 200))"""
    assert not seen.page.evaluate(unnamed)


WEAK = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor, parts = numbers(colour);
      if (colour !== "rgba(0, 0, 0, 0)" && (parts.length < 4 || parts[3] === 1)) return parts;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [11, 15, 25] : [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("main *, .status")) {
    const said = [...element.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
    if (!said || !element.offsetParent && getComputedStyle(element).position !== "fixed") continue;
    const style = getComputedStyle(element), two = [light(numbers(style.color)), light(ground(element))].sort();
    const contrast = (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05);
    if (contrast < 4.5) found.push([element.textContent.trim().slice(0, 40), style.color, contrast.toFixed(2)]);
  }
  return found.slice(0, 10);
}"""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Gradio leaves a socket that failed
def test_a_port_that_is_taken_meanwhile_is_left_to_others(sentences, monkeypatch):
    from impossible_lms import UserError
    from impossible_lms.explorer import serve

    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        found = iter(ports)
        monkeypatch.setattr(serve, "_free", lambda host, port: next(found))
        page, url = serve.launch(sentences)
        page.close(verbose=False)
        assert url.rstrip("/").endswith(f":{ports[1]}")
        monkeypatch.setattr(serve, "_free", lambda host, port: ports[0])
        with pytest.raises(UserError, match=r"--host 127.0.0.1: Cannot find empty port"):
            serve.launch(sentences)
        gc.collect()
