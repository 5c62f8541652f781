"""Ray: what a task has of a cluster, and experiments and builds whose results are the local engine's, to the bit."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import pytest

from impossible_lms.errors import UserError
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.engines.ray import Share, connect, perform
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.work import write_plan
from impossible_lms.files import sha256_of

LONGER = ("--set", "recipe.steps=600", "--set", "recipe.checkpoint_every=200")
ALONE = ("--set", 'languages=["no-reverse"]', "--set", 'evaluate=[{metric="perplexity", sample=40}]')


@pytest.fixture
def own_ray(monkeypatch):
    """Ray with its files in a folder of this test alone, and a token that is kept nowhere."""
    folder = tempfile.mkdtemp(prefix="ray-")  # pytest's own are too long for the sockets in it
    monkeypatch.setenv("RAY_TMPDIR", folder)
    monkeypatch.setenv("RAY_AUTH_TOKEN", uuid.uuid4().hex)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    yield folder
    shutil.rmtree(folder)
    assert not [line for line in _processes() if folder in line]


@pytest.fixture
def cluster(own_ray):
    """A cluster of two nodes on this machine, each with one processor."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


def _processes():
    return subprocess.check_output(["ps", "-eo", "args"], text=True).splitlines()


def _command(*words):
    return [sys.executable, "-m", "impossible_lms", *map(str, words)]


def _called(*words):
    done = subprocess.run(_command(*words), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _contents(store):
    """The sha256 of what two engines must agree about, by path; the tables as text, for Parquet's header has times."""
    kinds = ("data/**/*", "tokenizers/**/*", "runs/*/checkpoints/**/*", "runs/*/evaluation/*/*.csv")
    return {
        str(path.relative_to(store)): sha256_of(path) for kind in kinds for path in store.glob(kind) if path.is_file()
    }


def _until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _steps(store):
    return [len(path.read_text(encoding="utf-8").splitlines()) for path in store.glob("runs/*/metrics.jsonl")]


def test_a_build_in_parts_gives_the_same_files(tmp_path, own_ray):
    words = ["build", "--corpus", "grammar:sentences=300,seed=0", "--tokenizer", "train:vocab=300", "--context", 32]
    words += [f"--language={name}" for name in ("no-reverse", "partial-reverse", "token-hop")]
    for engine in ("local", "local:2", "ray"):
        _called(*words, "--engine", engine, "--output", tmp_path / engine.replace(":", ""))
    alone = {path.parent.name: path.read_bytes() for path in tmp_path.glob("local/*/manifest.json")}
    assert len(alone) == 3
    for other in ("local2", "ray"):
        assert {path.parent.name: path.read_bytes() for path in tmp_path.glob(f"{other}/*/manifest.json")} == alone


@pytest.mark.slow
def test_a_node_dies_and_all_is_as_with_the_local_engine(small, cluster, tmp_path):
    store = tmp_path / "store"
    words = _command("run", small, *LONGER, "--engine", f"ray:{cluster.address}")
    running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    _until(lambda: len(steps := _steps(store)) == 2 and min(steps) > 2)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    assert not list(store.glob("runs/*/finished.json"))
    assert running.stderr is not None
    assert running.wait() == 0, running.stderr.read()
    running.stderr.close()
    logs = [path.read_text(encoding="utf-8") for path in store.glob("experiments/small/logs/train.*")]
    assert sorted(log.count("to be written") for log in logs) == [1, 2]  # one of them was begun again

    _called("run", small, *LONGER, "--set", f"store={tmp_path / 'other'}")
    found = _contents(store)
    assert found == _contents(tmp_path / "other")
    assert sum("model.safetensors" in path for path in found) == 6 and any("items.csv" in path for path in found)


@pytest.mark.slow
def test_stopped_it_saves_and_goes_on(small, cluster, tmp_path):
    store = tmp_path / "store"
    steps = ("--set", "recipe.steps=400", "--set", "recipe.checkpoint_every=200")
    words = ("run", small, *ALONE, *steps, "--engine", f"ray:{cluster.address}")
    running = subprocess.Popen(_command(*words), stderr=subprocess.PIPE, text=True)
    _until(lambda: max(_steps(store), default=0) > 2)
    running.send_signal(signal.SIGINT)
    said = running.communicate()[1]
    assert running.returncode == 130 and "stopped with 2 of 5 tasks left. The same command continues." in said
    (done,) = _steps(store)
    assert done not in (200, 400) and list(store.glob(f"runs/*/state/step-{done}"))  # no state was due there
    assert not list(store.rglob(".stop-*"))
    assert "tasks: 3 done before, 2 now, 0 failed" in _called(*words)


@pytest.mark.slow
def test_processes_that_train_one_model_are_started_inside_a_task(small, cluster, tmp_path):
    words = ("run", small, *ALONE, "--devices", 2)
    cluster.add_node(num_cpus=2)
    _called(*words, "--engine", f"ray:{cluster.address}")
    _called(*words, "--set", f"store={tmp_path / 'other'}")
    assert _contents(tmp_path / "store") == _contents(tmp_path / "other")
    state = json.loads(next(tmp_path.glob("store/runs/*/state/step-6/manifest.json")).read_text(encoding="utf-8"))
    assert state["record"]["computed_with"]["processes"] == 2


@pytest.mark.parametrize(
    ("nodes", "devices", "threads", "share", "fits"),
    [
        ([{"CPU": 4}, {"CPU": 8}], 1, None, Share(4, 4, 0), 3),
        ([{"CPU": 4}, {"CPU": 8}], 2, None, Share(2, 4, 0), 3),
        ([{"CPU": 4}, {"CPU": 8}], 1, "1", Share(1, 1, 0), 12),
        ([{"CPU": 64, "GPU": 8}, {"CPU": 16}], 1, None, Share(8, 8, 1), 8),
        ([{"CPU": 64, "GPU": 8}, {"CPU": 16, "GPU": 1}], 4, None, Share(8, 32, 4), 2),
        ([{"CPU": 2, "GPU": 4}], 1, None, Share(1, 1, 1), 2),
        ([{"CPU": 4}], 1, "16", Share(16, 4, 0), 1),
    ],
)
def test_share(nodes, devices, threads, share, fits, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    if threads:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert Share.of(nodes, devices) == share
    assert share.fits(nodes) == fits


def test_more_gpus_than_a_node_has():
    with pytest.raises(UserError, match="--devices 4: no node of the cluster has so many GPUs"):
        Share.of([{"CPU": 8, "GPU": 2}, {"CPU": 8, "GPU": 2}], 4)


def test_a_node_that_does_not_see_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # perform sets it, and this puts it back
    ended = perform(str(tmp_path / "nowhere"), "tokenizer", 1, str(tmp_path / "stop"))
    assert ended.fault is not None and "Put the store on a disk that all nodes share." in ended.fault


def test_a_task_that_begins_after_the_stop(small, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    plan = Plan.of(load_experiment(small))
    write_plan(plan)
    (tmp_path / "stop").touch()
    ended = perform(str(plan.folder), "tokenizer", 1, str(tmp_path / "stop"))
    assert ended.is_interrupted and not plan.tasks["tokenizer"].is_done()


def test_no_cluster_at_the_address():
    with pytest.raises(UserError, match=r"--engine ray:127\.0\.0\.1:9: no cluster can be reached there"):
        connect("127.0.0.1:9")


def test_without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r'pip install "impossible-lms\[cluster\]"'):
        connect("")


def test_memory_is_nothing_to_the_local_engine(impossible, small):
    code, _, said = impossible("run", small, "--memory", 4)
    assert code == 2 and said == "error: --memory: the local engine does not use it. Leave it out.\n"


@pytest.mark.parametrize("spec", ["cloud", "local:", "local:0", "local:x", "ray:", "slurm:-1"])
def test_an_engine_that_is_none(spec, impossible, small):
    code, _, said = impossible("run", small, "--engine", spec)
    known = "Known: local, local:N, ray, ray:ADDRESS, slurm, slurm:N."
    assert code == 2 and said == f"error: --engine {spec}: unknown. {known}\n"


def test_a_build_has_no_job_arrays(impossible, tmp_path):
    words = ("--corpus", "grammar:sentences=300,seed=0", "--language=no-reverse", "--engine=slurm")
    code, _, said = impossible("build", *words, "--output", tmp_path / "data")
    assert code == 2 and said == "error: --engine slurm: unknown. Known: local, local:N, ray, ray:ADDRESS.\n"
    assert not (tmp_path / "data").exists()
