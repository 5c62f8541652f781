"""Time left: of a task by the speed it has had, and of a whole experiment by what tasks of the same kind took."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.states import DONE, RUNNING, STOPPED, WAITING, State
from impossible_lms.experiment.tasks import Measure, Task, Train
from impossible_lms.experiment.work import status_of
from impossible_lms.models.run import Run
from impossible_lms.progress import span


def left_of_task(status: Mapping[str, Any]) -> str:
    """How long a task will take by what it last reported: `80 s left`; nothing where that does not say it."""
    seconds = _seconds_left(status)
    return "" if seconds is None else f"{span(seconds)} left"


def left_of_all(plan: Plan, states: Mapping[str, State]) -> str:
    """How long the tasks that wait and run will take, as many at a time as now: `about 9.5 h left`.

    A kind of task (training a model, a metric) takes as long as those that are done or under way; where there is none
    of a kind yet, it is `more than` the others. Nothing where nothing is known, or nothing is left.
    """
    took: dict[str, list[float]] = defaultdict(list)
    left, waiting = 0.0, Counter[str]()
    for name, state in states.items():
        task = plan.tasks[name]
        kind = _kind(task)
        if state.kind == DONE and (seconds := state.seconds or _recorded(task)):
            took[kind].append(seconds)
        elif state.kind in (WAITING, STOPPED):
            waiting[kind] += 1
        elif state.kind == RUNNING:
            status = status_of(plan.folder, name)
            seconds_left = None if status is None else _seconds_left(status)
            if status is None or seconds_left is None:
                waiting[kind] += 1
            else:
                left += seconds_left
                took[kind].append(status["left"] * status["total"] / max(status["total"] - status["done"], 1))
    known = [kind for kind in waiting if took[kind]]
    left += sum(waiting[kind] * sum(took[kind]) / len(took[kind]) for kind in known)
    if not left:
        return ""
    beside = max(1, sum(state.kind == RUNNING for state in states.values()))
    return f"{'about' if len(known) == len(waiting) else 'more than'} {span(left / beside)} left"


def _kind(task: Task) -> str:
    """What tasks have in common that take about as long."""
    if isinstance(task, Measure):
        return f"evaluate {task.request.name}"
    return f"train {task.model}" if isinstance(task, Train) else task.name.partition(".")[0]


def _recorded(task: Task) -> float:
    """The seconds that a finished run took, as its record says; 0 of any other task."""
    if not isinstance(task, Train):
        return 0.0
    try:
        return float((Run.open(task.folder).finished or {}).get("seconds", 0.0))
    except UserError:
        return 0.0


def _seconds_left(status: Mapping[str, Any]) -> float | None:
    """As told when the task last reported, less what has passed since."""
    return None if status["left"] is None else max(status["left"] - (time.time() - status["at"]), 0.0)
