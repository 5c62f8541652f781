"""The demonstration: an experiment on the built-in grammar, from its file to its report, in minutes on a laptop."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.experiment.board import Board
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.engines.local import LocalEngine
from impossible_lms.experiment.engines.sharing import workers_here
from impossible_lms.experiment.files import write_experiment
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.publication import PublishRun
from impossible_lms.experiment.reporting import REPORT, report_experiment
from impossible_lms.experiment.run import Outcome, run_experiment
from impossible_lms.models.run import Run
from impossible_lms.publishing.card import start_code
from impossible_lms.report.page import headline_of

# What `--quick` changes: fewer steps, and less of everything that is measured.
QUICK = (
    "name=quick",
    "recipe.steps=30",
    "recipe.checkpoint_every=10",
    "recipe.held_out_every=30",
    "evaluate.perplexity.sample=300",
    "evaluate.surprisal.checkpoints=30",
    "evaluate.interventions.checkpoints=30",
    "evaluate.probes.checkpoints=30",
    "evaluate.probes.sample=100",
    "evaluate.learnability.checkpoints=30",
    "evaluate.generation.checkpoints=30",
)
MOST_WORKERS = 4  # each holds a model and torch


def run_demo(
    output: Path, say: Callable[[str], None], changes: Sequence[str] = (), board: Board | None = None
) -> Outcome:
    """Run the shipped experiment `demo` in the folder `output`, with `changes`; what is done stays done.

    The file, the data, the runs, the models as a Hugging Face cache and the report all go there. Says where the report
    is, and loads one of the models in a process that does not know this package.
    """
    file, _ = write_experiment("demo", output / "demo.toml")
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    plan = Plan.of(load_experiment(file, changes), workers)
    outcome = run_experiment(
        plan, lambda folder: LocalEngine(folder, max(workers, workers_here(plan)[0])), board or Board()
    )
    words = [word for change in changes for word in ("--set", change)]
    command = shlex.join(["impossible", "run", str(file), *words])
    page = report_experiment(plan, command, output / REPORT)
    say(f"{headline_of(page)}report: {page}")
    published = [task for task in plan.tasks.values() if isinstance(task, PublishRun) and task.is_done()]
    if published:
        task = published[-1]
        run, cache = Run.open(task.folder), Path(str(task.publish.cache))
        model_id = f"{task.publish.namespace}/{task.named(run.name)}"
        say(f"models: {len(published)} in {cache}; {model_id} says: {_said_by(start_code(run, model_id), cache)}")
    return outcome


def _said_by(code: str, cache: Path) -> str:
    """What the model card's code prints in a fresh process that has only the cache and cannot import this package."""
    environment = os.environ | {
        "HF_HUB_CACHE": str(cache.resolve()),
        "HF_MODULES_CACHE": str(cache.resolve() / "modules"),
        "HF_HUB_OFFLINE": "1",
    }
    alone = f"import sys\nsys.modules['impossible_lms'] = None\n{code}\n"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", alone], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"{cache}: the published model does not load: {done.stderr.strip().rsplit(chr(10), 1)[-1]}")
    return done.stdout.strip()
