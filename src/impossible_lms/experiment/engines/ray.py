"""The Ray engine: tasks on the nodes of a Ray cluster, each with its GPUs; begun again where a node dies."""

import os
import re
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.experiment.engines.engine import Ended
from impossible_lms.experiment.engines.local import THREADS
from impossible_lms.experiment.tasks import Task
from impossible_lms.experiment.work import RECORD, ended, log_file
from impossible_lms.files import write_text

DEATHS = 3  # of its node or process that a task survives; a fault of its own is not tried again
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_CONNECT = 10.0


@dataclass(frozen=True)
class Share:
    """What a task has of a cluster: GPUs, processors, and the threads of each of its processes.

    Threads are `OMP_NUM_THREADS` where that is set, so that results equal those of the local engine under it; else a
    GPU's part of its node's processors, or without GPUs all of the smallest node's.
    """

    threads: int
    processors: int
    gpus: int

    @classmethod
    def of(cls, nodes: Sequence[Mapping[str, float]], devices: int = 1) -> "Share":
        """The share on nodes of these resources; UserError where `devices` GPUs are on none of them."""
        with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
        if with_gpus and max(node["GPU"] for node in with_gpus) < devices:
            raise UserError(f"--devices {devices}: no node of the cluster has so many GPUs. Ask for fewer.")
        useful = [node for node in with_gpus if node["GPU"] >= devices] or nodes
        each = min(node.get("CPU", 1) / (node["GPU"] if with_gpus else devices) for node in useful)
        threads = int(os.environ.get(THREADS) or max(1, int(each)))
        most = max(node.get("CPU", 1) for node in useful)
        return cls(threads, min(threads * devices, max(1, int(most))), devices if with_gpus else 0)

    def fits(self, nodes: Sequence[Mapping[str, float]]) -> int:
        """How many tasks run on these nodes at a time."""
        return int(
            sum(
                min(node.get("CPU", 0) // self.processors, node.get("GPU", 0) // self.gpus if self.gpus else 1e9)
                for node in nodes
            )
        )


class RayEngine:
    """Tasks of Ray: one whose node or process dies is begun again elsewhere, and goes on from what it saved.

    All nodes must see the experiment's store under the same path (a disk that they share) and have this package, and
    corpora and language files, where this machine has them; a node that does not see the store says so.

    Args:
        folder: the experiment's.
        address: of the cluster, as Ray takes it; empty for `RAY_ADDRESS`, a cluster on this machine, or a new one.
        devices: GPUs that train one model together.
        memory: GiB that Ray keeps for each task; none where None.
    """

    def __init__(self, folder: Path, address: str = "", devices: int = 1, memory: float | None = None) -> None:
        self._ray = connect(address)
        self._folder, self._memory = folder.resolve(), memory
        self._share = Share.of(nodes_of(self._ray), devices)
        # A name of its own: what an earlier process asked for is none of this one's business.
        self._stop = self._folder / "status" / f".stop-{uuid.uuid4().hex}"
        self._names: dict[Any, str] = {}
        self._looked, self._room = 0.0, 0

    def has_room(self) -> bool:
        if time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self._looked, self._room = time.monotonic(), self._share.fits(nodes_of(self._ray))
        return len(self._names) <= self._room  # one waits, so that a cluster that grows by need sees the need

    def submit(self, task: Task) -> None:
        share = self._share
        function = self._ray.remote(perform).options(
            name=task.name,
            num_cpus=share.processors if task.uses_device else min(share.threads, share.processors),
            num_gpus=share.gpus if task.uses_device else 0,
            max_retries=DEATHS,
            retry_exceptions=False,
            **({} if self._memory is None else {"memory": int(self._memory * 2**30)}),
        )
        self._names[function.remote(str(self._folder), task.name, share.threads, str(self._stop))] = task.name

    def wait(self, seconds: float) -> Sequence[Ended]:
        if not self._names:
            return []
        ready, others = self._ray.wait(list(self._names), num_returns=1, timeout=seconds)
        if others:
            ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        return [self._ended(reference) for reference in ready]

    def stop(self) -> None:
        write_text(self._stop, "")

    def close(self) -> None:
        for reference in self._names:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()
        self._stop.unlink(missing_ok=True)

    def _ended(self, reference: Any) -> Ended:
        name = self._names.pop(reference)
        try:
            found: Ended = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            why = str(error).strip().partition("\n")[0]
            log = log_file(self._folder, name)
            return Ended(name, f"lost after {DEATHS + 1} attempts ({type(error).__name__}: {why}). {log} may say more.")
        return found


def connect(address: str) -> Any:
    """Ray, connected to a cluster if it is not already; UserError where there is none."""
    try:
        import ray
    except ImportError as error:
        raise UserError('--engine ray: Ray is not installed. pip install "impossible-lms[cluster]"') from error
    if ray.is_initialized():
        return ray
    # A cluster started here would report to Ray's makers, and nobody asked for that.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        if place := re.fullmatch(r"([\w.-]+):(\d+)", address):  # Ray itself would try for minutes
            socket.create_connection((place[1], int(place[2])), SECONDS_TO_CONNECT).close()
        ray.init(address=address or None, log_to_driver=False, logging_level="warning", include_dashboard=False)
    except (OSError, RuntimeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"--engine ray:{address}: no cluster can be reached there ({why}).") from error
    return ray


def nodes_of(ray: Any) -> list[Mapping[str, float]]:
    """The resources of each living node."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def perform(folder: str, name: str, threads: int, stop: str) -> Ended:
    """Do a task of the experiment in `folder`, in this process of whatever node; the file `stop` stops it."""
    home, asked = Path(folder), Path(stop)
    os.environ[THREADS] = str(threads)
    if not (home / RECORD).is_file():
        node = socket.gethostname()
        return Ended(name, f"node {node} does not see {home}. Put the store on a disk that all nodes share.")
    if asked.exists():
        return Ended(name, "not begun", is_interrupted=True)
    try:
        with _logged(log_file(home, name)), _stopped_by(asked):
            return ended(home, name)
    except KeyboardInterrupt:
        return Ended(name, "not begun", is_interrupted=True)


@contextmanager
def _logged(log: Path) -> Iterator[None]:
    """All that this process says goes to `log` while the block runs, after what is there."""
    log.parent.mkdir(parents=True, exist_ok=True)
    streams = (sys.stdout, sys.stderr)
    with log.open("a", encoding="utf-8") as file:
        before = [os.dup(number) for number in (1, 2)]
        try:
            for stream, number in zip(streams, (1, 2), strict=True):
                stream.flush()
                os.dup2(file.fileno(), number)
            yield
        finally:
            for stream, number, kept in zip(streams, (1, 2), before, strict=True):
                stream.flush()
                os.dup2(kept, number)
                os.close(kept)


@contextmanager
def _stopped_by(asked: Path) -> Iterator[None]:
    """SIGTERM to this process once the file `asked` is there: KeyboardInterrupt, or what training makes of it."""
    over = threading.Event()
    main = threading.main_thread().ident
    assert main is not None  # noqa: S101 - it runs

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            if asked.exists():
                signal.pthread_kill(main, signal.SIGTERM)
                return

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.signal(signal.SIGTERM, before)
