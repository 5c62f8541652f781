"""Makes the pictures of the README: `python docs/pictures.py [REPORT.html]`.

`languages.svg` is what the command line prints, `explorer.png` what the explorer shows of the same sentence, seen in
Chromium; with a report, `demo-report.png` is how it begins.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from rich.console import Console
from rich.text import Text

SENTENCE = "The dogs of my neighbour sleep, but she cleans his very messy bookshelf again."
COMMAND = ["speak", "paper", SENTENCE, "--singular", "cleans=clean", "--plural", "sleep=sleep"]
WIDTH = 118
PAGE = (1280, 1320)  # pixels of the report that are shown
EXPLORER = (1280, 800)  # of the explorer
HERE = Path(__file__).parent


def languages() -> None:
    """Write docs/languages.svg."""
    colours = {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "COLORTERM": "truecolor", "TERM": "xterm-256color"}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "impossible_lms", *COMMAND], env=os.environ | colours, capture_output=True, check=True
    )
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    # The marker signs are in few fonts; as letters on the same ground they look alike everywhere.
    plain = done.stdout.decode().translate({ord(sign): letter for sign, letter in zip("🅁🅂🄿", "RSP", strict=True)})
    console.print(Text.from_ansi(plain))
    console.save_svg(str(HERE / "languages.svg"), title=f'impossible speak paper "{SENTENCE}" ...')


def explorer() -> None:
    """Write docs/explorer.png: one token pointed at, outlined in all rows."""
    from playwright.sync_api import sync_playwright

    from impossible_lms.explorer.given import given
    from impossible_lms.explorer.serve import launch

    page, url = launch(given())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        seen = browser.new_page(viewport={"width": EXPLORER[0], "height": EXPLORER[1]})
        seen.goto(f"{url}?{urlencode({'s': SENTENCE, 'languages': 'paper', 'by': 'words'})}")
        seen.locator(".language").nth(12).wait_for(timeout=60_000)
        seen.locator(".language").first.locator("button.t").nth(1).hover()
        seen.wait_for_timeout(500)
        with tempfile.TemporaryDirectory() as folder:
            seen.screenshot(path=f"{folder}/shot.png")
            _small(Path(folder) / "shot.png", HERE / "explorer.png", 256)
        browser.close()
    page.close(verbose=False)


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return found or sys.exit("no Chromium here: pictures of pages are left as they are.")


def _small(shot: Path, goal: Path, colours: int) -> None:
    with Image.open(shot) as picture:
        picture.convert("RGB").quantize(colours).save(goal, optimize=True)


def report(page: Path) -> None:
    """Write docs/demo-report.png."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={PAGE[0]},{PAGE[1]}"]
        subprocess.run(  # noqa: S603 - our own words
            [_chromium(), *words, f"--screenshot={shot}", page.resolve().as_uri()], check=True, capture_output=True
        )
        _small(shot, HERE / "demo-report.png", 128)


if __name__ == "__main__":
    languages()
    explorer()
    if len(sys.argv) > 1:
        report(Path(sys.argv[1]))
