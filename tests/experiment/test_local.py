"""The local engine: processes that are killed, that die, and whose engine dies; what is saved is gone on with."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from impossible_lms.errors import Interrupted
from impossible_lms.experiment.engines import local, sharing
from impossible_lms.experiment.engines.local import LocalEngine, _environment
from impossible_lms.experiment.run import Outcome, run_experiment
from impossible_lms.experiment.tasks import Train
from impossible_lms.files import sha256_of
from impossible_lms.models.run import Run


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


def started(small, *words):
    """`impossible run` as a user starts it, in a session of its own."""
    command = [sys.executable, "-m", "impossible_lms", "run", str(small), *words]
    return subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def workers_of(small):
    found = subprocess.run(["pgrep", "-f", f"engines.worker {small.parent}"], capture_output=True, text=True)
    return found.stdout.split()


def final_weights(plan):
    trains = [task for task in plan.tasks.values() if isinstance(task, Train)]
    return {
        task.run: sha256_of(Run.open(task.folder).checkpoints()[-1].folder / "model.safetensors") for task in trains
    }


def test_killed_twice_and_asked_to_stop_it_ends_as_if_nothing_had_been(small, planned, board, here):
    """Killed with its processes, killed alone, asked by SIGTERM; then done: the same bits as without all that."""
    longer = ["--set", "recipe.steps=60", "--set", "recipe.checkpoint_every=20"]
    plan = planned("recipe.steps=60", "recipe.checkpoint_every=20")
    control, other = (task.folder for task in plan.tasks.values() if isinstance(task, Train))

    first = started(small, *longer)
    wait_for(lambda: (control / "metrics.jsonl").is_file())
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=120)
    wait_for(lambda: not workers_of(small))  # they notice, save, and end
    assert not (control / "finished.json").is_file()

    second = started(small, *longer)
    wait_for(lambda: (other / "metrics.jsonl").is_file())
    second.send_signal(signal.SIGTERM)
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 130 and "stopped with" in said and "The same command continues." in said
    assert "Traceback" not in said

    last = started(small, *longer)
    said, _ = last.communicate(timeout=300)
    assert last.returncode == 0, said
    assert re.search(r"train\.\S+: goes on after step [0-9]+\n", said), said
    assert "0 failed" in said and (plan.folder / "report.html").is_file()

    straight = planned("recipe.steps=60", "recipe.checkpoint_every=20", f"store={small.parent / 'straight'}")
    assert run_experiment(straight, lambda folder: LocalEngine(folder, 1), board) == Outcome(0, len(straight.tasks), {})
    assert final_weights(plan) == final_weights(straight)


def test_a_process_that_dies_fails_its_task_and_no_other(planned, board):
    plan = planned("recipe.steps=2000", "recipe.checkpoint_every=1000", "evaluate=[]")
    first, second = (task for task in plan.tasks.values() if isinstance(task, Train))
    killed: list[int] = []

    class Killing(LocalEngine):
        def wait(self, seconds):
            if (first.folder / "metrics.jsonl").is_file() and not killed:
                worker = next(each for each in self._workers if each is not None and each.task == first.name)
                killed.append(worker.process.pid)
                os.kill(worker.process.pid, signal.SIGKILL)
            if (second.folder / "metrics.jsonl").is_file():
                self.stop()  # long enough
            return super().wait(seconds)

    with pytest.raises(Interrupted):
        run_experiment(plan, lambda folder: Killing(folder, 1), board)
    said = board._console.file.getvalue()
    assert f"{first.name}: failed: its process died (signal 9; out of memory, perhaps)." in said
    assert f"{second.name}: begun" in said and Run.open(second.folder).record


@pytest.mark.parametrize(
    ("gpus", "count", "devices", "seen"),
    [
        (["0", "1"], 2, 1, ["0", "1"]),
        (["0", "1", "2", "3"], 2, 2, ["0,1", "2,3"]),
        (["3"], 2, 1, ["3", "3"]),
    ],
)
def test_each_process_has_its_gpus(gpus, count, devices, seen):
    environments = [_environment(gpus, slot, count, devices) for slot in range(count)]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in environments] == seen


@pytest.mark.parametrize("gpus", [[], ["0"], ["0", "1"]])
def test_processes_share_the_processor(monkeypatch, gpus):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(local, "cores_here", lambda: 6)
    shared = _environment(gpus, 0, 2, 1)
    assert {shared[name] for name in names} == {"3"}
    assert not set(names) & set(_environment(gpus, 0, 1, 1))
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.setenv("RAYON_NUM_THREADS", "2")
    shared = _environment(gpus, 0, 2, 1)
    assert [shared[name] for name in names] == ["5", "5", "5", "5", "2"]


def test_processes_of_the_same_gpu_share_its_memory(monkeypatch):
    monkeypatch.delenv("IMPOSSIBLE_LMS_GPU_SHARE", raising=False)
    assert _environment(["0"], 0, 4, 1)["IMPOSSIBLE_LMS_GPU_SHARE"] == "0.2500"
    assert "IMPOSSIBLE_LMS_GPU_SHARE" not in _environment(["0", "1"], 0, 2, 1)
    assert "IMPOSSIBLE_LMS_GPU_SHARE" not in _environment([], 0, 2, 1)


GIB = 2**30
LARGE = ("size=small", "recipe.context=1024", "recipe.precision=bf16")


@pytest.mark.parametrize(
    ("gpus", "memory", "cores", "devices", "changes", "each"),
    [
        (0, 0, 64, 1, (), 1),
        (1, 80 * GIB, 16, 1, (), 8),  # the most
        (1, 80 * GIB, 4, 1, (), 2),  # too few cores for more
        (2, 80 * GIB, 16, 1, (), 4),
        (1, 6 * GIB, 16, 1, (), 2),
        (1, 1 * GIB, 16, 1, (), 1),
        (4, 80 * GIB, 64, 2, (), 1),  # each trains on two
        (1, 80 * GIB, 64, 1, (*LARGE, "recipe.sequences_per_step=512"), 1),  # one fills it
        (1, 80 * GIB, 64, 1, (*LARGE, "recipe.sequences_per_step=16"), 5),
    ],
)
def test_runs_share_a_gpu_by_its_memory(planned, monkeypatch, gpus, memory, cores, devices, changes, each):
    plan = dataclasses.replace(planned("seeds=[0,1,2,3]", *changes), devices=devices)
    monkeypatch.setattr(sharing, "visible_gpus", lambda: [str(number) for number in range(gpus)])
    monkeypatch.setattr(sharing, "smallest_memory", lambda count: float(memory))
    monkeypatch.setattr(sharing, "cores_here", lambda: cores)
    count, why = sharing.workers_here(plan)
    assert count == each * max(1, gpus // devices)
    assert bool(why) == (gpus > 0 and devices == 1)
