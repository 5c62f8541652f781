"""The board: how an experiment says where it is: a live table on a terminal, a row a run, and lines elsewhere."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from impossible_lms.experiment.left import left_of_all, left_of_task
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.states import BLOCKED, DONE, FAILED, RUNNING, STOPPED, WAITING, State
from impossible_lms.experiment.tasks import Task, Train
from impossible_lms.experiment.work import status_of
from impossible_lms.progress import span
from impossible_lms.terminal import UNBOUNDED, shortened
from impossible_lms.training.state import newest_step

SECONDS_BETWEEN_LINES = 30.0
NARROWEST = 40  # columns of a terminal that a live table can be read in
NAME, STAGE, PROGRESS = 18, 10, 16  # columns in which these can still be read
GAP = 2  # columns between two of the table
ORDER = (RUNNING, FAILED, BLOCKED, STOPPED, WAITING, DONE)  # of rows where there is no room for all
COLOURS = {WAITING: "dim", RUNNING: "cyan", DONE: "green", FAILED: "bold red", BLOCKED: "red", STOPPED: "yellow"}


@dataclass(frozen=True)
class Row:
    """A run, or a task that belongs to none: the cells of its row, after the kind of its state."""

    kind: str
    name: str
    stage: str
    done: str
    progress: str
    left: str


class Board:
    """Shows the state of an experiment's tasks, on stderr."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live: Live | None = None

    @contextmanager
    def watching(self, plan: Plan, states: Mapping[str, State]) -> Iterator[None]:
        """Show the tasks of `plan` while the block runs."""
        self._plan, self._spoke = plan, time.monotonic()
        done = sum(state.is_done for state in states.values())
        self.say(f"{plan.experiment.name}: {len(states)} tasks, {done} done already")
        # What is drawn again and again is cut at a terminal's edge, and a line that is printed once is not.
        if not self._console.is_terminal or self._console.width < NARROWEST:
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
                    self.say(f"{name}: {_progress(status)}  {status['note']}  {left_of_task(status)}".rstrip())

    def say(self, line: str) -> None:
        """One line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def overview(self, plan: Plan, states: Mapping[str, State], width: int = UNBOUNDED) -> tuple[Table, str]:
        """The same table of an experiment that others may be running: all rows, in the order of the plan.

        Below it, how many tasks are of each kind of state, and how long the rest will take.
        """
        self._plan = plan
        return _tabulated(self._rows(states, width), width), self._summary(states)

    def _table(self, states: Mapping[str, State]) -> Group:
        """A row a run, and a task that belongs to none; where there is no room for all, those under way first."""
        rows = self._rows(states, self._console.width)
        rows.sort(key=lambda row: ORDER.index(row.kind))
        room = max(3, self._console.height - 6)
        more = len(rows) - room
        hidden = f"; {more:,} more {'rows' if more > 1 else 'row'}" if more > 0 else ""
        summary = Text(self._summary(states) + hidden, style="dim")
        return Group(_tabulated(rows[:room], self._console.width), summary)

    def _summary(self, states: Mapping[str, State]) -> str:
        left = left_of_all(self._plan, states)
        return f"tasks: {counted(states)}{f'; {left}' if left else ''}"

    def _groups(self) -> dict[str, list[Task]]:
        groups: dict[str, list[Task]] = {}
        for task in self._plan.tasks.values():
            groups.setdefault(task.run or task.name, []).append(task)
        return groups

    def _rows(self, states: Mapping[str, State], width: int) -> list[Row]:
        """All rows; in a terminal runs go without the hashes in their names, where these are not all that differs."""
        rows = [self._row(name, tasks, states) for name, tasks in self._groups().items()]
        runs = {task.run for task in self._plan.tasks.values() if task.run}
        short = {name: name.rpartition("-")[0] for name in runs}
        if width >= UNBOUNDED or len(set(short.values())) < len(runs):
            return rows
        return [replace(row, name=short.get(row.name, row.name)) for row in rows]

    def _row(self, name: str, tasks: list[Task], states: Mapping[str, State]) -> Row:
        kinds = [states[task.name].kind for task in tasks]
        done = f"{kinds.count(DONE)} of {len(tasks)}"
        for kind in ORDER[:-1]:
            if kind not in kinds:
                continue
            task = tasks[kinds.index(kind)]
            status = status_of(self._plan.folder, task.name) if kind == RUNNING else None
            if status is None:
                fault = states[task.name].fault
                return Row(kind, name, _stage(task), done, f"{kind}: {fault}" if fault else kind, "")
            progress = f"{_progress(status)}  {status['note']}".rstrip()
            return Row(kind, name, _stage(task), done, progress, left_of_task(status).removesuffix(" left"))
        return Row(DONE, name, "", done, DONE, "")

    def _status(self, name: str) -> dict[str, Any] | None:
        """What a task last reported."""
        return status_of(self._plan.folder, name)


def counted(states: Mapping[str, State]) -> str:
    """How many tasks are of each kind of state."""
    counts = Counter(state.kind for state in states.values())
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items())


def _stage(task: Task) -> str:
    """What is done of a run: `train`, the name of a metric's tables, `publish`; nothing where the task is the row."""
    if not task.run:
        return ""
    return task.name.replace(f".{task.run}", "").removeprefix("evaluate.")


def _tabulated(rows: Sequence[Row], width: int) -> Table:
    """Rows of one line each, as wide as there is room for.

    First what a task reports is cut, then names and stages are shortened in the middle; then the number of tasks that
    are done goes, and the stage.
    """
    cells = [list(astuple(row))[1:] for row in rows]
    headings = ["run", "stage", "done", "progress", "left"]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    least = [NAME, STAGE, widths[2], PROGRESS, widths[4]]
    for column in (3, 0, 1):
        over = sum(widths) + GAP * (len(widths) - 1) - width
        widths[column] = max(min(widths[column], least[column]), widths[column] - max(over, 0))
    for column in (2, 1):
        if sum(widths) + GAP * (sum(map(bool, widths)) - 1) > width:
            widths[column] = 0
    over = sum(widths) + GAP * (sum(map(bool, widths)) - 1) - width
    widths[0] = max(1, widths[0] - max(over, 0))
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for heading, room in zip(headings, widths, strict=True):
        if room:
            table.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=room, min_width=min(room, 1))
    for row, line in zip(rows, cells, strict=True):
        line[:2] = [shortened(cell, room) for cell, room in zip(line[:2], widths[:2], strict=True)]
        here = (cell for cell, room in zip(line, widths, strict=True) if room)
        table.add_row(*(Text(cell, style=COLOURS[row.kind]) for cell in here))
    return table


def _progress(status: Mapping[str, Any]) -> str:
    total = status["total"]
    return f"{status['done']:,}" + (f" of {total:,}" if total else "")
