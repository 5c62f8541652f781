"""The board: a table of the runs on a terminal, lines elsewhere."""

import io
import time

import pytest
from rich.console import Console

from impossible_lms.experiment.board import Board, _left
from impossible_lms.experiment.states import BLOCKED, DONE, FAILED, RUNNING, WAITING, State
from impossible_lms.experiment.work import Reported, status_file
from impossible_lms.progress import span


@pytest.fixture
def states(planned):
    plan = planned()
    found = {name: State(WAITING) for name in plan.tasks}
    before = [name for name, task in plan.tasks.items() if not task.run]
    first, second = (name for name in plan.tasks if name.startswith("train."))
    found |= dict.fromkeys(before, State(DONE))
    found[first] = State(RUNNING)
    found[second] = State(FAILED, fault="no [room] left")
    found[next(name for name in plan.tasks if name.startswith("evaluate.") and plan.tasks[name].run in second)] = State(
        BLOCKED, fault="needs it"
    )
    progress = Reported(status_file(plan.folder, first))
    progress.start("training", 60)
    progress._wrote = 0.0
    progress.at(12, "loss 6.123  2,000 tokens/s")
    return plan, found


def shown(states, height=50):
    plan, found = states
    file = io.StringIO()
    board = Board(Console(file=file, force_terminal=True, width=120, height=height, color_system=None))
    with board.watching(plan, found):
        board.look(found)
    return file.getvalue()


def test_the_table_of_runs(states):
    text = shown(states)
    row = next(line for line in text.splitlines() if "no-reverse-gpt2" in line)
    assert "train" in row and "0 of 2" in row and "12 of 60  loss 6.123  2,000 tokens/s" in row and "left" in row
    assert "no [room] left" in text  # no markup
    assert "tasks: 4 done, 1 running, 2 waiting, 1 failed, 1 not begun" in text


def test_what_is_under_way_comes_first_where_there_is_no_room(states):
    text = shown(states, height=9)
    last = text[text.rindex("run ") :]
    assert "no-reverse-gpt2" in last and "data.1-of-1" not in last and "3 more rows" in last


def test_lines_where_it_is_no_terminal(states, board, monkeypatch):
    plan, found = states
    monkeypatch.setattr("impossible_lms.experiment.board.SECONDS_BETWEEN_LINES", 0.0)
    name = next(name for name, state in found.items() if state.kind == RUNNING)
    with board.watching(plan, found):
        board.look(found)
        board.ended(name, State(FAILED, fault="on fire"))
    lines = board._console.file.getvalue().splitlines()
    assert lines[0] == "small: 9 tasks, 4 done already"
    assert (
        lines[1].startswith(f"{name}: 12 of 60  loss 6.123  2,000 tokens/s") and lines[2] == f"{name}: failed: on fire"
    )


def test_time_left():
    status = {"total": 100, "first": 50, "done": 60, "began": time.time() - 20}
    assert _left(status) == "80 s left"  # what was done in an earlier life is not counted
    assert _left({**status, "total": None}) == _left({**status, "first": None}) == ""
    assert [span(seconds) for seconds in (3.4, 150, 7200)] == ["3 s", "2 min", "2.0 h"]
