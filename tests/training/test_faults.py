"""What goes wrong while training loses nothing: kills, signals, damage, full disks, losses that are no numbers."""

import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from impossible_lms.errors import Interrupted, UserError
from impossible_lms.models.checkpoints import list_checkpoints
from impossible_lms.training import loop, state
from impossible_lms.training.fast.network import Network
from impossible_lms.training.state import KEPT
from impossible_lms.training.train import Options, train
from tests.at_step import AtStep
from tests.sealing import resealed

TIMES = {"tokens_per_second", "model_flops_utilisation", "check"}  # and the hash of a line with them
CODE = (
    "import sys\n"
    "from impossible_lms.cli import main\n"
    "sys.argv = ['impossible', 'train', '--size', 'tiny', *sys.argv[1:]]\n"
    "main()\n"
)


def interrupt():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def long(recipe):
    """A run of some seconds that saves at nearly every step."""
    return recipe.model_copy(update={"steps": 60, "checkpoint_every": 3})


@pytest.fixture
def written(tmp_path):
    """A function that writes a recipe to a file and gives its path."""

    def write(recipe):
        path = tmp_path / "recipe.toml"
        values = {key: value for key, value in recipe.model_dump().items() if value is not None}
        path.write_text("".join(f"{key} = {value!r}\n" for key, value in values.items()))
        return str(path)

    return write


def started(data, output, recipe_file, *flags, limit=None):
    command = [
        sys.executable,
        "-c",
        CODE,
        "--data",
        str(data),
        "--output",
        str(output),
        "--recipe",
        recipe_file,
        *flags,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=limit
    )


def everything(folder):
    """All that a run's result is: checkpoints and newest state bit for bit, and metrics but for times."""
    files = {
        f"{path.parent.name}/{path.name}": load_file(path)
        for place in ("checkpoints", "state")
        for path in sorted((folder / place).glob("*-[0-9]*/*.safetensors"))
        if not path.parent.name.startswith("damaged")
    }
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().split("\n") if line]
    return files, [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def assert_same(first, second):
    (files, lines), (others, other_lines) = everything(first), everything(second)
    assert files.keys() == others.keys() and lines == other_lines
    for name, tensors in files.items():
        assert tensors.keys() == others[name].keys()
        assert all(torch.equal(tensors[key], others[name][key]) for key in tensors), name


def killed_at_random(data, output, recipe_file, kills, generator):
    """Run until finished, killed `kills` times at a random instant of the training; how often it was."""
    done = 0
    while True:
        process = started(data, output, recipe_file)
        metrics = output / "metrics.jsonl"
        before = metrics.stat().st_mtime_ns if metrics.exists() else 0
        if done < kills:
            while process.poll() is None and (not metrics.exists() or metrics.stat().st_mtime_ns == before):
                time.sleep(0.002)
            time.sleep(generator.uniform(0, 0.5))
            process.kill()
        _, said = process.communicate()
        if process.returncode == 0:
            return done
        assert process.returncode == -signal.SIGKILL, said
        done += 1


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_random_instants_it_ends_with_the_same_bits(dataset, long, written, tmp_path, kills):
    recipe_file = written(long)
    whole = started(dataset.folder, tmp_path / "whole", recipe_file)
    _, said = whole.communicate()
    assert whole.returncode == 0, said
    generator, seen, round_ = random.Random(kills), 0, 0
    while seen < kills:
        output = tmp_path / f"cut-{round_}"
        round_ += 1
        seen += killed_at_random(dataset.folder, output, recipe_file, min(5, kills - seen), generator)
        assert_same(output, tmp_path / "whole")
        shutil.rmtree(output)


@pytest.mark.parametrize("lost", ["moments", "keys", "order"])
def test_what_a_state_needs_is_needed(run, dataset, recipe, tmp_path, lost, monkeypatch):
    """Without the optimizer's moments, or with other masks or another order after resuming, the bits do differ."""
    with pytest.raises(Interrupted):
        train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", progress=AtStep(5, interrupt))
    if lost == "moments":
        restore = Network.restore
        monkeypatch.setattr(
            Network,
            "restore",
            lambda self, saved, step: restore(
                self, saved | {"exp_avg": {k: v * 0 for k, v in saved["exp_avg"].items()}}, step
            ),
        )
    else:
        name = {"keys": "dropout_keys", "order": "blocks_of_step"}[lost]
        whole = getattr(loop, name)
        monkeypatch.setattr(loop, name, lambda seed, step, *rest: whole(seed, step - 5, *rest))
    train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny")
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "cut", run.folder)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(run, dataset, recipe, tmp_path, stop):
    for step in (3, 8):
        with pytest.raises(Interrupted, match=f"stopped after step {step}[.] The same command continues"):
            progress = AtStep(step, lambda: signal.raise_signal(stop))
            train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", progress=progress)
    train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny")
    assert_same_result(tmp_path / "cut", run.folder)


def assert_same_result(first, second):
    """As `assert_same`, where the states before the newest may be of other steps."""
    for folder in (first, second):
        assert len(list((folder / "state").glob("step-*"))) == KEPT
    (files, lines), (others, other_lines) = everything(first), everything(second)
    assert lines == other_lines
    for name in files.keys() & others.keys():
        assert all(torch.equal(files[name][key], others[name][key]) for key in files[name]), name
    assert {name for name in files if name.startswith("checkpoint")} <= files.keys() & others.keys()


def test_a_second_signal_does_not_wait(dataset, recipe, tmp_path):
    def twice():
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", progress=AtStep(5, twice))
    run = train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny")
    assert [checkpoint.step for checkpoint in run.checkpoints()] == [4, 8, 12]


def test_a_terminated_command_saves_and_says_so(dataset, long, written, tmp_path):
    process = started(dataset.folder, tmp_path / "run", written(long.model_copy(update={"steps": 2000})))
    while not (tmp_path / "run" / "metrics.jsonl").exists() or not (tmp_path / "run" / "metrics.jsonl").stat().st_size:
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "The same command continues." in said and "Traceback" not in said
    step = int(said.split("stopped after step ")[1].split(".")[0])
    assert (tmp_path / "run" / "state" / f"step-{step}" / "manifest.json").is_file()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "no manifest", "renamed"])
def test_a_damaged_state_is_named_and_the_one_before_taken(run, dataset, recipe, tmp_path, damage):
    with pytest.raises(Interrupted):
        train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", progress=AtStep(9, interrupt))
    newest = tmp_path / "cut" / "state" / "step-9"
    weights = newest / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    if damage == "truncated":
        weights.write_bytes(content[:-10])
    elif damage == "flipped":
        content[-9] ^= 1
        weights.write_bytes(content)
    elif damage == "foreign":
        resealed(newest / "manifest.json", lambda manifest: manifest["record"].update(request="0" * 64))
    elif damage == "no manifest":
        (newest / "manifest.json").unlink()
    else:
        newest.rename(newest.with_name("step-11"))
    said: list[str] = []
    train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", say=said.append)
    assert any(line.startswith("skipped, looking for the state before it: ") for line in said)
    assert len(list((tmp_path / "cut" / "state").glob("damaged-step-*"))) == 1
    assert any(line.startswith("going on after step 8") for line in said)
    assert_same_result(tmp_path / "cut", run.folder)


def test_where_no_state_is_whole_nothing_begins_again(dataset, recipe, tmp_path):
    with pytest.raises(Interrupted):
        train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", progress=AtStep(3, interrupt))
    path = tmp_path / "cut" / "state" / "step-3" / "exp_avg.safetensors"
    save_file({"other": torch.zeros(2)}, path)
    with pytest.raises(
        UserError, match=r"exp_avg\.safetensors: .* expected.*No other state is whole[.] To begin again"
    ):
        train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny")


def test_killed_between_the_last_state_and_the_end_it_says_what_it_would_have_said(run, dataset, recipe, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation"))
    (tmp_path / "run" / "finished.json").unlink()
    again = train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")
    assert run.finished is not None and again.finished is not None and again.finished["loss"] == run.finished["loss"]
    assert_same(run.folder, again.folder)
    (again.folder / "finished.json").unlink()
    (again.folder / "metrics.jsonl").unlink()
    with pytest.raises(UserError, match=r"metrics.jsonl: has no loss of step 12\. Remove .*state/step-12: the steps"):
        train(dataset.folder, again.folder, recipe=recipe, size="tiny")
    shutil.rmtree(again.folder / "state" / "step-12")
    again = train(dataset.folder, again.folder, recipe=recipe, size="tiny")
    assert again.finished is not None and again.finished["loss"] == run.finished["loss"]


def test_a_changed_machine_is_said(dataset, recipe, tmp_path, monkeypatch):
    with pytest.raises(Interrupted):
        train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", progress=AtStep(3, interrupt))
    monkeypatch.setattr("impossible_lms.training.saving.versions", lambda *names: {"torch": "1.0"})
    said: list[str] = []
    train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny", say=said.append)
    assert any("not to the same bits" in line and "now 1.0" in line for line in said)


CHANGES = {
    "steps": 13,
    "sequences_per_step": 8,
    "learning_rate": 1e-3,
    "warmup_steps": 3,
    "beta1": 0.8,
    "beta2": 0.99,
    "epsilon": 1e-7,
    "weight_decay": 0.0,
    "gradient_clip": 2.0,
    "dropout": 0.2,
    "checkpoint_every": [4],
    "held_out_every": 7,
    "precision": "bf16",
}


def test_every_field_has_a_verdict(recipe):
    assert CHANGES.keys() | {"context"} == recipe.model_dump().keys()  # another context is another dataset


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_recipe_is_refused(run, dataset, recipe, field):
    changed = recipe.model_copy(update={field: CHANGES[field]})
    before = getattr(recipe, field)
    with pytest.raises(UserError, match=rf"recipe\.{field} was {before}, now "):
        train(dataset.folder, run.folder, recipe=changed, size="tiny")


def test_a_loss_that_is_no_number_stops_before_the_step(dataset, recipe, tmp_path, monkeypatch):
    from impossible_lms.training.order import blocks_of_step

    whole = Network.micro_batch
    taken = []

    def poisoned(self, ids, keys):
        losses = whole(self, ids, keys)
        taken.append(1)
        if len(taken) == 7:
            losses[2, 5] = float("nan")
        return losses

    monkeypatch.setattr(Network, "micro_batch", poisoned)
    at_fault = blocks_of_step(53, 6, 4, len(dataset))
    with pytest.raises(UserError) as error:
        train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")
    said = str(error.value)
    assert "step 7 has loss nan and gradient norm" in said and f"in blocks {at_fault[2]}; " in said
    assert "the step was not taken, and the last good checkpoint is" in said and "checkpoint-4. Lower the" in said
    assert json.loads((tmp_path / "run" / "diverged.json").read_text())["blocks"] == at_fault.tolist()
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 6
    monkeypatch.setattr(Network, "micro_batch", whole)
    train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")


def test_a_gradient_that_is_infinite_stops_too(dataset, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(Network, "gradient_norm", lambda self: torch.tensor(float("inf")))
    with pytest.raises(
        UserError, match=r"step 1 has loss .* and gradient norm inf, in blocks .*there is no checkpoint"
    ):
        train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")


def test_a_full_disk_is_said_and_the_last_checkpoint_is_whole(run, dataset, recipe, written, tmp_path):
    """A limit on the size of files stands in for the disk: it meets every writer the same way."""
    small = recipe.model_copy(update={"steps": 12})
    process = started(dataset.folder, tmp_path / "full", written(small), limit=lambda: limit_files(2 * 2**20))
    _, said = process.communicate()
    assert process.returncode == 5 and "Traceback" not in said
    assert "File too large; there is no checkpoint yet" in said.splitlines()[-1]
    assert train(dataset.folder, tmp_path / "full", recipe=small, size="tiny").finished


def limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_real_full_disk(dataset, recipe, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("needs the right to mount a small disk")
    try:
        with pytest.raises(Interrupted):
            train(dataset.folder, disk / "run", recipe=recipe, size="tiny", progress=AtStep(6, interrupt))
        rest = shutil.disk_usage(disk).free
        (disk / "others").write_bytes(bytes(rest - 2**20))
        with pytest.raises(
            UserError, match=r"[0-9.,]+ [kMG]B are needed and [0-9.,]+ [kMG]B are free[.] Make room, or pass --keep"
        ):
            train(dataset.folder, disk / "run", recipe=recipe, size="tiny")
        (disk / "others").unlink()

        def fill():
            (disk / "others").write_bytes(bytes(shutil.disk_usage(disk).free - 2**20))

        with pytest.raises(OSError, match=r"No space left on device; the last good checkpoint is .*checkpoint-4"):
            train(dataset.folder, disk / "run", recipe=recipe, size="tiny", progress=AtStep(7, fill))
        list_checkpoints(disk / "run" / "checkpoints")[-1].load()
        (disk / "others").unlink()
        assert train(dataset.folder, disk / "run", recipe=recipe, size="tiny").finished
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_checkpoints_that_stay_and_their_precision(dataset, recipe, tmp_path):
    options = Options(keep=2, dtype="bf16")
    said: list[str] = []
    run = train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny", options=options, say=said.append)
    assert [checkpoint.step for checkpoint in run.checkpoints()] == [8, 12]
    weights = run.checkpoints()[-1].folder / "model.safetensors"
    assert all(tensor.dtype == torch.bfloat16 for tensor in load_file(weights).values())
    assert next(run.checkpoints()[-1].load().parameters()).dtype == torch.float32
    size = sum(path.stat().st_size for path in run.checkpoints()[-1].folder.iterdir())
    told = float(said[0].split(" checkpoints of ")[1].split(" MB")[0]) * 1e6
    assert told - 5_000 <= size <= told + 21_384 and "of which 2 stay" in said[0]
    states = sum(path.stat().st_size for path in (run.folder / "state" / "step-12").iterdir())
    told = float(said[0].split("training states of ")[1].split(" MB")[0]) * 1e6
    assert told == pytest.approx(states, rel=0.05)


def test_stopped_between_the_last_state_and_the_removal_of_old_ones(run, dataset, recipe, tmp_path, monkeypatch):
    def fail(folder):
        if (folder / f"step-{recipe.steps}").is_dir():
            raise OSError(errno.EIO, "as the test wants it")

    with monkeypatch.context() as patched:
        patched.setattr(state, "_remove_old", fail)
        with pytest.raises(OSError, match="the last good checkpoint is"):
            train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny")
    states = tmp_path / "cut" / "state"
    assert len(list(states.iterdir())) > KEPT
    train(dataset.folder, tmp_path / "cut", recipe=recipe, size="tiny")
    assert sorted(path.name for path in states.iterdir()) == sorted(
        path.name for path in (run.folder / "state").iterdir()
    )
    assert_same_result(tmp_path / "cut", run.folder)


def test_a_fault_while_saving_is_raised(dataset, recipe, tmp_path, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("impossible_lms.training.saving.save_state", fail)
    with pytest.raises(ZeroDivisionError):
        train(dataset.folder, tmp_path / "run", recipe=recipe, size="tiny")
    assert state.KEPT == 2
