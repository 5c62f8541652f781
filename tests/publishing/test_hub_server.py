"""The hub on this machine: huggingface_hub as it is finds what it needs, and what nobody may do is refused."""

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from impossible_lms.errors import UserError
from impossible_lms.publishing.hub_blobs import Blobs, Refused
from impossible_lms.publishing.hub_server import hub_server
from impossible_lms.publishing.hub_store import Store, checked_path
from impossible_lms.unfinished import machine
from tests.memory import MB, said_by
from tests.publishing.conftest import PATIENCE, TOKEN, environment

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


def call(server, method, path, body=None, headers=WITH_TOKEN):
    """Status, headers and JSON of one request, as the test wants it sent."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=PATIENCE)
    try:
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        connection.request(method, path, body=sent, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    kind = answer.headers.get("Content-Type", "")
    return answer.status, answer.headers, json.loads(text) if "json" in kind and text else text


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_repository_from_its_making_to_its_end(here, server, tmp_path):
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    weights = os.urandom(2_000_000)
    assert here.whoami()["name"] == "local"
    assert here.create_repo("me/one") == here.create_repo("me/one", exist_ok=True) == f"{server.address}/me/one"
    with pytest.raises(HfHubHTTPError, match=r"409"):
        here.create_repo("me/one")
    files = {"README.md": b"---\nlicense: mit\n---\n# One\n", "w.safetensors": weights, "sub/deep/empty.txt": b""}
    here.create_branch("me/one", branch="checkpoint-1")
    added = [CommitOperationAdd(path, content) for path, content in files.items()]
    commit = here.create_commit("me/one", added, commit_message="all", revision="checkpoint-1")
    refs = here.list_repo_refs("me/one")
    assert {ref.name: ref.target_commit for ref in refs.branches}["checkpoint-1"] == commit.oid
    tree = {row.path: row for row in here.list_repo_tree("me/one", recursive=True, revision="checkpoint-1")}
    assert set(tree) == {".gitattributes", *files, "sub", "sub/deep"}
    assert tree["w.safetensors"].lfs.sha256 == hashlib.sha256(weights).hexdigest() and tree["README.md"].lfs is None
    assert [row.path for row in here.list_repo_tree("me/one", "sub", revision="checkpoint-1")] == ["sub/deep"]
    info = here.get_paths_info("me/one", ["sub", "README.md", "none"], revision="checkpoint-1", expand=True)
    assert [(row.path, row.last_commit.title) for row in info] == [("sub", "all"), ("README.md", "all")]
    assert [sibling.rfilename for sibling in here.model_info("me/one").siblings] == [".gitattributes"]
    assert here.model_info("me/one", revision=commit.oid, files_metadata=True).siblings[-1].lfs.size == 2_000_000
    for path, content in files.items():
        local = here.hf_hub_download("me/one", path, revision="checkpoint-1", cache_dir=tmp_path)
        assert Path(local).read_bytes() == content
    here.create_tag("me/one", tag="v1", revision="checkpoint-1")
    assert here.file_exists("me/one", "README.md", revision="v1")
    assert not here.file_exists("me/one", "README.md")
    here.create_commit("me/one", [CommitOperationDelete("sub/")], commit_message="less", revision="checkpoint-1")
    titles = [commit.title for commit in here.list_repo_commits("me/one", revision="checkpoint-1")]
    assert titles == ["less", "all", "initial commit"]
    here.delete_tag("me/one", tag="v1")
    here.delete_branch("me/one", branch="checkpoint-1")
    assert [ref.name for ref in here.list_repo_refs("me/one").branches] == ["main"]
    assert [found.id for found in here.list_models(author="me")] == ["me/one"]
    here.delete_repo("me/one")
    with pytest.raises(RepositoryNotFoundError):
        here.model_info("me/one")


def test_a_branch_moves_only_from_where_it_is_thought_to_be(here):
    from huggingface_hub.errors import HfHubHTTPError

    here.create_repo("me/one")
    first = here.model_info("me/one").sha
    about = {"repo_id": "me/one", "path_in_repo": "a.txt"}
    here.upload_file(**about, path_or_fileobj=b"1", parent_commit=first)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        here.upload_file(**about, path_or_fileobj=b"2", parent_commit=first)
    same = here.model_info("me/one").sha
    here.upload_file(**about, path_or_fileobj=b"1")
    assert here.model_info("me/one").sha == same


def test_a_part_of_a_file(here, server):
    here.create_repo("me/one")
    here.upload_file(path_or_fileobj=bytes(range(256)), path_in_repo="a.bin", repo_id="me/one")
    path = "/me/one/resolve/main/a.bin"
    for asked, status, expected in (
        ("bytes=10-19", 206, bytes(range(10, 20))),
        ("bytes=250-", 206, bytes(range(250, 256))),
        ("bytes=-2", 206, b"\xfe\xff"),
        ("bytes=0-9999", 200, bytes(range(256))),
    ):
        found = call(server, "GET", path, headers={"Range": asked})
        assert (found[0], found[2]) == (status, expected)
    assert call(server, "GET", path, headers={"Range": "bytes=256-"})[0] == 416
    status, headers, body = call(server, "HEAD", path)
    assert (status, headers["Content-Length"], body) == (200, "256", b"") and headers["X-Linked-Size"] == "256"


def test_codes_that_clients_go_by(here, server):
    here.create_repo("me/one")
    for path, code in (
        ("/api/models/me/none", "RepoNotFound"),
        ("/gpt2/resolve/main/config.json", "RepoNotFound"),
        ("/api/models/me/one/revision/none", "RevisionNotFound"),
        ("/me/one/resolve/none/README.md", "RevisionNotFound"),
        ("/me/one/resolve/main/README.md", "EntryNotFound"),
    ):
        status, headers, _ = call(server, "GET", path)
        assert (status, headers["X-Error-Code"]) == (404, code)
    assert headers["X-Repo-Commit"] == here.model_info("me/one").sha


def test_metadata_that_is_no_yaml_is_refused_before_anything_is_sent(here):
    here.create_repo("me/one")
    with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
        here.upload_file(path_or_fileobj=b"---\na: [\n---\n", path_in_repo="README.md", repo_id="me/one")


def test_nothing_leads_out_of_the_folder(here, server, tmp_path):
    here.create_repo("me/one")
    before = everything(tmp_path)
    names = ["..", "../x", "/etc", "a/../../b", "a//b", ".git/config", "a\\..\\b", "a\0b", "", "./a", "a/", "x" * 2000]
    for name in names:
        with pytest.raises(Refused, match="not a path inside a repository"):
            checked_path(name)
        line = {"key": "file", "value": {"path": name, "content": "eA=="}}
        assert call(server, "POST", "/api/models/me/one/commit/main", line)[0] == 400
    assert call(server, "POST", "/api/models/me/one/preupload/main", {"files": [{"path": "../x", "size": 1}]})[0] == 400
    for repo in ("..%2F..", "me%2F..", ".hidden/x", "a--b/c", "x/y.git"):
        assert call(server, "GET", f"/api/models/{repo.replace('%2F', '/')}")[0] in (400, 404)
        assert call(server, "GET", f"/api/models/{repo}/x")[0] in (400, 404)
    for organization, name in (("..", "x"), ("me", ".."), ("me", "a/b"), ("", ".x"), ("me", "..%2Fx")):
        body = {"organization": organization, "name": name}
        assert call(server, "POST", "/api/repos/create", body)[0] == 400
    for branch in ("..%2Fx", "%2E%2E", "a%2F..%2F..%2Fb", "%2Fetc", "a%00", "0" * 40):
        assert call(server, "POST", f"/api/models/me/one/branch/{branch}", {})[0] == 400
    for path in ("..%2F..%2Fhub.json", "%2E%2E/%2E%2E/repo.json", "../../hub.json"):
        assert call(server, "GET", f"/me/one/resolve/main/{path}")[0] == 404
    assert call(server, "GET", "/me/one/resolve/..%2F..%2Fx/README.md")[0] == 404
    assert call(server, "GET", "/api/collections/../x")[0] == 400
    assert everything(tmp_path) == before
    assert here.create_branch("me/one", branch="feature/x") is None  # a name with a slash is one on the Hub, too
    assert "feature/x" in {ref.name for ref in here.list_repo_refs("me/one").branches}


def test_who_may_ask(here, server):
    here.create_repo("me/one")
    for host in ("evil.example", "evil.example:80", f"127.0.0.1.evil.example:{server.server_port}", ""):
        assert call(server, "GET", "/api/models/me/one", headers={"Host": host})[0] == 403
    assert call(server, "GET", "/api/models/me/one", headers={"Host": "localhost:1"})[0] == 200
    for method, path in (
        ("POST", "/api/repos/create"),
        ("DELETE", "/api/repos/delete"),
        ("POST", "/api/models/me/one/commit/main"),
        ("POST", "/api/models/me/one/branch/x"),
        ("POST", "/me/one.git/info/lfs/objects/batch"),
    ):
        assert call(server, method, path, {}, headers={})[0] == 401
    body = b"x"
    sha256 = hashlib.sha256(body).hexdigest()
    for key in ("", server.signature(sha256, 2), server.signature("0" * 64, 1)):
        assert call(server, "PUT", f"/me/one.git/info/lfs/objects/{sha256}?size=1&key={key}", body)[0] == 403
    headers = call(server, "GET", "/me/one/resolve/main/.gitattributes")[1]
    assert headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in headers["Content-Security-Policy"]


def test_bodies_are_bounded_and_checked(here, server):
    here.create_repo("me/one")
    big = {**WITH_TOKEN, "Content-Length": str(1 << 40)}
    status, headers, said = call(server, "POST", "/api/repos/create", b"", big)
    assert (status, headers["Connection"]) == (413, "close") and "at most 8388608 bytes" in said["error"]
    for body in (b"{", b"[]", b'"x"', b'{"name": 3}', b'{"name": NaN}', b"\xff", b'{"name": ' + b"[" * 9999):
        assert call(server, "POST", "/api/repos/create", body)[0] == 400
    commits = "/api/models/me/one/commit/main"
    unsent = {"key": "lfsFile", "value": {"path": "a.bin", "oid": "0" * 64}}
    assert call(server, "POST", commits, unsent)[2]["error"] == f"the large file {'0' * 64} was not uploaded."
    assert call(server, "POST", commits, {"key": "file", "value": {"path": "a", "content": "?"}})[0] == 400
    assert call(server, "POST", commits, {"key": "deletedFile", "value": {"path": "none"}})[0] == 400
    assert call(server, "POST", f"{commits}?create_pr=1", {})[0] == 501
    status, headers, _ = call(server, "GET", "/api/models/me/one/xet-write-token/main")
    assert status == 400 and "HF_HUB_DISABLE_XET=1" in headers["X-Error-Message"]


def test_a_large_file_that_is_cut_or_another_is_not_kept(here, server):
    here.create_repo("me/one")
    content = b"0123456789"
    sha256 = hashlib.sha256(content).hexdigest()
    batch = call(server, "POST", "/me/one.git/info/lfs/objects/batch", {"objects": [{"oid": sha256, "size": 10}]})[2]
    path = batch["objects"][0]["actions"]["upload"]["href"].removeprefix(server.address)
    before = everything(server.store.folder)
    status, _, said = call(server, "PUT", path, b"012345678X")
    assert status == 400 and f"{sha256} was announced" in said["error"]
    assert call(server, "PUT", path, content + b"more")[0] == 413
    with socket.create_connection(("127.0.0.1", server.server_port)) as cut:
        cut.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n01234".encode())
        cut.shutdown(socket.SHUT_WR)
        assert b" 400 " in cut.recv(1000)
    assert everything(server.store.folder) == before
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        body = content if not headers else b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"
        assert call(server, "PUT", path, body, headers)[0] == 200
    assert server.store.blobs.path(sha256).read_bytes() == content


def test_a_large_file_never_stands_in_memory(tmp_path):
    chunk = bytes(1 << 20)
    blobs = Blobs(tmp_path)
    content = hashlib.sha256()
    for _ in range(64):
        content.update(chunk)
    code = (
        "from pathlib import Path\nfrom impossible_lms.publishing.hub_blobs import Blobs\nbefore = most()\n"
        f"Blobs(Path({str(tmp_path)!r})).put({content.hexdigest()!r}, (bytes(1 << 20) for _ in range(64)))\n"
        "print(most() - before)"
    )
    (grown,) = said_by(code)
    assert grown < 16 * MB and blobs.holds(content.hexdigest())


def test_a_hub_whose_server_was_killed_before_it_was_one(tmp_path):
    (tmp_path / ".lock").write_text("machine 999999999 1\n")
    (tmp_path / f".hub.json.part-{machine()}-999999999-x").write_text("{")
    with hub_server(tmp_path, port=0):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "hub.json", "key.json"]


def test_a_folder_is_one_hub_and_served_once(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").touch()
    with pytest.raises(UserError, match=r"other: exists and is not a hub. Choose another folder."), hub_server(other):
        pass
    with hub_server(tmp_path / "hub", 0) as first:
        with pytest.raises(UserError, match="hub: is served by process"), hub_server(tmp_path / "hub", 0):
            pass
        with (
            pytest.raises(UserError, match=f"--port {first.server_port}: cannot be listened on"),
            hub_server(tmp_path / "second", first.server_port),
        ):
            pass
    left = tmp_path / "hub" / "blobs" / "ab" / ".x.part-1"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    Store(tmp_path / "hub")
    assert not left.exists()


def test_served_from_the_command_line_until_ctrl_c(tmp_path):
    command = [sys.executable, "-m", "impossible_lms", "hub", "serve", str(tmp_path / "hub"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        address = said.split("HF_ENDPOINT=")[1].split()[0]
        code = "from huggingface_hub import HfApi; print(HfApi().create_repo('me/x', repo_type='dataset'))"
        given = environment(address, tmp_path / "home", HF_TOKEN=TOKEN)
        assert (
            subprocess.check_output([sys.executable, "-c", code], env=given, text=True) == f"{address}/datasets/me/x\n"
        )
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0 and '"POST /api/repos/create HTTP/1.1" 200' in err and "Traceback" not in err
    assert TOKEN not in said + err


def test_a_file_is_no_folder_of_a_hub(tmp_path):
    """It was the disk's fault: File exists, exit code 5."""
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "hub"):
        with (
            pytest.raises(UserError, match=r"a file stands there or above it, so it can be no hub\. Choose another"),
            hub_server(folder, port=0),
        ):
            pass
