"""The stage that publishes to a hub on this machine: served by a process of its own, and then asked for all it has."""

import hashlib
import http.client
import io
import itertools
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

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
TROUBLES: tuple[int | str, ...] = (*STATUSES, DROPPED, UNANSWERED, DROPPED, UNANSWERED)


class Troubled(serving.HubApi):
    """The hub's API, with `trouble` at the requests `first` to `last`: a status, or an end of the connection.

    One that is dropped does nothing; one that is not answered was done, and the client does not hear of it.
    """

    trouble: ClassVar[int | str] = DROPPED
    first: ClassVar[int] = -1
    last: ClassVar[int] = -1
    numbers: ClassVar[Iterator[int]] = itertools.count()

    def answer(self) -> None:
        is_client = "User-Agent" in self.headers  # it is not who asks afterwards what there is
        if not is_client or not self.first <= next(self.numbers) <= self.last:
            return super().answer()
        if isinstance(self.trouble, int):
            raise Refused(self.trouble, "", "as the test wants it")
        if self.trouble == UNANSWERED:
            self.wfile = io.BytesIO()
            super().answer()
        dropped(self)
        return None


def published_on_hub() -> None:
    """Serve `hub`, publish `run` to it, and list in `served.json` all that it answers."""
    with _served(Path(HUB)) as port:
        _be_client(f"http://127.0.0.1:{port}")
        publish_to_hub(publication_of(Path("run")), "me")
        write_text(Path(SERVED), json.dumps(_all_of(port), indent=1))


@contextmanager
def _served(folder: Path) -> Iterator[int]:
    """A process that serves the hub in `folder` as long as this one lives and the block runs; gives its port."""
    (heard, told), (watched, held) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(held)
        _serve(folder, told, watched)
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


def _serve(folder: Path, told: int, watched: int) -> None:
    """Be that process."""
    answer: dict[str, Any] = {}
    try:
        serving.HubApi = Troubled  # type: ignore[misc]
        with serving.hub_server(folder, port=0) as server:
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


def _be_client(address: str) -> None:
    """Lead the Hub's client in this process to an address; nothing is waited for long."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    os.environ["HF_TOKEN"] = TOKEN
    constants.ENDPOINT, constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = address, False, True
    constants.HUGGINGFACE_CO_URL_TEMPLATE = address + "/{repo_id}/resolve/{revision}/{filename}"
    upload.PAUSES = (0.01, 0.02, 0.05)  # type: ignore[assignment]
    _http.time = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})


def _all_of(port: int) -> dict[str, Any]:
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
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        content = answer.read()
    except (http.client.HTTPException, OSError) as error:
        raise UserError(f"the hub is gone ({error}).") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise UserError(content.decode())
    return content
