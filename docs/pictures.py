"""Makes the pictures of the README: `python docs/pictures.py [REPORT.html]`.

`languages.svg` is what the command line prints; with a report, `demo-report.png` is how it begins, seen in Chromium.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

SENTENCE = "The dogs of my neighbour sleep, but she cleans his very messy bookshelf again."
COMMAND = ["speak", "paper", SENTENCE, "--singular", "cleans=clean", "--plural", "sleep=sleep"]
WIDTH = 118
PAGE = (1280, 1320)  # pixels of the report that are shown
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


def report(page: Path) -> None:
    """Write docs/demo-report.png."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium here: the picture of the report is left as it is.")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={PAGE[0]},{PAGE[1]}"]
        subprocess.run(  # noqa: S603 - our own words
            [chromium, *words, f"--screenshot={shot}", page.resolve().as_uri()], check=True, capture_output=True
        )
        with Image.open(shot) as picture:
            picture.convert("RGB").quantize(128).save(HERE / "demo-report.png", optimize=True)


if __name__ == "__main__":
    languages()
    if len(sys.argv) > 1:
        report(Path(sys.argv[1]))
