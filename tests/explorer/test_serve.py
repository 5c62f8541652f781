"""Serving the page: hosts and ports that cannot be had, and how it ends."""

import gc
import signal
import socket
import subprocess
import sys

import pytest

from impossible_lms import UserError
from impossible_lms.explorer import serve
from impossible_lms.explorer.serve import _free


def test_ctrl_c_ends_it_without_a_word():
    command = [sys.executable, "-m", "impossible_lms", "explore", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
        first, *rest = err.splitlines()
        assert (process.returncode, out, first) == (0, "", "explore: loading the page's libraries ...")
        assert rest in (["Ctrl-C ends it."], [])
    finally:
        process.kill()


@pytest.mark.parametrize("host", ["not.an.address.invalid", "203.0.113.7"])
def test_a_host_that_is_not_here_is_said(host):
    with pytest.raises(UserError, match=f"--host {host}: .* Name an address of this machine"):
        _free(host, None)


def test_a_port_that_is_taken_is_said_where_it_was_asked_for():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match=r"--port [0-9]+ at 127.0.0.1: .* Name another, or leave it out"):
            _free("127.0.0.1", taken.getsockname()[1])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Gradio leaves a socket that failed
def test_a_port_that_is_taken_meanwhile_is_left_to_others(sentences, monkeypatch):
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        found = iter(ports)
        monkeypatch.setattr(serve, "_free", lambda host, port: next(found))
        page, url = serve.launch(sentences)
        page.close(verbose=False)
        assert url.rstrip("/").endswith(f":{ports[1]}")
        monkeypatch.setattr(serve, "_free", lambda host, port: ports[0])
        with pytest.raises(UserError, match=r"--host 127.0.0.1: Cannot find empty port"):
            serve.launch(sentences)
        gc.collect()
