"""A hub that tests talk to: in this process for faults on the way, and its address for processes of their own."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from impossible_lms.models.run import Run
from impossible_lms.publishing.hub_blobs import Refused
from impossible_lms.publishing.hub_http import LoopbackServer
from impossible_lms.publishing.hub_server import HubApi
from impossible_lms.publishing.hub_store import Store

PATIENCE = 120  # seconds that an answer may take where all cores are busy
TOKEN = "hf_TESTTESTTESTTESTTEST"


class Troubled(HubApi):
    """The hub, with what the test does at some request: `trouble` is called with the number of each, from 0."""

    trouble: Callable[[int, "Troubled"], None] = staticmethod(lambda at, exchange: None)
    asked: list[str] = []  # noqa: RUF012 - one server at a time

    def answer(self):
        type(self).asked.append(f"{self.command} {self.path}")
        type(self).trouble(len(type(self).asked) - 1, self)
        super().answer()


def quiet():
    """No trouble from here on, and nothing asked yet."""
    Troubled.trouble, Troubled.asked = staticmethod(lambda at, exchange: None), []


def dropped(exchange):
    """The connection ends, in the middle of whatever it was."""
    exchange.close_connection = True
    exchange.connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionError


def answered(status):
    """An answer of this status."""

    def trouble(exchange):
        raise Refused(status, "", "as the test wants it")

    return trouble


@contextmanager
def served(folder: Path) -> Iterator[LoopbackServer]:
    """A hub in `folder`, served by this process without trouble."""
    folder.mkdir(parents=True, exist_ok=True)
    quiet()
    with LoopbackServer(Store(folder), Troubled, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path):
    """A hub of one's own."""
    with served(tmp_path / "served") as server:
        yield server


@pytest.fixture
def here(server, monkeypatch):
    """The Hub's client in this process, led to `server` and never patient for long; gives an HfApi."""
    return client(server, monkeypatch)


def client(server, monkeypatch):
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils import _http

    from impossible_lms.publishing import upload

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    files = server.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(upload, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(_http.time, "sleep", lambda _: None)
    return HfApi(endpoint=server.address)


def environment(address: str, home: Path, **more: str) -> dict[str, str]:
    """For a process that has nothing but the hub at `address`."""
    names = [name for name in os.environ if name.startswith(("HF_", "TRANSFORMERS_"))]
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"} | more


def said_by(code: str, address: str, home: Path, **more: str) -> str:
    """What Python code prints in a fresh process that has the hub at `address`."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment(address, home, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def run(run: Run) -> Run:
    """The same run, of which nothing has been measured, whatever other tests measure of it."""
    folder = run.folder.with_name(f"{run.folder.name}-to-publish")
    return Run.open(shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns("evaluation")))
