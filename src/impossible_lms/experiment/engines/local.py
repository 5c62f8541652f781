"""The local engine: tasks in processes of this machine, each with its share of the GPUs or of the processor."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.experiment.engines.engine import Ended
from impossible_lms.experiment.engines.sharing import cores_here
from impossible_lms.experiment.tasks import Task
from impossible_lms.experiment.work import log_file
from impossible_lms.models.gpu import SHARE
from impossible_lms.training.devices import visible_gpus

THREADS = "OMP_NUM_THREADS"
# Other libraries' own, which follow the first where they are not set.
ALSO_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
GPUS = "CUDA_VISIBLE_DEVICES"
SECONDS_TO_END = 60.0  # for a process that was asked to


@dataclass
class _Worker:
    process: "subprocess.Popen[str]"
    task: str | None = None


class LocalEngine:
    """Processes that each do one task at a time; one that dies takes no other with it.

    Args:
        folder: the experiment's.
        workers: how many.
        devices: GPUs that each has to itself.
    """

    def __init__(self, folder: Path, workers: int, devices: int = 1) -> None:
        gpus = visible_gpus()
        self._folder = folder
        self._environments = [_environment(gpus, slot, workers, devices) for slot in range(workers)]
        self._workers: list[_Worker | None] = [None] * workers
        self._selector = selectors.DefaultSelector()

    def has_room(self) -> bool:
        return any(worker is None or worker.task is None for worker in self._workers)

    def submit(self, task: Task) -> None:
        slot = next(slot for slot, worker in enumerate(self._workers) if worker is None or worker.task is None)
        worker = self._workers[slot]
        if worker is None:
            worker = self._workers[slot] = self._started(slot)
        worker.task = task.name
        assert worker.process.stdin is not None  # noqa: S101 - a pipe, as asked for
        worker.process.stdin.write(f"{task.name}\n")
        worker.process.stdin.flush()

    def wait(self, seconds: float) -> Sequence[Ended]:
        found = []
        for key, _ in self._selector.select(seconds):
            slot: int = key.data
            worker = self._workers[slot]
            assert worker is not None and worker.process.stdout is not None  # noqa: S101 - else it is not selected
            line = worker.process.stdout.readline()
            if line:
                found.append(Ended(**json.loads(line)))
                worker.task = None
                continue
            code = worker.process.wait()
            self._forget(slot)
            if worker.task is not None:
                found.append(Ended(worker.task, self._said(worker.task, code), is_interrupted=code == -signal.SIGTERM))
        return found

    def stop(self) -> None:
        for worker in self._workers:
            if worker is not None and worker.process.stdin is not None:
                worker.process.stdin.close()

    def close(self) -> None:
        self.stop()
        for slot, worker in enumerate(self._workers):
            if worker is None:
                continue
            try:
                worker.process.wait(0 if worker.task else SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                os.killpg(worker.process.pid, signal.SIGKILL)
                worker.process.wait()
            self._forget(slot)
        self._selector.close()

    def _forget(self, slot: int) -> None:
        """Close the pipes of a process that has ended."""
        worker = self._workers[slot]
        assert worker is not None and worker.process.stdin is not None and worker.process.stdout is not None  # noqa: S101
        self._selector.unregister(worker.process.stdout)
        worker.process.stdin.close()
        worker.process.stdout.close()
        self._workers[slot] = None

    def _started(self, slot: int) -> _Worker:
        """A new process in a session of its own: Ctrl-C is for the engine, which passes it on once."""
        process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", "impossible_lms.experiment.engines.worker", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environments[slot],
            start_new_session=True,
            text=True,
        )
        assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
        self._selector.register(process.stdout, selectors.EVENT_READ, slot)
        return _Worker(process)

    def _said(self, task: str, code: int) -> str:
        how = f"signal {-code}" if code < 0 else f"code {code}"
        why = "; out of memory, perhaps" if code == -signal.SIGKILL else ""
        return f"its process died ({how}{why}). {log_file(self._folder, task)} may say more."


def _environment(gpus: Sequence[str], slot: int, count: int, devices: int) -> dict[str, str]:
    """What a process sees: its GPUs, of which several may have the same, and its share of the processor, always.

    BLAS, OpenMP, numba and tokenizers each take all cores unless told; a user's own numbers stay.
    """
    environment = dict(os.environ)
    if gpus:
        mine = [gpus[(slot * devices + each) % len(gpus)] for each in range(devices)]
        environment[GPUS] = ",".join(mine)
        if count * devices > len(gpus):
            environment.setdefault(SHARE, f"{len(gpus) / (count * devices):.4f}")
    if count > 1:
        # Each starts as many processes as it has devices.
        threads = environment.setdefault(THREADS, str(max(1, cores_here() // (count * devices))))
        for name in ALSO_THREADS:
            environment.setdefault(name, threads)
    return environment
