"""What tests of the page share: Chromium, and the page served by this process."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.explorer import serve as serving
from impossible_lms.explorer.given import Given, given
from impossible_lms.models.run import Run

PATIENCE = 60_000  # milliseconds that an answer may take where all cores are busy


def chromium() -> str | None:
    """The system's Chromium, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


# Text, typed or shown, with less contrast to what is behind it than WCAG asks for (AA).
WEAK = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = (top, below) => {
    const part = top.length < 4 ? 1 : top[3];
    return [0, 1, 2].map((at) => part * top[at] + (1 - part) * below[at]);
  };
  const light = (colour) => colour.slice(0, 3).map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => element
    ? over(numbers(getComputedStyle(element).backgroundColor), ground(element.parentElement)) : [255, 255, 255];
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((each) => each.nodeType === 3).map((each) => each.data).join("").trim()
      || element.value || element.placeholder || "";
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (!text || !box.width || !box.height || style.visibility === "hidden") continue;
    if (["SCRIPT", "STYLE"].includes(element.tagName) || ["range", "radio"].includes(element.type)) continue;
    const below = ground(element), two = [light(over(numbers(style.color), below)), light(below)];
    const contrast = (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05);
    if (contrast < 4.5) found.push([text.slice(0, 40), style.color, below.join(), contrast.toFixed(2)]);
  }
  return found.slice(0, 10);
}"""
# What has the focus: its label, or its text, or its value.
FOCUS = "((each) => each.getAttribute('aria-label') || each.value || each.textContent.trim())(document.activeElement)"
# The answer is there, and the tab in front is that of what it shows.
THERE = """document.querySelector('.language, .fault, .view') !== null
  && document.querySelector('[role=tab][aria-selected=true]')?.textContent.trim().toLowerCase()
    === document.body.dataset.view"""
EVIL = "<img src=x onerror=window.bad=1>"


@pytest.fixture(scope="session", autouse=True)
def ports_of_its_own() -> Iterator[None]:
    """Each of the processes that test beside each other looks for a port where no other does."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "FIRST_PORT", serving.FIRST_PORT + serving.PORTS * worker)
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, without a window."""
    path = chromium()
    if path is None:
        pytest.skip("needs chromium, chromium-browser or google-chrome")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    sync_api.expect.set_options(timeout=PATIENCE)
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@dataclass(frozen=True)
class Seen:
    """A page in the browser, with what went wrong on it and where it asked for anything."""

    page: Any
    url: str
    faults: list[str]
    hosts: set[str]

    def text(self, selector: str) -> str:
        """Of the first element, once it is there."""
        return str(self.page.locator(selector).first.inner_text(timeout=PATIENCE))

    def expect(self, found: Any) -> Any:
        """Playwright's assertions of a locator or page, which wait until they hold.

        An answer, the address and what Gradio itself changes come each in their own time: whatever is asserted after
        something was done is asserted with this, with `until` or with `text`.
        """
        from playwright.sync_api import expect

        return expect(found)

    def until(self, said: str, *values: Any) -> None:
        """Wait until a JavaScript expression holds; `value` in it is what is given."""
        self.page.wait_for_function(f"(value) => {said}", arg=values[0] if values else None, timeout=PATIENCE)

    def weak(self) -> list[list[str]]:
        """Text that is hard to read: what it is, its colour, the one behind it, their contrast."""
        found: list[list[str]] = self.page.evaluate(WEAK)
        return found

    def tree(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What a screen reader is given: role, name and properties of each thing."""
        nodes = self.page.context.new_cdp_session(self.page).send("Accessibility.getFullAXTree")["nodes"]
        return [
            (
                str(each["role"]["value"]),
                str(each.get("name", {}).get("value", "")).strip(),
                {one["name"]: one["value"].get("value") for one in each.get("properties", [])},
            )
            for each in nodes
            if not each.get("ignored")
        ]

    def focus(self) -> str:
        """What has the focus: its label, or its text, or its value."""
        return str(self.page.evaluate(FOCUS))

    def until_focus(self, name: str) -> None:
        """Wait until what has the focus begins with a name."""
        self.until(f"{FOCUS}.startsWith(value)", name)


@pytest.fixture(scope="session")
def address() -> Iterator[Callable[[Given], str]]:
    """Where what was given is served: from when it is first asked for until the last test is over."""
    from impossible_lms.explorer.serve import launch

    running: list[tuple[Given, Any, str]] = []

    def of(found: Given) -> str:
        for known, _, url in running:
            if known is found:
                return url
        running.append((found, *launch(found)))
        return running[-1][2]

    yield of
    for _, blocks, _ in running:
        blocks.close()


@pytest.fixture(scope="session")
def context(browser: Any) -> Iterator[Any]:
    """A browser's profile, which keeps Gradio's scripts from one page to the next."""
    made = browser.new_context()
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


@pytest.fixture
def serve(context: Any, address: Callable[[Given], str]) -> Iterator[Callable[..., Seen]]:
    """Serve what was given and open the page at an address, at a width, light or dark."""
    pages = []

    def opened(found: Given, query: str = "", width: int = 1280, scheme: str = "light") -> Seen:
        page, url = context.new_page(), address(found)
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        seen = Seen(page, url, [], set())
        page.on("pageerror", lambda error: seen.faults.append(str(error)))
        page.on("console", lambda line: seen.faults.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: seen.hosts.add(request.url.split("/")[2]))
        page.on("dialog", lambda dialog: seen.faults.append(f"a dialog: {dialog.message}"))
        page.goto(f"{url}{query}")
        seen.until(THERE)
        return seen

    yield opened
    for page in pages:
        page.close()


@pytest.fixture(scope="session")
def sentences() -> Given:
    """What there is without any model."""
    return given()


@pytest.fixture(scope="session")
def measured(run: Run, control_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Given:
    """A run and its control, measured, and a model whose name is HTML."""
    for one in (run, control_run):
        evaluate(get_metric("perplexity"), one, Request(sample=40))
    evil = tmp_path_factory.mktemp("evil") / EVIL
    shutil.copytree(run.checkpoints()[-1].folder, evil)
    return given([str(run.folder), str(control_run.folder), str(evil)])


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the tests of the page."""
    return tmp_path_factory.mktemp("explorer")
