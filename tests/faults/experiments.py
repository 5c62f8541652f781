"""The store of an experiment to damage: its tokenizer, data, runs and tables, and the records of its tasks."""

import io
import shutil
from pathlib import Path

from rich.console import Console

from impossible_lms.evaluation.tables import read_evaluation
from impossible_lms.experiment.board import Board
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.engines.engine import Ended
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.reporting import findings_of_experiment
from impossible_lms.experiment.run import run_experiment
from impossible_lms.experiment.tasks import Measure, Task, Train
from impossible_lms.experiment.work import ended
from impossible_lms.models.run import Run
from tests.faults.mutations import Mutation
from tests.faults.scene import Answer, Scene

FILE = """
corpus = "grammar:sentences=600,seed=0"
tokenizer = "train:vocab=400"
languages = ["no-reverse", "partial-reverse"]
models = ["gpt2-no-pos"]
size = "tiny"
seeds = [0]

[recipe]
base = "demo"
steps = 2
sequences_per_step = 2
context = 32
warmup_steps = 1
checkpoint_every = 2
precision = "fp32"

[[evaluate]]
metric = "perplexity"
sample = 8

[[evaluate]]
metric = "learnability"
sample = 8

"""


class Here:
    """An engine that does each task at once, in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.over = folder, list[Ended]()

    def has_room(self) -> bool:
        return not self.over

    def submit(self, task: Task) -> None:
        self.over.append(ended(self.folder, task.name))

    def wait(self, seconds: float) -> list[Ended]:
        over, self.over = self.over, []
        return over

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


def experiment_scene(root: Path) -> Scene:
    """An experiment that is done, with all that it made in `store`, where it published to as well."""
    (root / "small.toml").write_text(FILE, encoding="utf-8")
    scene = Scene(
        root,
        {"report": _reported, "run again": _run_again},
        {"store": ("report", "run again")},
        changing=("store",),
        spared=_is_a_task_not_done,
    )
    assert not _run_again(scene).faults
    shutil.copytree(scene.mine, scene.other, symlinks=True)
    return scene


def _is_a_task_not_done(mutation: Mutation) -> bool:
    """A check whose record is gone is one that is not done; the report says so of the task, which is no file."""
    return mutation.kind == "removed" and mutation.file.parent.name == "checks"


def _plan(scene: Scene) -> Plan:
    store = scene.mine / "store"
    changes = [f"store={store}", f"publish.to={store / 'published'}", "publish.namespace=me"]
    return Plan.of(load_experiment(scene.root / "small.toml", changes))


def _run_again(scene: Scene) -> Answer:
    """What is there once the experiment ran again: weights, and what was measured of them."""
    plan = _plan(scene)
    outcome = run_experiment(plan, Here, Board(Console(file=io.StringIO(), width=200)))
    values = {}
    for name, task in plan.tasks.items():
        if name in outcome.failures:
            continue
        if isinstance(task, Train):
            values[name] = Run.open(task.folder).checkpoints()[-1].digests()["model.safetensors"]
        if isinstance(task, Measure):
            values[name] = read_evaluation(task.tables, Run.open(task.folder)).items().to_csv(index=False)
    return Answer(values, list(outcome.failures.values()))


def _reported(scene: Scene) -> Answer:
    """What a report would show."""
    findings = findings_of_experiment(_plan(scene), "again")
    values = {
        f"{each.folder.parent.parent.name}, {each.metric.name}": each.curve.to_csv() for each in findings.evaluations
    }
    if not findings.failures:
        values["contrasts"] = findings.contrasts.to_csv(index=False)
    return Answer(values, [f"{name}: {why}" for name, why in findings.failures])
