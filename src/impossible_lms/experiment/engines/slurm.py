"""Slurm: an experiment's missing tasks as job arrays, and a script that hands them in; written, not run.

What is used of Slurm, under its documented names. Of `sbatch`: `--array=1-N%M` (its indices stay below `MaxArraySize`,
1001 unless configured), `--output` with `%A` and `%a`, `--open-mode=append`, `--requeue`, `--signal=B:USR1@SECONDS`
(to the batch shell alone, before the time limit), `--gres=gpu:N`, `--mem`, `--parsable` (prints `id` or `id;cluster`),
`--dependency=afterany:ID` (an array's id: all its elements have ended). Of the job: `SLURM_ARRAY_JOB_ID`,
`SLURM_ARRAY_TASK_ID`, `SLURM_CPUS_PER_TASK`. And `scontrol requeue ID_INDEX`.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.store import short
from impossible_lms.experiment.tasks import Task
from impossible_lms.files import write_text

LONGEST = 1000  # elements of an array: MaxArraySize is 1001 unless configured, and its indices end below it
SECONDS_TO_SAVE = 120  # before the time limit; Slurm may be a minute early
OURS = ("array", "dependency", "output", "signal")  # what the scripts rely on
SUBMIT = "submit.sh"

_OPTION = re.compile(r"(?:(?P<stage>[a-z]+)\.)?(?P<key>[a-z][a-z-]*)(?:=(?P<value>[^\n]*))?")
_NEXT = re.compile(r",(?=(?:[a-z]+\.)?[a-z][a-z-]*=)")  # a comma before the next KEY=, not one inside a value


@dataclass(frozen=True)
class Array:
    """A job array: its name, the stage it is a part of, and its tasks."""

    name: str
    stage: str
    tasks: tuple[Task, ...]


def write_arrays(
    plan: Plan,
    command: Sequence[str],
    options: Sequence[str] = (),
    at_once: int | None = None,
    memory: float | None = None,
) -> list[Array]:
    """Write the plan's missing tasks to `slurm/` in the experiment's folder: lists, scripts, and `submit.sh`.

    A stage (tokenizer, data, check, train, evaluate, publish) is an array, or several where it is longer than Slurm
    takes. It begins when those it needs have ended, well or not, so that one failure stops no other run: an element
    whose needs are not done says so and ends. Near its time limit an element is told to save, and puts itself in the
    queue again.

    Args:
        plan: the experiment.
        command: the words that do one task, whose name follows.
        options: of sbatch, as `partition=gpu` or `train.time=24:00:00` (of one stage); `gres=` leaves one out.
        at_once: elements of an array that may run at the same time.
        memory: GiB that each task may need.

    Returns:
        The arrays; none where nothing is missing, and then nothing is written.

    Raises:
        UserError: an option that is none, or that the scripts set themselves.
    """
    arrays = list(_arrays(plan))
    chosen = [_option(text) for given in options for text in _NEXT.split(given)]
    stages = dict.fromkeys(name.partition(".")[0] for name in plan.tasks)
    for stage, key, _ in chosen:
        if stage and stage not in stages:
            raise UserError(f"--slurm {stage}.{key}: the experiment has no such stage. It has {', '.join(stages)}.")
    if not arrays:
        return []
    home = plan.folder / "slurm"
    for folder in (home / "logs", plan.folder / "logs"):  # Slurm makes none, and an element without fails unheard
        folder.mkdir(parents=True, exist_ok=True)
    for array in arrays:
        # A list is named by its content: arrays handed in earlier go on reading theirs.
        tasks = home / f"{array.name}-{short([task.name for task in array.tasks])}.tasks"
        write_text(tasks, "".join(f"{task.name}\n" for task in array.tasks))
        settings = _settings(plan, array, at_once, memory)
        settings |= {key: value for stage, key, value in chosen if stage in (None, array.stage)}
        write_text(home / f"{array.name}.sbatch", _script(plan, array, settings, tasks, command))
    write_text(home / SUBMIT, _submit(arrays, home))
    return arrays


def _arrays(plan: Plan) -> Iterator[Array]:
    """The missing tasks by stage; a stage comes after all that it needs."""
    stages: dict[str, list[Task]] = {}
    for task in sorted(plan.tasks.values(), key=lambda task: _depth(plan, task.name)):
        if not task.is_done():
            stages.setdefault(task.name.partition(".")[0], []).append(task)
    for stage, tasks in stages.items():
        for start in range(0, len(tasks), LONGEST):
            name = stage if len(tasks) <= LONGEST else f"{stage}-{start // LONGEST + 1}"
            yield Array(name, stage, tuple(tasks[start : start + LONGEST]))


def _depth(plan: Plan, name: str) -> int:
    return 1 + max((_depth(plan, need) for need in _before(plan.tasks[name])), default=0)


def _before(task: Task) -> tuple[str, ...]:
    """The tasks that are to have ended when it begins."""
    return (*task.needs, *task.after)


def _option(text: str) -> tuple[str | None, str, str | None]:
    """The stage an option is of, its name and its value."""
    match = _OPTION.fullmatch(text)
    if match is None:
        raise UserError(f"--slurm {text}: expected KEY=VALUE, as in --slurm partition=gpu.")
    if match["key"] in OURS:
        raise UserError(f"--slurm {text}: the scripts set {match['key']} themselves. Leave it out.")
    return match["stage"], match["key"], match["value"]


def _settings(plan: Plan, array: Array, at_once: int | None, memory: float | None) -> dict[str, str | None]:
    """The options of sbatch that are ours; None is one without a value, and an empty one is left out."""
    logs = str(plan.folder / "slurm" / "logs").replace("%", "%%")
    return {
        "job-name": f"{plan.experiment.name}.{array.name}",
        "array": f"1-{len(array.tasks)}" + (f"%{at_once}" if at_once else ""),
        "output": f"{logs}/{array.name}-%A_%a.log",
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{SECONDS_TO_SAVE}",
        "gres": f"gpu:{plan.devices}" if any(task.uses_device for task in array.tasks) else "",
        "mem": f"{memory * 1024:.0f}M" if memory else "",
    }


def _script(plan: Plan, array: Array, settings: Mapping[str, str | None], tasks: Path, command: Sequence[str]) -> str:
    """A batch script: its options, then one task by the number of the element."""
    directives = [
        f"#SBATCH --{key}" + ("" if value is None else f"={shlex.quote(value)}")
        for key, value in settings.items()
        if value != ""
    ]
    # torchrun gives each of several processes one thread, unless told otherwise.
    threads = "" if plan.devices > 1 else "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}\n"
    return f"""#!/bin/bash
{chr(10).join(directives)}
# {len(array.tasks)} tasks of {plan.experiment.name}: {array.stage}. Handed in by {SUBMIT}.

task=$(sed -n "${{SLURM_ARRAY_TASK_ID}}p" {shlex.quote(str(tasks))})
{threads}
# USR1 comes before the time limit: the task saves, and goes on when the queue gives it time again. TERM (scancel) goes
# to the task as well; this shell has to outlive it, for with the shell Slurm ends all.
again= woken=yes
trap 'again=yes woken=yes; kill -TERM "$child"' USR1
trap 'woken=yes' TERM
{shlex.join(command)} "$task" >>{shlex.quote(str(plan.folder / "logs"))}/"$task".log 2>&1 &
child=$!
while [ -n "$woken" ]; do
    woken=
    wait "$child"
    code=$?
done
if [ -n "$again" ] && [ "$code" -eq 130 ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit "$code"
"""


def _submit(arrays: Sequence[Array], home: Path) -> str:
    """The script that hands all arrays in, each after those of the stages it needs."""
    lines = [
        "#!/bin/bash",
        "# Hands in the job arrays beside it; each begins when those it needs have ended.",
        "set -eu",
    ]
    for array in arrays:
        needed = {need.partition(".")[0] for task in array.tasks for need in _before(task)}
        before = "".join(f":${{{_variable(other)}}}" for other in arrays if other.stage in needed)
        after = f' --dependency="afterany{before}"' if before else ""
        script = shlex.quote(str(home / f"{array.name}.sbatch"))
        lines += [
            f"{_variable(array)}=$(sbatch --parsable{after} {script})",
            f"{_variable(array)}=${{{_variable(array)}%%;*}}",
            f'echo "{array.name}: job ${_variable(array)}, {len(array.tasks)} tasks"',
        ]
    return "\n".join(lines) + "\n"


def _variable(array: Array) -> str:
    return array.name.replace("-", "_")
