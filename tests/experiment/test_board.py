"""The board: a table of the runs on a terminal, lines elsewhere."""

import io
import re
import time

import pytest
from rich.console import Console

from impossible_lms.experiment.board import Board, _left
from impossible_lms.experiment.states import BLOCKED, DONE, FAILED, RUNNING, WAITING, State
from impossible_lms.experiment.work import Reported, status_file
from impossible_lms.progress import span

STYLING = re.compile(r"\r?\x1b\[[0-9;?]*[A-Za-z]")


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


def shown(states, height=50, width=120):
    plan, found = states
    file = io.StringIO()
    board = Board(Console(file=file, force_terminal=True, width=width, height=height, color_system=None))
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


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_names_of_runs_are_whole_on_a_narrow_terminal(states, width):
    text = shown(states, width=width)
    drawn = STYLING.sub("\n", text)  # without the cursor's movements; each drawing begins on a line of its own
    last = [line.strip() for line in drawn.splitlines()]
    runs = {task.run for task in states[0].tasks.values() if task.run}
    assert len(runs) == 2
    for name in runs:
        assert sum(line == name or line.startswith(f"{name} ") for line in last) >= 1, text
    together = " ".join(" ".join(last).split())
    assert "12 of 60" in together and "no [room] left" in together and "0 of 2" in together
    assert "…" not in text and max(map(len, last)) <= width
    assert ("done: 0 of 2" in together) == (width < 80)


def test_a_terminal_narrower_than_a_name_gets_lines(states):
    text = shown(states, width=30)
    assert text == "small: 9 tasks, 4 done already\n"


def test_a_narrow_and_low_terminal_says_how_many_rows_there_are(states):
    text = shown(states, height=14, width=40)
    last = text[text.rindex("no-reverse-gpt2") :]
    assert "more rows" in " ".join(last.split()) and len(last.splitlines()) <= 14


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
