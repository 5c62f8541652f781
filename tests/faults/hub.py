"""The stage that publishes to a hub on this machine: served by a process of its own, and then asked for all it has."""

import contextlib
import hashlib
import http.client
import io
import itertools
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NoReturn

from impossible_lms.errors import UserError
from impossible_lms.files import write_text
from impossible_lms.publishing import hub_server as serving
from impossible_lms.publishing import upload
from impossible_lms.publishing.hub_blobs import Refused
from impossible_lms.publishing.repository import publication_of, publish_to_hub
from tests.publishing.conftest import TOKEN, dropped

HUB, SERVED = "hub", "served.json"
DROPPED, UNANSWERED = "dropped", "unanswered"
STATUSES = (400, 401, 403, 404, 408, 409, 412, 413, 429, 500, 502, 503, 507)
REQUESTS = 43  # that publishing makes
WHEN = BEFORE, AMID, DONE = ("before", "amid", "done with")
TROUBLES: tuple[int | str, ...] = (*STATUSES, DROPPED, UNANSWERED, DROPPED, UNANSWERED)


@dataclass(frozen=True)
class Death:
    """A server's own SIGKILL: at which `request` of its life, when about it, and how long until it is started again.

    `when` is `BEFORE` it does anything, some `after` seconds from its beginning (`AMID`), or once it is done and not
    yet answered (`DONE`).
    """

    request: int
    when: str
    after: float
    absence: float

    @classmethod
    def drawn(cls, draw: random.Random) -> "Death":
        return cls(draw.randrange(REQUESTS), draw.choice(WHEN), draw.uniform(0, 0.03), draw.uniform(0, 0.2))

    def __str__(self) -> str:
        return f"{self.when} request {self.request}"


class Troubled(serving.HubApi):
    """The hub's API, with `trouble` at the requests `first` to `last`: a status, or an end of the connection.

    One that is dropped does nothing; one that is not answered was done, and the client does not hear of it.
    Of its `deaths` each life of the server has one, but for the last.
    """

    trouble: ClassVar[int | str] = DROPPED
    first: ClassVar[int] = -1
    last: ClassVar[int] = -1
    numbers: ClassVar[Iterator[int]] = itertools.count()
    deaths: ClassVar[tuple[Death, ...]] = ()
    death: ClassVar[Death | None] = None
    pauses: ClassVar[tuple[float, ...]] = (0.01, 0.02, 0.05)  # of the client

    def answer(self) -> None:
        is_client = "User-Agent" in self.headers  # it is not who asks afterwards what there is
        number = next(self.numbers) if is_client else -1
        if self.death is not None and number == self.death.request:
            self._die(self.death)
        if not is_client or not self.first <= number <= self.last:
            return super().answer()
        if isinstance(self.trouble, int):
            raise Refused(self.trouble, "", "as the test wants it")
        if self.trouble == UNANSWERED:
            self._do_without_answer()
        dropped(self)
        return None

    def _die(self, death: Death) -> None:
        if death.when == BEFORE:
            _kill()
        if death.when == AMID:
            threading.Timer(death.after, _kill).start()
        if death.when == DONE:
            self._do_without_answer()
            _kill()

    def _do_without_answer(self) -> None:
        self.wfile = io.BytesIO()
        with contextlib.suppress(Refused, UserError, OSError):
            super().answer()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def published_on_hub() -> None:
    """Serve `hub`, publish `run` to it, and list in `served.json` all that it answers."""
    with served(Path(HUB)) as port:
        be_client(port)
        publish_to_hub(publication_of(Path("run")), "me")
        list_all(port, Path(SERVED))


def list_all(port: int, file: Path) -> None:
    """Keep in a file what the hub has."""
    write_text(file, json.dumps(all_of(port), indent=1))


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """A process that serves the hub in `folder` as long as this one lives and the block runs; gives its port."""
    (heard, told), (watched, held) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(held)
        _keep(folder, told, watched)
    os.close(told)
    try:
        with os.fdopen(heard) as answers:
            answer = json.loads(answers.read() or '{"fault": "the hub was killed"}')
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]), answer["file"])
        if "fault" in answer:
            raise UserError(answer["fault"])
        yield answer["port"]
    finally:
        os.close(held)
        os.waitpid(pid, 0)


def _keep(folder: Path, told: int, watched: int) -> NoReturn:
    """Be that process; where it is to die, one that starts it again."""
    if not Troubled.deaths:
        _serve(folder, 0, told, watched)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for death in (*Troubled.deaths, None):
        pid = os.fork()
        if pid == 0:
            Troubled.death = death
            _serve(folder, port, told, watched)
        if told >= 0:
            os.close(told)
            told = -1
        if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]) or death is None:
            break
        time.sleep(death.absence)
    os._exit(0)


def _serve(folder: Path, port: int, told: int, watched: int) -> NoReturn:
    """Serve; the port, or what is in the way, goes to `told`, if there is one."""
    answer: dict[str, Any] = {}
    try:
        serving.HubApi = Troubled  # type: ignore[misc]
        with serving.hub_server(folder, port=port) as server:
            if told >= 0:
                os.write(told, json.dumps({"port": server.server_port}).encode())
                os.close(told)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            os.read(watched, 1)  # until the other end is closed
            server.shutdown()
            told = -1
    except OSError as error:
        answer = {"errno": error.errno, "file": error.filename}
    except UserError as error:
        answer = {"fault": str(error)}
    finally:
        if told >= 0:
            os.write(told, json.dumps(answer).encode())
        os._exit(0)


def be_client(port: int) -> None:
    """Lead the Hub's client in this process to a port; nothing is waited for long."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    os.environ["HF_TOKEN"], address = TOKEN, f"http://127.0.0.1:{port}"
    constants.ENDPOINT, constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = address, False, True
    constants.HUGGINGFACE_CO_URL_TEMPLATE = address + "/{repo_id}/resolve/{revision}/{filename}"
    upload.PAUSES = Troubled.pauses  # type: ignore[assignment]
    _http.time = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})


def all_of(port: int) -> dict[str, Any]:
    """What each revision of each repository holds, as it is downloaded, and the titles of its commits."""
    found: dict[str, Any] = {}
    for repository in json.loads(_asked(port, "/api/models")):
        home = f"/api/models/{repository['id']}"
        for branch in json.loads(_asked(port, f"{home}/refs"))["branches"]:
            name = branch["name"]
            for row in json.loads(_asked(port, f"{home}/tree/{name}?recursive=true")):
                if row["type"] == "file":
                    content = _asked(port, f"/{repository['id']}/resolve/{name}/{row['path']}")
                    found[f"{repository['id']}@{name}/{row['path']}"] = hashlib.sha256(content).hexdigest()
            history = json.loads(_asked(port, f"{home}/commits/{name}"))
            found[f"history of {repository['id']}@{name}"] = [commit["title"] for commit in history]
    return found


def _asked(port: int, path: str) -> bytes:
    """What it answers; where it may be about to be started again, that is waited for."""
    for _ in Troubled.deaths * 10:
        with contextlib.suppress(http.client.HTTPException, OSError):
            return _asked_once(port, path)
        time.sleep(0.1)
    try:
        return _asked_once(port, path)
    except (http.client.HTTPException, OSError) as error:
        raise UserError(f"the hub is gone ({error}).") from error


def _asked_once(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise UserError(content.decode())
    return content
