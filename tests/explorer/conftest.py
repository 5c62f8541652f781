"""What tests of the page share: Chromium, and the page served by this process."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from impossible_lms.explorer import serve as serving
from impossible_lms.explorer.given import Given, given

PATIENCE = 60_000  # milliseconds that an answer may take where all cores are busy


def chromium() -> str | None:
    """The system's Chromium, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


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
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
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

    def until(self, said: str, *values: Any) -> None:
        """Wait until a JavaScript expression holds; `value` in it is what is given."""
        self.page.wait_for_function(f"(value) => {said}", arg=values[0] if values else None, timeout=PATIENCE)


@pytest.fixture
def serve(browser: Any) -> Iterator[Callable[..., Seen]]:
    """Serve what was given and open the page at an address, at a width, light or dark."""
    from impossible_lms.explorer.serve import launch

    running: dict[int, tuple[Any, str]] = {}
    pages = []

    def opened(found: Given, query: str = "", width: int = 1280, scheme: str = "light") -> Seen:
        if id(found) not in running:
            running[id(found)] = launch(found)
        url = running[id(found)][1]
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        pages.append(context)
        seen = Seen(page, url, [], set())
        page.on("pageerror", lambda error: seen.faults.append(str(error)))
        page.on("console", lambda line: seen.faults.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: seen.hosts.add(request.url.split("/")[2]))
        page.on("dialog", lambda dialog: seen.faults.append(f"a dialog: {dialog.message}"))
        page.goto(f"{url}{query}")
        seen.until("document.querySelector('.language, .fault, .view') !== null")
        return seen

    yield opened
    for context in pages:
        context.close()
    for blocks, _ in running.values():
        blocks.close()


@pytest.fixture(scope="session")
def sentences() -> Given:
    """What there is without any model."""
    return given()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the tests of the page."""
    return tmp_path_factory.mktemp("explorer")
