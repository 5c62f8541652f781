"""Locks name their holder, go with their process, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from impossible_lms.errors import UserError
from impossible_lms.files import write_text
from impossible_lms.locks import lock_beside, locked, remove_lock_of_the_dead, wait_for_lock, writing
from impossible_lms.unfinished import machine

HOLDS = (
    "import os, pathlib, sys, time\n"
    "from impossible_lms.locks import writing\n"
    "with writing(pathlib.Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(600)\n"
)


@pytest.fixture
def holder(tmp_path):
    """A process that is writing `tmp_path / "x"`."""
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path / "x")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_who_writes_is_named(tmp_path, holder):
    said = rf"x: is being written by process {holder.pid} on {machine()} since [0-9:]{{5}}\. Wait for it, or stop it\."
    with pytest.raises(UserError, match=said), writing(tmp_path / "x"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".x.lock"]
    lock_beside(tmp_path / "x").write_text("?")
    with pytest.raises(UserError, match="x: is being written by another process"), writing(tmp_path / "x"):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_nobodys(tmp_path, holder, number):
    holder.send_signal(number)
    holder.wait()
    assert lock_beside(tmp_path / "x").is_file()  # it is left, and says who had it
    with writing(tmp_path / "x"):
        write_text(tmp_path / "x", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_so_is_that_of_a_machine_that_is_gone(tmp_path):
    (tmp_path / ".lock").write_text("elsewhere 1 1700000000\n")
    with locked(tmp_path / ".lock", "in use"):
        assert (tmp_path / ".lock").read_text().startswith(f"{machine()} {os.getpid()} ")
    assert not list(tmp_path.iterdir())


def test_who_has_patience_waits(tmp_path, holder):
    threading.Timer(0.3, holder.kill).start()
    with writing(tmp_path / "x", patience=30):
        assert holder.wait(60) == -signal.SIGKILL
    assert wait_for_lock(lock_beside(tmp_path / "x"), 0)


def test_no_other_thread_writes_and_what_the_dead_left_can_be_removed(tmp_path, holder):
    lock = lock_beside(tmp_path / "x")
    with pytest.raises(UserError, match="y: in use"), locked(tmp_path / "y" / "a", "in use"):  # noqa: SIM117
        with locked(tmp_path / "y" / "a", "in use"):
            pass
    remove_lock_of_the_dead(lock)
    assert lock.is_file()  # whoever has it is alive
    holder.kill()
    holder.wait()
    remove_lock_of_the_dead(lock)
    assert not lock.exists()
    remove_lock_of_the_dead(lock)


def test_of_many_that_begin_and_end_at_once_one_holds_it_at_a_time(tmp_path):
    inside, most, done = [], [], []

    def work():
        for _ in range(30):
            with locked(tmp_path / "x", "in use", patience=60):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()
        done.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4 and set(most) == {1} and not list(tmp_path.iterdir())
