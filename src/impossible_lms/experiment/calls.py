"""What an experiment's own methods do: run it and report it, from a script or a notebook."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

from impossible_lms.experiment.board import Board
from impossible_lms.experiment.config import Experiment
from impossible_lms.experiment.engines.choice import LOCAL, Choice
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.reporting import REPORT, report_experiment
from impossible_lms.experiment.run import Outcome, run_experiment
from impossible_lms.experiment.states import State
from impossible_lms.report.written import Written
from impossible_lms.shown import is_notebook

WIDTH, HEIGHT = 110, 40  # columns and lines of the table in a notebook


def run(experiment: Experiment, engine: str) -> Outcome:
    """Do what is missing of an experiment; in a notebook its table is shown meanwhile."""
    choice = Choice.of(engine, (LOCAL,))
    plan = Plan.of(experiment)
    plan = replace(plan, chunks=choice.parts(len(plan.languages)))
    board = CellBoard() if is_notebook() else Board()
    return run_experiment(plan, choice.engine(plan, None, board.say), board)


def report(experiment: Experiment, output: Path | None) -> Written:
    """Write the report of what is there of an experiment."""
    plan = Plan.of(experiment)
    command = shlex.join(["impossible", "report", str(plan.folder)])
    page = report_experiment(plan, command, output or plan.folder / REPORT)
    figures = page.with_name(f"{page.stem}-figures")
    return Written(page, tuple(sorted(path for path in figures.iterdir() if path.suffix != ".json")))


class CellBoard(Board):
    """The board in the output of a notebook's cell."""

    def __init__(self) -> None:
        super().__init__(Console(file=sys.stderr, width=WIDTH, force_terminal=False, force_jupyter=False))

    @contextmanager
    def watching(self, plan: Plan, states: Mapping[str, State]) -> Iterator[None]:
        from IPython.display import HTML, display

        self._plan = plan
        self._show = display(HTML(self._html(states)), display_id=True).update
        self._as_html = HTML
        yield
        self.look(states)

    def began(self, name: str) -> None:
        """The table says it."""

    def look(self, states: Mapping[str, State]) -> None:
        self._show(self._as_html(self._html(states)))

    def _html(self, states: Mapping[str, State]) -> str:
        return as_html(self._table(states))


def as_html(shown: RenderableType) -> str:
    """What a terminal would show, as HTML without colours of the page's own."""
    console = Console(file=StringIO(), record=True, width=WIDTH, height=HEIGHT, force_jupyter=False)
    console.print(shown)
    return console.export_html(inline_styles=True, code_format="<pre style='line-height:1.2'>{code}</pre>")
