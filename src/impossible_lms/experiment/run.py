"""Running an experiment: hands out what is missing, whatever engine does it; one failure stops no other run."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.errors import Interrupted, UserError
from impossible_lms.experiment.board import Board
from impossible_lms.experiment.checks import CheckData
from impossible_lms.experiment.engines.engine import Engine
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.publication import PublishRun
from impossible_lms.experiment.states import BLOCKED, DONE, FAILED, RUNNING, STOPPED, WAITING, State
from impossible_lms.experiment.store import AGAIN, FAULTS
from impossible_lms.experiment.tasks import Task
from impossible_lms.experiment.work import status_file, status_of, write_plan
from impossible_lms.files import read_record, write_record
from impossible_lms.locks import locked, remove_lock_of_the_dead
from impossible_lms.shown import Shown
from impossible_lms.training.stopping import stop_signals

FAILURES = "failures.json"
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_OF_SILENCE = 120.0  # after which a task that has said how far it is counts as stopped


@dataclass(frozen=True, repr=False)
class Outcome(Shown):
    """How an experiment ended: the tasks that were done before and now, and those that failed, with the reason."""

    before: int
    now: int
    failures: Mapping[str, str]

    def title(self) -> str:
        return "of an experiment"

    def facts(self) -> dict[str, object]:
        return {"done before": self.before, "done now": self.now, "failed": len(self.failures), **self.failures}


def run_experiment(plan: Plan, engine: Callable[[Path], Engine], board: Board) -> Outcome:
    """Do all tasks of a plan that are not done; what was done by an earlier run, or another experiment, is left alone.

    Args:
        plan: what is to be done.
        engine: makes, from the experiment's folder, who does it; not called where all is done.
        board: is told of everything.

    Raises:
        UserError: another process runs this experiment, or the Hub is to be published to and there is no token.
        Interrupted: Ctrl-C or SIGTERM; all that was being done is saved. A second Ctrl-C does not wait for that.
    """
    with locked(plan.folder / ".lock", "is being run"):
        write_plan(plan)
        states = {name: _found(task) for name, task in plan.tasks.items()}
        before = sum(state.is_done for state in states.values())
        for name, state in states.items():
            if state.is_done:  # killed at the very end, it could not say so
                status_file(plan.folder, name).unlink(missing_ok=True)
                for lock in plan.tasks[name].locks:
                    remove_lock_of_the_dead(lock)
        _refuse(plan, states, board)
        _check_publishing(plan, states)
        try:
            if any(state.kind == WAITING for state in states.values()):
                _carry_out(plan, states, engine(plan.folder), board)
        finally:  # what failed is known after a stop too
            write_record(plan.folder / FAILURES, {"failures": _failures(states)})
            with suppress(OSError):  # it has something in it
                (plan.folder / FAULTS).rmdir()
        return Outcome(before, sum(state.is_done for state in states.values()) - before, _failures(states))


def states_of(plan: Plan) -> dict[str, State]:
    """The state of each task by its files, in whichever process and on whichever machine it runs."""
    failures, states = failures_of(plan), {}
    for name, task in plan.tasks.items():
        states[name] = _found(task)
        if states[name].kind == WAITING:
            status = status_of(plan.folder, name)
            if status is not None and time.time() - status["at"] < SECONDS_OF_SILENCE:
                states[name] = State(RUNNING)
            elif name in failures:
                states[name] = State(FAILED, fault=failures[name])
    return states


def failures_of(plan: Plan) -> dict[str, str]:
    """The tasks that failed when the experiment last ran and are still not done, with the reason."""
    path = plan.folder / FAILURES
    found = read_record(path, {"failures": dict}, AGAIN)["failures"] if path.is_file() else {}
    return {name: why for name, why in found.items() if name in plan.tasks and not _found(plan.tasks[name]).is_done}


def _found(task: Task) -> State:
    """What is there of a task: it is done, or waits, or has failed where what it made is damaged."""
    try:
        return State(DONE if task.is_done() else WAITING)
    except UserError as error:
        return State(FAILED, fault=str(error))


def _failures(states: Mapping[str, State]) -> dict[str, str]:
    return {name: state.fault or "" for name, state in states.items() if state.kind in (FAILED, BLOCKED)}


def _check_publishing(plan: Plan, states: Mapping[str, State]) -> None:
    """UserError where models could not be published in the end; the first stands for all."""
    for name, task in plan.tasks.items():
        if isinstance(task, PublishRun) and states[name].kind == WAITING:
            task.check()
            return


def _carry_out(plan: Plan, states: dict[str, State], engine: Engine, board: Board) -> None:
    stopped = False
    try:
        with stop_signals() as signals, board.watching(plan, states):
            while True:
                if signals and not stopped:
                    stopped = True
                    board.say("stopping: what is being done is saved. Ctrl-C again does not wait for it.")
                    engine.stop()
                if not stopped:
                    _hand_out(plan, states, engine, board)
                if not any(state.kind == RUNNING for state in states.values()):
                    break
                for ended in engine.wait(SECONDS_BETWEEN_LOOKS):
                    state = states[ended.name]
                    state.kind, state.fault = (FAILED, ended.fault) if ended.fault is not None else (DONE, None)
                    if ended.is_interrupted:
                        state.kind = STOPPED
                    state.seconds = time.monotonic() - state.began
                    board.ended(ended.name, state)
                    if isinstance(plan.tasks[ended.name], CheckData):
                        _refuse(plan, states, board)
                    _begin_again(plan, states, ended.name)
                board.look(states)
    finally:
        engine.close()
    left = sum(state.kind in (WAITING, STOPPED) for state in states.values())
    if left:
        raise Interrupted(
            f"{plan.folder}: stopped with {left} of {len(states)} tasks left. The same command continues."
        )


def _refuse(plan: Plan, states: dict[str, State], board: Board) -> None:
    """Give up what would be for nothing, as checks have found by now."""
    for name, task in plan.tasks.items():
        state = states[name]
        if state.kind == WAITING and (why := task.refused()):
            state.kind, state.fault = BLOCKED, why
            board.ended(name, state)


def _begin_again(plan: Plan, states: dict[str, State], name: str) -> None:
    """What was done without a task that is done by now waits to be done with it."""
    for other, task in plan.tasks.items():
        if name in task.after and states[other].is_done and states[name].is_done and not task.is_done():
            states[other].kind = WAITING


def _hand_out(plan: Plan, states: dict[str, State], engine: Engine, board: Board) -> None:
    """Begin what can be begun, and give up what needs something that failed."""
    for name, task in plan.tasks.items():
        state = states[name]
        if state.kind != WAITING:
            continue
        failed = next((need for need in task.needs if states[need].kind in (FAILED, BLOCKED)), None)
        if failed is not None:
            state.kind, state.fault = BLOCKED, f"needs {failed}, which failed."
            board.ended(name, state)
        elif (
            all(states[need].is_done for need in task.needs)
            and all(states[other].kind in (DONE, FAILED, BLOCKED) for other in task.after)
            and engine.has_room()
        ):
            state.kind, state.began = RUNNING, time.monotonic()
            board.began(name)
            engine.submit(task)
