"""The board: a table of the runs on a terminal, lines elsewhere."""

import io
import re
import time

import pytest
from rich.console import Console as RichConsole

from impossible_lms.experiment.board import Board
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.files import write_experiment
from impossible_lms.experiment.left import left_of_all, left_of_task
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.states import BLOCKED, DONE, FAILED, RUNNING, WAITING, State
from impossible_lms.experiment.work import Reported, status_file, status_of
from impossible_lms.progress import Console, span

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
    progress.at(10)
    progress.at(11)
    progress._wrote = 0.0
    progress.at(12, "loss 6.123  2,000 tokens/s")
    return plan, found


def shown(states, height=50, width=120):
    plan, found = states
    file = io.StringIO()
    board = Board(RichConsole(file=file, force_terminal=True, width=width, height=height, color_system=None))
    with board.watching(plan, found):
        board.look(found)
    return file.getvalue()


def test_the_table_of_runs(states):
    text = shown(states)
    row = next(line for line in text.splitlines() if "no-reverse-gpt2" in line)
    assert "train" in row and "0 of 2" in row and "12 of 60  loss 6.123  2,000 tokens/s" in row and " s" in row
    assert "no [room] left" in text  # no markup
    assert "tasks: 4 done, 1 running, 2 waiting, 1 failed, 1 not begun" in text


def test_what_is_under_way_comes_first_where_there_is_no_room(states):
    text = shown(states, height=9)
    last = text[text.rindex("run ") :]
    assert "no-reverse-gpt2" in last and "data.1-of-1" not in last and "3 more rows" in last


def drawn(states, **size):
    """The lines of the last drawing, without the cursor's movements and styles."""
    text = STYLING.sub("\n", shown(states, **size))
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return lines[max(number for number, line in enumerate(lines) if line.startswith("run ")) :]


@pytest.mark.parametrize(
    ("width", "headings", "row"),
    [
        (
            120,
            "run stage done progress left",
            "no-reverse-gpt2-no-pos-s1 train 0 of 2 12 of 60 loss 6.123 2,000",
        ),
        (80, "run stage done progress left", "no-reverse-gpt2-no-pos-s1 train 0 of 2 12 of 60 "),
        (60, "run stage done progress left", "no-reverse…-no-pos-s1 train 0 of 2 12 of 60 "),
        (52, "run stage progress left", "no-revers…o-pos-s1 train 12 of 60 "),
        (45, "run progress left", "no-revers…o-pos-s1 12 of 60 "),
    ],
)
def test_columns_give_way_and_names_are_shortened_in_the_middle(states, width, headings, row):
    lines = drawn(states, width=width)
    assert " ".join(lines[0].split()) == headings, lines
    assert any(" ".join(line.split()).startswith(row) for line in lines), lines
    assert max(map(len, lines)) <= width
    assert sum("o-pos-s1 " in line for line in lines) == 2


def test_a_terminal_too_narrow_for_a_table_gets_lines(states):
    assert shown(states, width=30) == "small: 9 tasks, 4 done already\n"


def test_the_paper_at_80_columns_and_24_lines(tmp_path):
    write_experiment("paper", tmp_path / "paper.toml")
    asked = load_experiment(tmp_path / "paper.toml", ["corpus=grammar:sentences=2000"])
    items = {entry.corpus: "" for entry in asked.evaluate if entry.corpus}
    plan = Plan(asked, {"corpus": "", "tokenizer": "", "items": items})
    found = {name: State(WAITING) for name in plan.tasks}
    trains = [name for name in found if name.startswith("train.")]
    assert len(trains) == 150
    for name in trains[:40]:
        found[name] = State(DONE, seconds=7200.0)
    for name in trains[70:72]:
        found[name] = State(RUNNING)
        progress = Reported(status_file(plan.folder, name))
        progress.start("training", 3000)
        progress.at(1198)
        progress.at(1199)
        progress._wrote = 0.0
        progress.at(1200, "loss 3.213  31,234 tokens/s")
    lines = drawn((plan, found), width=80, height=24)
    assert len(lines) <= 22 and max(map(len, lines)) <= 80
    name = trains[70].removeprefix("train.").rpartition("-")[0]
    assert re.fullmatch(rf"{name} +train +0 of [0-9] +1,200 of 3,000 .*", lines[1])
    summary = " ".join(" ".join(lines[-2:]).split())
    assert "40 done, " in summary and " more rows" in summary and "; more than " in summary


def test_the_whole_takes_what_tasks_of_the_same_kind_took(states):
    plan, found = states
    first, second = (name for name in plan.tasks if name.startswith("train."))
    assert left_of_all(plan, dict.fromkeys(found, State(WAITING))) == ""
    trained = {name: State(DONE, seconds=60.0) for name in found} | {second: State(WAITING)}
    assert left_of_all(plan, trained | {first: State(DONE, seconds=90.0)}) == "about 90 s left"
    metrics = {name: State(WAITING) for name in found if name.startswith("evaluate.")}
    assert left_of_all(plan, trained | metrics) == "more than 60 s left"


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


@pytest.mark.parametrize("before", [0, 500])
def test_time_left_is_told_without_the_first_steps_which_compile(before, tmp_path, monkeypatch, capsys):
    """A first step of a minute, then one a second: nothing is told before there is a pace, and then the right thing."""
    now = 1000.0
    monkeypatch.setattr("impossible_lms.progress.SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr("impossible_lms.experiment.work.SECONDS_BETWEEN_REPORTS", 0.0)
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr("time.time", lambda: now)
    console, reported = Console(), Reported(status_file(tmp_path, "train"))
    for progress in (console, reported):
        progress.start("training", 1000)
    told = []
    for step in range(1, 5):
        now += 60.0 if step == 1 else 1.0
        console.at(before + step)
        reported.at(before + step)
        told.append(left_of_task(status_of(tmp_path, "train") or {}))
    left = [f"{span(1000 - before - step)} left" for step in (3, 4)]
    assert told == ["", "", *left]
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    begin = [f"training: {before + step:,}/1,000" for step in (1, 2, 3, 4)]
    assert lines == [*begin[:2], f"{begin[2]}, about {left[0]}", f"{begin[3]}, about {left[1]}"]


def test_time_left():
    assert left_of_task({"left": 80.0, "at": time.time()}) == "80 s left"
    assert left_of_task({"left": 80.0, "at": time.time() - 30}) == "50 s left"
    assert left_of_task({"left": None, "at": time.time()}) == ""
    assert [span(seconds) for seconds in (3.4, 150, 7200)] == ["3 s", "2 min", "2.0 h"]
