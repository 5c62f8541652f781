"""Progress of a long stage: a bar on a terminal, a line now and then elsewhere."""

import time
from html import escape
from typing import Protocol

from impossible_lms.shown import is_notebook

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_UPDATES = 0.2  # of a notebook
FIRST_REPORTS = 2  # of a stage: what comes before them (compiling, loading, work of an earlier life) is no pace


class Progress(Protocol):
    """What a long stage reports while it works."""

    def start(self, what: str, total: int | None) -> None:
        """A stage begins, of `total` steps where that is known."""

    def at(self, done: int, note: str = "") -> None:
        """`done` steps are done."""

    def end(self) -> None:
        """The stage is over, well or not."""


class Pace:
    """How fast a stage goes, without its beginning, which takes its own time: a first step compiles."""

    def __init__(self) -> None:
        self._reports = 0
        self._since, self._before = 0.0, 0

    def at(self, done: int) -> None:
        """`done` steps are done by now."""
        if done and self._reports < FIRST_REPORTS:
            self._reports += 1
            self._since, self._before = time.monotonic(), done

    def left(self, done: int, total: int | None) -> float | None:
        """The seconds that the rest of `total` steps will take; None where that cannot be told yet."""
        if not total or self._reports < FIRST_REPORTS or done <= self._before:
            return None
        return (time.monotonic() - self._since) / (done - self._before) * (total - done)


class Quiet:
    """Says nothing."""

    def start(self, what: str, total: int | None) -> None: ...
    def at(self, done: int, note: str = "") -> None: ...
    def end(self) -> None: ...


class Console:
    """Writes to stderr: a bar where it is a terminal, one line every ten seconds where it is not."""

    def __init__(self) -> None:
        from rich.console import Console as RichConsole

        self._console = RichConsole(stderr=True)

    def start(self, what: str, total: int | None) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._what, self._total = what, total
        self._spoke, self._pace, self._bar = time.monotonic(), Pace(), None
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,}" + (f"/{total:,}" if total is not None else "")),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(what, total=total, note="")

    def at(self, done: int, note: str = "") -> None:
        self._pace.at(done)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)
            return
        now = time.monotonic()
        if now - self._spoke < SECONDS_BETWEEN_LINES:
            return
        self._spoke = now
        of = f"/{self._total:,}" if self._total else ""
        if (left := self._pace.left(done, self._total)) is not None:
            of += f", about {span(left)} left"
        self._console.print(f"{self._what}: {done:,}{of}  {note}", highlight=False, markup=False, soft_wrap=True)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class Cell:
    """A bar in the output of a notebook's cell, which leaves one line when all is done."""

    def start(self, what: str, total: int | None) -> None:
        from IPython.display import HTML, display

        self._html, self._what, self._total, self._began = HTML, what, total, time.monotonic()
        self._done, self._spoke = 0, 0.0
        self._handle = display(HTML(self._bar("")), display_id=True)

    def at(self, done: int, note: str = "") -> None:
        self._done = done
        now = time.monotonic()
        if now - self._spoke >= SECONDS_BETWEEN_UPDATES:
            self._spoke = now
            self._handle.update(self._html(self._bar(note)))

    def end(self) -> None:
        took = span(time.monotonic() - self._began)
        self._handle.update(self._html(f"<small>{escape(self._what)}: {self._done:,} in {took}</small>"))

    def _bar(self, note: str) -> str:
        of = f' value="{self._done}" max="{self._total}"' if self._total else ""
        total = f" of {self._total:,}" if self._total else ""
        return f"<small>{escape(self._what)}: <progress{of}></progress> {self._done:,}{total} {escape(note)}</small>"


def usual() -> Progress:
    """What a call from Python shows where nothing else is asked for: a bar in a notebook, and nothing elsewhere."""
    return Cell() if is_notebook() else Quiet()


def span(seconds: float) -> str:
    """A time span in the largest unit that fits."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.1f} h"


def amount(size: int) -> str:
    """A number of bytes in the unit that fits: of a thousand million, a million or a thousand."""
    for unit, of in (("GB", 1e9), ("MB", 1e6)):
        if size >= of:
            return f"{size / of:,.2f} {unit}" if size < 10 * of else f"{size / of:,.0f} {unit}"
    return f"{size / 1e3:,.1f} kB" if size < 10_000 else f"{size / 1e3:,.0f} kB"
