"""One task of an experiment, done in this process: by hand, or as an element of a job array."""

import difflib
import signal

from impossible_lms.errors import UserError
from impossible_lms.experiment.engines.engine import Ended
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.work import ended, say, write_plan_if_other


def do_only(plan: Plan, name: str) -> Ended:
    """Do the task of that name, and say how it ended; SIGTERM stops it as Ctrl-C does, and training saves.

    Raises:
        UserError: the plan has no such task.
    """
    if name not in plan.tasks:
        near = difflib.get_close_matches(name, plan.tasks, n=1)
        said = f"Did you mean {near[0]}?" if near else f"Its first is {next(iter(plan.tasks))}."
        raise UserError(f"--only {name}: {plan.experiment.name} has no such task. {said}")
    write_plan_if_other(plan)
    missing = next((need for need in plan.tasks[name].needs if not plan.tasks[need].is_done()), None)
    if missing is not None:
        fault = f"needs {missing}, which is not done."
        say(f"failed: {fault}")
        return Ended(name, fault)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return ended(plan.folder, name, plan)
    finally:
        signal.signal(signal.SIGTERM, before)
