"""The hub on this machine against requests that are malformed, endless, slow or large: each is answered or cut."""

import contextlib
import hashlib
import json
import re
import shutil
import socket
import threading
from types import SimpleNamespace

import pytest

from impossible_lms.publishing import hub_http
from impossible_lms.publishing.hub_store import Store
from tests.memory import MB, said_by
from tests.publishing.conftest import PATIENCE, TOKEN, Troubled, served
from tests.publishing.test_hub_server import call, everything

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")
POST = f"POST /api/repos/create HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
NAMED = b'{"organization": "me", "name": "one"}'


def said(server, data):
    """The statuses of all answers to some bytes, after which nothing more is sent, and the end of the connection."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) as connection:
        answer = b""
        with contextlib.suppress(OSError):  # the rest is not read where all is lost
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(1 << 16):
                answer += more
    # To what is not taken for HTTP/1 a page without a head is the answer.
    found = re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answer) or re.findall(rb"Error code: ([0-9]{3})", answer)
    return [int(status) for status in found]


@pytest.fixture
def sound(server, capsys):
    """The server, which afterwards holds what it held, answers as it did, and had nothing to print."""
    before = everything(server.store.folder)
    yield server
    assert call(server, "GET", "/api/models")[0] == 200
    assert everything(server.store.folder) == before
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "length", ["-1", "+37", "3_7", "0x25", "1e3", "9" * 20, "9" * 5000, "", "３７", "37, 37", "37\r\nContent-Length: 0"]
)
def test_a_length_that_is_none(sound, length):
    request = f"{POST}Content-Length: {length}\r\n\r\n".encode() + NAMED
    assert said(sound, request + request) == [400]


@pytest.mark.parametrize(
    "ways",
    [
        "gzip, chunked",
        "identity",
        "xchunked",
        "chunked, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nContent-Length: 37",
        "gzip\r\nContent-Length: 0",
    ],
)
def test_a_body_whose_end_is_said_otherwise_is_not_taken_for_requests(sound, ways):
    hidden = b"GET /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert said(sound, f"{POST}Transfer-Encoding: {ways}\r\n\r\n".encode() + hidden) == [400]


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        *((line, 400) for line in (b"-1\r\n", b"0x5\r\n", b"g\r\n", b"\r\n", b"5", b"f" * 16 + b"\r\n")),
        (b"7" + b"f" * 13 + b"\r\nx", 413),
        (b"5\r\n01234XX", 400),
        (b"5\r\n012", 400),
        (b"25\r\n" + NAMED, 400),
        (b"1;" + b"x" * 5000 + b"\r\n{", 400),
        (b"0\r\n" + b"more: x\r\n" * 200, 400),
    ],
)
def test_chunks_that_are_none(sound, chunks, status):
    assert said(sound, f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks) == [status]


@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        (b"GET /" + b"x" * 70_000, [414]),
        (b"GET /api/models HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000, [431]),
        (b"GET /api/models HTTP/1.1\r\nHost: localhost\r\n" + b"X: x\r\n" * 200, [431]),
        (b"GET\r\n\r\n", [400]),
        (b"BREW /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n", [501]),
        (b"GET /api/models HTTP/9.9\r\n\r\n", [505]),
        (b"GET /api/models HTTP/x\r\n\r\n", [400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [400]),
        (b"\0" * 1000 + b"\r\n\r\n", [400]),
        (b"GET http://[x/api/models?a HTTP/1.1\r\nHost: localhost\r\n\r\n", [404]),
        (POST.encode() + b"Content-Length: 10\r\n\r\n01234", [400]),
        (POST.encode() + b"Content-Length: 100000000000000000\r\n\r\n", [413]),
        (b"", []),
    ],
)
def test_a_head_or_body_that_is_none(sound, head, statuses):
    assert said(sound, head)[: len(statuses)] == statuses


def test_paths_keys_and_fields_that_nobody_gave_out(sound):
    sha256 = "0" * 64
    assert call(sound, "POST", "/api/repos/create", json.loads(NAMED))[0] == 200
    for path in (
        "/%00",
        "/..%2f..%2fetc/passwd",
        "/api/models/%2e%2e/%2e%2e",
        "/api/models/me%2Fone%00/refs",
        "/%ff/%fe",
    ):
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD"):
            assert call(sound, method, path, b"{}")[0] in (400, 404), (method, path)
    for path in ("%00", "..%2F..%2Frepo.json", "a%2F..%2F..", "%2e%2e%2fhub.json", "%ff"):
        assert call(sound, "GET", f"/me/one/resolve/main/{path}")[0] == 404
        assert call(sound, "GET", f"/api/models/me/one/tree/main/{path}")[0] == 404
        assert call(sound, "GET", f"/api/models/me/one/commits/{path}")[0] == 404
        assert call(sound, "DELETE", f"/api/models/me/one/branch/{path}")[0] == 404
    for query in ("", "size=1&key=%C3%A9", f"size={'9' * 5000}&key=x", "size=%EF%BC%91&key=x", "size=-1&key=x"):
        assert call(sound, "PUT", f"/me/one.git/info/lfs/objects/{sha256}?{query}", b"x")[0] == 403
    headers: list[dict[str, object]] = [
        {"parentCommit": 5},
        {"parentCommit": ["a"]},
        {"summary": {}},
        {"description": 1.5},
    ]
    for header in headers:
        assert call(sound, "POST", "/api/models/me/one/commit/main", {"key": "header", "value": header})[0] == 400
    assert call(sound, "POST", f"/api/models/me/one/branch/{'a%2F' * 90}b", {})[0] == 400
    long = b'{"key": "header", "value": {"summary": "' + b"x" * (17 << 20) + b'"}}'
    assert call(sound, "POST", "/api/models/me/one/commit/main", long)[0] == 413
    assert call(sound, "DELETE", "/api/repos/delete", json.loads(NAMED))[0] == 200
    for path in (sound.store.folder / "blobs", sound.store.folder / "models"):
        shutil.rmtree(path)


def test_fifty_who_send_a_byte_now_and_then_keep_nobody_out_and_are_cut(here, server, monkeypatch):
    """A byte each fifth of a second is never silence for three, and yet no request."""
    monkeypatch.setattr(Troubled, "timeout", 3.0)
    here.create_repo("me/one")
    sha256 = hashlib.sha256(b"x" * 1000).hexdigest()
    link = f"/me/one.git/info/lfs/objects/{sha256}?size=1000&key={server.signature(sha256, 1000)}"
    begun = [
        b"GET /api/models HTTP/1.1\r\nX: ",
        b"GE",
        POST.encode() + b"Content-Length: 1000\r\n\r\n",
        f"PUT {link} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".encode(),
        POST.encode() + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n",
    ]
    slow = [socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) for _ in range(50)]
    for number, each in enumerate(slow):
        each.sendall(begun[number % len(begun)])
    over = threading.Event()

    def trickle():
        while not over.wait(0.2):
            for each in slow:
                with contextlib.suppress(OSError):
                    each.sendall(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        for number in range(5):
            content = bytes([number]) * 2_000_000
            here.upload_file(path_or_fileobj=content, path_in_repo="w.bin", repo_id="me/one")
            assert call(server, "GET", "/me/one/resolve/main/w.bin")[2] == content
        for each in slow:
            with contextlib.suppress(ConnectionError):  # a TimeoutError is none
                while each.recv(1000):
                    pass
    finally:
        over.set()
        thread.join()
        for each in slow:
            each.close()
    assert not list(server.store.folder.rglob("*.part-*"))


class Client:
    """A connection to one that sends some bytes so many seconds after the last, by a clock of its own."""

    def __init__(self, sends):
        self.sends, self.now, self.patience = list(sends), 0.0, None

    def settimeout(self, seconds):
        self.patience = seconds

    def recv_into(self, buffer):
        after, count = self.sends.pop(0)
        self.now += min(after, self.patience)
        if after > self.patience:
            raise TimeoutError
        return count


@pytest.mark.parametrize(
    ("sends", "cut"),
    [
        ([(50, 64), *[(30, 3000)] * 40], None),  # silence alone counts before the first, then 100 a second
        ([(50, 64), *[(59, 60)] * 40], 111.24),  # never silent for a minute, and yet too slow
        ([(50, 64), (59, 100_000), (61, 64)], 169),
        ([(61, 64)], 60),
    ],
)
def test_a_slow_client_that_sends_enough_is_waited_for(monkeypatch, sends, cut):
    client = Client(sends)
    monkeypatch.setattr(hub_http, "time", SimpleNamespace(monotonic=lambda: client.now))
    arriving = hub_http._Arriving(client, seconds=60, slowest=100)  # type: ignore[arg-type]
    with contextlib.nullcontext() if cut is None else pytest.raises(TimeoutError):
        for _ in sends:
            arriving.readinto(bytearray(1))
    assert client.now == pytest.approx(sum(after for after, _ in sends) if cut is None else cut)


def test_a_commit_never_stands_in_memory_as_a_whole(tmp_path):
    code = """
import base64, json, sys
from pathlib import Path
from impossible_lms.publishing.hub_blobs import Blobs
from impossible_lms.publishing.hub_commits import read_commit

def lines():
    yield b'{"key": "header", "value": {"summary": "many"}}\\n'
    for number in range(60):
        content = base64.b64encode(bytes([number]) * 1_000_000).decode()
        line = json.dumps({"key": "file", "value": {"path": f"{number}.txt", "content": content}}) + "\\n"
        yield from (line.encode()[start : start + 100_000] for start in range(0, len(line), 100_000))

folder = Path(sys.argv[1])
before = most()
header, steps = read_commit(lines(), Blobs(folder / "blobs"), folder)
files = {}
for step in steps:
    files = step(files)
assert header.summary == "many"
print(len(files), most() - before)
"""
    many, grown = said_by(code, tmp_path)
    assert many == 60 and grown < 32 * MB
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


def test_an_address_for_an_upload_holds_when_the_server_is_started_again(tmp_path):
    sha256 = hashlib.sha256(b"x").hexdigest()
    body = {"objects": [{"oid": sha256, "size": 1}]}
    with served(tmp_path / "hub") as server:
        call(server, "POST", "/api/repos/create", json.loads(NAMED))
        found = call(server, "POST", "/me/one.git/info/lfs/objects/batch", body)[2]["objects"][0]
        path = found["actions"]["upload"]["href"].removeprefix(server.address)
    with served(tmp_path / "hub") as server:
        assert call(server, "PUT", path, b"x")[0] == 200 and server.store.blobs.holds(sha256)
    with served(tmp_path / "another") as server:
        call(server, "POST", "/api/repos/create", json.loads(NAMED))
        assert call(server, "PUT", path, b"x")[0] == 403


def test_what_was_deleted_does_not_come_back_where_the_server_was_killed_amid(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.create("models", "me/one", private=False)
    store.branch(store.repository("models", "me/one"), "heads", "checkpoint-1", "main")
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda folder: None)
        store.delete("models", "me/one")
    assert Store(tmp_path).repositories("models") == []
    store.create("models", "me/one", private=False)
    repository = store.repository("models", "me/one")
    assert list(repository.refs("heads")) == ["main"] and len(list((repository.folder / "commits").iterdir())) == 1


def test_a_branch_is_deleted_when_no_commit_is_being_made(tmp_path):
    store = Store(tmp_path)
    store.create("models", "me/one", private=False)
    repository = store.repository("models", "me/one")
    store.branch(repository, "heads", "x", "main")
    thread = threading.Thread(target=store.drop, args=(repository, "heads", "x"))

    def changed(files):
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        return files | {"a.txt": store.blobs.small(b"a")}

    store.change(repository, "x", None, "a", "", changed)
    thread.join()
    assert list(repository.refs("heads")) == ["main"]


@pytest.mark.parametrize("size", [100, 20 << 20])
def test_a_refusal_arrives_whatever_is_still_sent(server, size):
    """What a server has not read when it closes a connection takes the answer with it, which it had sent before."""
    request = f"{POST}Content-Length: {size}\r\nExpect: \r\nTransfer-Encoding: gzip\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) as connection:
        connection.sendall(request + b"x" * size)
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(1000)
