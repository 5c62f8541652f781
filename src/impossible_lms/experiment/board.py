"""The board: how an experiment says where it is; a live table where a terminal has room for runs' names, else lines."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.states import BLOCKED, DONE, FAILED, RUNNING, STOPPED, WAITING, State
from impossible_lms.experiment.tasks import Task, Train
from impossible_lms.experiment.work import status_of
from impossible_lms.progress import span
from impossible_lms.terminal import below, fits
from impossible_lms.training.state import newest_step

SECONDS_BETWEEN_LINES = 30.0
LEAST = 14  # columns in which what a task says of itself can still be read
COLOURS = {WAITING: "dim", RUNNING: "cyan", DONE: "green", FAILED: "bold red", BLOCKED: "red", STOPPED: "yellow"}


class Board:
    """Tells whoever watches of an experiment's tasks, on stderr."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live: Live | None = None

    @contextmanager
    def watching(self, plan: Plan, states: Mapping[str, State]) -> Iterator[None]:
        """Show the tasks of `plan` while the block runs."""
        self._plan, self._spoke = plan, time.monotonic()
        done = sum(state.is_done for state in states.values())
        self.say(f"{plan.experiment.name}: {len(states)} tasks, {done} done already")
        # What is drawn again and again is cut at a terminal's edge, and a line that is said once is not.
        if not self._console.is_terminal or self._console.width < max(map(len, self._groups()), default=0):
            yield
            return
        with Live(self._table(states), console=self._console, auto_refresh=False) as self._live:
            yield
        self._live = None

    def began(self, name: str) -> None:
        """A task has begun, or goes on."""
        if self._live is None:
            task = self._plan.tasks[name]
            step = newest_step(task.folder) if isinstance(task, Train) else 0
            self.say(f"{name}: goes on after step {step}" if step else f"{name}: begun")

    def ended(self, name: str, state: State) -> None:
        """A task has ended, well or not."""
        if state.kind in (FAILED, BLOCKED):
            self.say(f"{name}: {state.kind}: {state.fault}")
        elif self._live is None:
            self.say(f"{name}: {state.kind} after {span(state.seconds)}")

    def look(self, states: Mapping[str, State]) -> None:
        """Show where everything is now."""
        if self._live is not None:
            self._live.update(self._table(states), refresh=True)
        elif time.monotonic() - self._spoke >= SECONDS_BETWEEN_LINES:
            self._spoke = time.monotonic()
            for name, state in states.items():
                if state.kind == RUNNING and (status := self._status(name)):
                    self.say(f"{name}: {_progress(status)}  {status['note']}  {_left(status)}".rstrip())

    def say(self, line: str) -> None:
        """One line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def overview(self, plan: Plan, states: Mapping[str, State]) -> Table:
        """The same table of an experiment that others may be running: all rows, in the order of the plan."""
        self._plan = plan
        return _tabulated([self._row(label, names, states) for label, names in self._groups().items()])

    def _table(self, states: Mapping[str, State]) -> Group:
        """The tasks that belong to no run, then a row a run; where there is no room for all, those under way first."""
        rows = [self._row(label, names, states) for label, names in self._groups().items()]
        rows.sort(key=lambda row: (RUNNING, FAILED, BLOCKED, STOPPED, WAITING, DONE).index(row[0]))
        room = max(3, self._console.height - 6)
        table = _tabulated(rows[:room])
        shown: RenderableType = table
        if not fits(table, self._console, LEAST):
            while room > 1 and self._lines(below(_tabulated(rows[:room]))) > self._console.height - 3:
                room -= 1
            shown = Group(*below(_tabulated(rows[:room])))
        said = counted(states)
        hidden = f"; {len(rows) - room} more rows" if len(rows) > room else ""
        return Group(shown, Text(f"tasks: {said}{hidden}", style="dim"))

    def _lines(self, shown: list[RenderableType]) -> int:
        """Lines of the terminal that these take."""
        return sum(len(self._console.render_lines(each)) for each in shown)

    def _groups(self) -> dict[str, list[Task]]:
        groups: dict[str, list[Task]] = {}
        for task in self._plan.tasks.values():
            groups.setdefault(task.run or task.name, []).append(task)
        return groups

    def _row(self, label: str, tasks: list[Task], states: Mapping[str, State]) -> tuple[str, str, str, str, str, str]:
        """A run's kind of state, and the cells of its row."""
        kinds = [states[task.name].kind for task in tasks]
        done = f"{kinds.count(DONE)} of {len(tasks)}"
        for kind in (RUNNING, FAILED, BLOCKED, STOPPED, WAITING):
            if kind not in kinds:
                continue
            task = tasks[kinds.index(kind)]
            stage = task.name.removeprefix("train.").replace(f".{task.run}", "") if task.run else task.name
            stage = "train" if stage == task.run else stage
            status = self._status(task.name) if kind == RUNNING else None
            if status is None:
                return kind, label, stage, done, states[task.name].fault or kind, ""
            return kind, label, stage, done, f"{_progress(status)}  {status['note']}", _left(status)
        return DONE, label, "", done, DONE, ""

    def _status(self, name: str) -> dict[str, Any] | None:
        """What a task last said of itself."""
        return status_of(self._plan.folder, name)


def counted(states: Mapping[str, State]) -> str:
    """How many tasks are of each kind of state."""
    counts = Counter(state.kind for state in states.values())
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _tabulated(rows: Sequence[tuple[str, ...]]) -> Table:
    """A row of cells after its kind of state, coloured by that; only what a task says of itself may be folded."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("run", "stage", "done", "", "left"):
        table.add_column(heading, no_wrap=heading != "", overflow="fold")
    for kind, *cells in rows:
        table.add_row(*(Text(cell, style=COLOURS[kind]) for cell in cells))
    return table


def _progress(status: Mapping[str, Any]) -> str:
    total = status["total"]
    return f"{status['done']:,}" + (f" of {total:,}" if total else "")


def _left(status: Mapping[str, Any]) -> str:
    """How long it will take at the speed it has had."""
    total, first, done = status["total"], status["first"], status["done"]
    if not total or first is None or done <= first:
        return ""
    return f"{span((time.time() - status['began']) / (done - first) * (total - done))} left"
