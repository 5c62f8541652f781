"""Slurm: the job arrays say what they should, and a queue that runs them finishes the experiment."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import defaultdict

import pytest

from impossible_lms.errors import UserError
from impossible_lms.experiment.config import load_experiment
from impossible_lms.experiment.engines import slurm
from impossible_lms.experiment.engines.slurm import write_arrays
from impossible_lms.experiment.plan import Plan

EXPERIMENT = """
name = "trial"
corpus = "grammar:sentences=2000,seed=0"
tokenizer = "train:vocab=400"
languages = ["no-reverse", "partial-reverse"]
models = ["gpt2-no-pos"]
size = "tiny"
seeds = [1, 2]
recipe = { base = "demo", steps = 4, sequences_per_step = 4, context = 32, checkpoint_every = 4, warmup_steps = 2 }
[[evaluate]]
metric = "perplexity"
sample = 20
[publish]
to = "hub-cache"
namespace = "trial"
"""

# Takes what `sbatch` takes of submit.sh, runs the elements of the array one after the other as Slurm would, and prints
# a job's id. An array whose dependency is no job that was handed in before is refused.
SBATCH = r"""#!/bin/bash
set -eu
folder=$(dirname "$0")
echo "$@" >>"$folder/calls"
for word in "$@"; do
    case $word in
    --parsable) ;;
    --dependency=afterany:*) for id in $(tr : ' ' <<<"${word#*:}"); do [ -e "$folder/job-$id" ]; done ;;
    *.sbatch) script=$word ;;
    *) exit 9 ;;
    esac
done
id=$(($(find "$folder" -name 'job-*' | wc -l) + 71))
touch "$folder/job-$id"
last=$(sed -n 's/^#SBATCH --array=1-\([0-9]*\).*/\1/p' "$script")
for number in $(seq "$last"); do
    SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$number bash "$script" >&2 || true
done
echo "$id;cluster"
"""


@pytest.fixture
def path(tmp_path):
    """An experiment in a folder whose name a shell would take apart."""
    folder = tmp_path / "it's 100% mine"
    folder.mkdir()
    (folder / "trial.toml").write_text(EXPERIMENT, encoding="utf-8")
    return folder / "trial.toml"


@pytest.fixture
def plan(path):
    return Plan.of(load_experiment(path), chunks=2)


def directives(script):
    """The options of sbatch in a script, as Slurm reads them: until the first line that is none."""
    found = {}
    for line in script.read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith("#SBATCH "):
            break
        (word,) = shlex.split(line.removeprefix("#SBATCH "))
        key, _, value = word.removeprefix("--").partition("=")
        found[key] = value
    return found


def listed(script):
    """The tasks of the list that a script reads."""
    name = re.search(r"[a-z0-9-]+\.tasks", script.read_text(encoding="utf-8"))
    assert name
    return (script.parent / name[0]).read_text(encoding="utf-8").splitlines()


def test_arrays_of_what_is_missing(plan):
    arrays = write_arrays(plan, ["true"], at_once=3, memory=4)
    home = plan.folder / "slurm"
    assert [(array.name, len(array.tasks)) for array in arrays] == [
        ("tokenizer", 1),
        ("data", 2),
        ("check", 2),
        ("train", 4),
        ("evaluate", 4),
        ("publish", 2),
    ]
    assert sorted(name for array in arrays for name in listed(home / f"{array.name}.sbatch")) == sorted(plan.tasks)
    assert directives(home / "train.sbatch") == {
        "job-name": "trial.train",
        "array": "1-4%3",
        "output": str(home / "logs").replace("%", "%%") + "/train-%A_%a.log",
        "open-mode": "append",
        "requeue": "",
        "signal": "B:USR1@120",
        "gres": "gpu:1",
        "mem": "4096M",
    }
    assert "gres" not in directives(home / "data.sbatch") and "gres" in directives(home / "evaluate.sbatch")
    for script in (*home.glob("*.sbatch"), home / "submit.sh"):
        subprocess.run(["bash", "-n", script], check=True)
    lines = [line for line in (home / "submit.sh").read_text(encoding="utf-8").splitlines() if "sbatch --" in line]
    assert [re.search(r'--dependency="(.*?)"', line) and line.split('"')[1] for line in lines] == [
        None,
        "afterany:${tokenizer}",
        "afterany:${data}",
        "afterany:${data}:${check}",
        "afterany:${train}",
        "afterany:${train}:${evaluate}",
    ]


def test_what_is_done_is_left_out(plan):
    for name in ("tokenizer", "data.1-of-2"):
        plan.tasks[name].perform(_Quiet(), print)
    arrays = write_arrays(plan, ["true"])
    assert [task.name for task in arrays[0].tasks] == ["data.2-of-2"]
    assert "--dependency" not in (plan.folder / "slurm" / "submit.sh").read_text(encoding="utf-8").splitlines()[3]


class _Quiet:
    def start(self, what, total): ...
    def at(self, done, note=""): ...
    def end(self): ...


def test_a_stage_longer_than_an_array(plan, monkeypatch):
    monkeypatch.setattr(slurm, "LONGEST", 3)
    arrays = write_arrays(plan, ["true"])
    home = plan.folder / "slurm"
    assert [array.name for array in arrays][3:7] == ["train-1", "train-2", "evaluate-1", "evaluate-2"]
    assert [directives(home / f"train-{part}.sbatch")["array"] for part in (1, 2)] == ["1-3", "1-1"]
    assert '"afterany:${train_1}:${train_2}" ' in (home / "submit.sh").read_text(encoding="utf-8")


def test_arrays_handed_in_earlier_keep_their_lists(plan):
    write_arrays(plan, ["true"])
    before = {path: path.read_text(encoding="utf-8") for path in (plan.folder / "slurm").glob("*.tasks")}
    plan.tasks["tokenizer"].perform(_Quiet(), print)
    plan.tasks["data.1-of-2"].perform(_Quiet(), print)
    write_arrays(plan, ["true"])
    assert listed(plan.folder / "slurm" / "data.sbatch") == ["data.2-of-2"]
    assert len(before) == 6 and all(path.read_text(encoding="utf-8") == text for path, text in before.items())


def test_options(plan):
    options = ["partition=gpu,time=08:00:00,mail-type=END,FAIL", "train.time=24:00:00", "gres=", "exclusive"]
    write_arrays(plan, ["true"], options)
    of = {stage: directives(plan.folder / "slurm" / f"{stage}.sbatch") for stage in ("data", "train")}
    assert (of["data"]["time"], of["train"]["time"]) == ("08:00:00", "24:00:00")
    assert of["train"]["mail-type"] == "END,FAIL" and of["data"]["partition"] == "gpu" and of["data"]["exclusive"] == ""
    assert "gres" not in of["train"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("array=1-3", "--slurm array=1-3: the scripts set array themselves. Leave it out."),
        ("train.signal=INT", "--slurm train.signal=INT: the scripts set signal themselves. Leave it out."),
        ("Partition gpu", "--slurm Partition gpu: expected KEY=VALUE, as in --slurm partition=gpu."),
        (
            "training.time=1",
            "--slurm training.time: the experiment has no such stage. "
            "It has tokenizer, data, check, train, evaluate, publish.",
        ),
    ],
)
def test_options_that_are_none(plan, option, said):
    with pytest.raises(UserError) as error:
        write_arrays(plan, ["true"], [option])
    assert str(error.value) == said
    assert not (plan.folder / "slurm").exists()


def element(plan, tmp_path, command, **variables):
    """Write the arrays with a command of ours, and start the script of the first element of `data`."""
    write_arrays(plan, command)
    (tmp_path / "scontrol").write_text(f'#!/bin/bash\necho "$@" >{tmp_path}/requeued\n')
    (tmp_path / "scontrol").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"} | variables
    environment |= {"SLURM_ARRAY_JOB_ID": "71", "SLURM_ARRAY_TASK_ID": "2"}
    script = plan.folder / "slurm" / "data.sbatch"
    return subprocess.Popen(["bash", script], env=environment, start_new_session=True)


SAVES = """
import signal, sys, time
def stop(*_):
    time.sleep(0.5)
    print("saved", flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, stop)
print("began", sys.argv[1], flush=True)
while True: time.sleep(0.1)
"""


def log_of(plan, condition):
    path = plan.folder / "logs" / "data.2-of-2.log"
    end = time.monotonic() + 120
    while not (path.is_file() and condition in path.read_text(encoding="utf-8")):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_near_the_time_limit_a_task_saves_and_is_queued_again(plan, tmp_path):
    running = element(plan, tmp_path, [sys.executable, "-c", SAVES])
    log_of(plan, "began data.2-of-2")
    running.send_signal(signal.SIGUSR1)  # to the shell alone, as B: has it
    assert running.wait(120) == 130
    log_of(plan, "saved")
    assert (tmp_path / "requeued").read_text() == "requeue 71_2\n"


def test_a_cancelled_task_saves_and_is_not_queued_again(plan, tmp_path):
    running = element(plan, tmp_path, [sys.executable, "-c", SAVES])
    log_of(plan, "began")
    os.killpg(running.pid, signal.SIGTERM)  # to all processes, as scancel has it
    assert running.wait(120) == 130
    log_of(plan, "saved")
    assert not (tmp_path / "requeued").exists()


def test_a_failed_task_is_not_queued_again(plan, tmp_path):
    assert element(plan, tmp_path, ["bash", "-c", "exit 1"]).wait(120) == 1
    assert not (tmp_path / "requeued").exists()


@pytest.mark.parametrize(("variables", "threads"), [({}, "1"), ({"SLURM_CPUS_PER_TASK": "6"}, "6")])
def test_threads_are_the_processors_asked_for(plan, tmp_path, variables, threads, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert element(plan, tmp_path, ["bash", "-c", "echo $OMP_NUM_THREADS threads"], **variables).wait(120) == 0
    log_of(plan, f"{threads} threads")


@pytest.mark.slow
def test_a_queue_that_runs_them_finishes_the_experiment(path, plan, tmp_path, impossible):
    words = ("run", path, "--engine", "slurm:2", "--set", "seeds=[1]", "--slurm", "partition=short")
    code, out, said = impossible(*words)
    assert code == 0, said
    first, command = out.splitlines()
    assert first.endswith("job arrays of 1 tokenizer, 2 data, 2 train, 2 evaluate, 2 publish. Hand them in:")
    (tmp_path / "sbatch").write_text(SBATCH)
    (tmp_path / "sbatch").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(shlex.split(command), env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[:2] == ["tokenizer: job 71, 1 tasks", "data: job 72, 2 tasks"]
    assert "--dependency=afterany:73:74" in (tmp_path / "calls").read_text()
    logs = defaultdict(str, {log.stem: log.read_text() for log in (plan.folder / "logs").glob("*.log")})
    assert impossible(*words)[1].startswith(f"{plan.folder}: all 9 tasks are done."), logs


def test_one_task_by_hand(path, plan, impossible):
    code, _, said = impossible("run", path, "--engine", "local:2", "--only", "data.1-of-2")
    assert code == 1 and said == "failed: needs tokenizer, which is not done.\n"
    assert impossible("run", path, "--engine", "local:2", "--only", "tokenizer")[0] == 0
    assert plan.tasks["tokenizer"].is_done()
    code, _, said = impossible("run", path, "--only", "data.2-of-2")
    assert code == 2 and said == "error: --only data.2-of-2: trial has no such task. Did you mean data.1-of-1?\n"
    record = plan.folder / "experiment.json"
    before = record.read_text(encoding="utf-8")
    assert '"chunks": 2' in before and impossible("run", path, "--only", "data.1-of-1")[0] == 0
    assert record.read_text(encoding="utf-8") == before  # processes that go by it may be at work
    impossible("run", path, "--set", "seeds=[5]", "--only", "tokenizer")
    assert record.read_text(encoding="utf-8") != before


def test_only_and_slurm_have_their_engines(path, impossible):
    code, _, said = impossible("run", path, "--slurm", "partition=gpu")
    assert code == 2 and said == "error: --slurm: needs --engine slurm.\n"
    code, _, said = impossible("run", path, "--only", "tokenizer", "--engine", "ray")
    assert code == 2 and said.startswith("error: --only: does a task in this process")
