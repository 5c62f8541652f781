"""Makes the picture of the languages in the README from what the command line prints: `python docs/pictures.py`."""

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

SENTENCE = "The dogs of my neighbour sleep, but she cleans his very messy bookshelf again."
COMMAND = ["speak", "paper", SENTENCE, "--singular", "cleans=clean", "--plural", "sleep=sleep"]
WIDTH = 118


def main() -> None:
    """Write docs/languages.svg."""
    colours = {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "COLORTERM": "truecolor", "TERM": "xterm-256color"}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "impossible_lms", *COMMAND], env=os.environ | colours, capture_output=True, check=True
    )
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    # The marker signs are in few fonts; as letters on the same ground they look alike everywhere.
    plain = done.stdout.decode().translate({ord(sign): letter for sign, letter in zip("🅁🅂🄿", "RSP", strict=True)})
    console.print(Text.from_ansi(plain))
    console.save_svg(str(Path(__file__).parent / "languages.svg"), title=f'impossible speak paper "{SENTENCE}" ...')


if __name__ == "__main__":
    main()
