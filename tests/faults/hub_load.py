"""Load for a hub on this machine: many revisions of a large model by the client as it is, and many clients at once."""

import hashlib
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.memory import peak_so_far
from tests.publishing.conftest import TOKEN, environment

ROOT = Path(__file__).parents[2]
REPO = "me/many"
WEIGHTS = "model.safetensors"
BEGUN = 1 << 20  # bytes in which revisions differ; the rest of each is a hole, which takes no room on the disk
CHUNK = 1 << 20


@dataclass(frozen=True)
class Load:
    """How much: revisions, the bytes of weights in each, and clients at once."""

    revisions: int
    bytes_each: int
    clients: int

    @property
    def names(self) -> list[str]:
        return [f"checkpoint-{number}" for number in range(1, self.revisions + 1)]


@dataclass(frozen=True)
class Server:
    """A hub that is served by a process of its own."""

    pid: int
    address: str


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve it by the command as long as the block runs; AssertionError where it prints a traceback."""
    command = [sys.executable, "-m", "impossible_lms", "hub", "serve", str(folder), "--port", "0"]
    log = folder.with_name("served.log")
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            yield Server(process.pid, process.stdout.readline().split("HF_ENDPOINT=")[1].split()[0])
        finally:
            process.terminate()
    assert "Traceback" not in log.read_text(), log.read_text()[-2000:]


def uploaded(address: str, load: Load, folder: Path) -> int:
    """Have a client of its own process publish all revisions; the bytes of memory it had at most."""
    return _client("upload", address, load, folder)


def downloaded(address: str, load: Load, folder: Path) -> int:
    """Have one fetch every revision whole, one after the other, and compare it."""
    return _client("download", address, load, folder)


def _client(what: str, address: str, load: Load, folder: Path) -> int:
    code = f"from tests.faults.hub_load import main; main({what!r}, {asdict(load)!r}, {str(folder)!r})"
    given = environment(address, folder / "home", HF_TOKEN=TOKEN, HF_HUB_DISABLE_XET="1")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=given, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout.split()[-1])


def main(what: str, load: dict[str, int], folder: str) -> None:
    """Be that client."""
    {"upload": _upload, "download": _download}[what](Load(**load), Path(folder))
    print(peak_so_far(os.getpid()))


def _upload(load: Load, folder: Path) -> None:
    from impossible_lms.publishing.repository import publish_to_hub
    from impossible_lms.publishing.revision import Publication, Revision, hashed

    revisions = []
    for number, name in enumerate(load.names):
        home = folder / "sources" / name
        home.mkdir(parents=True)
        with (home / WEIGHTS).open("wb") as file:
            file.write(random.Random(number).randbytes(BEGUN))
            file.truncate(load.bytes_each)
        (home / "README.md").write_text(f"---\nlicense: mit\n---\n# {name}\n", encoding="utf-8")
        (home / "config.json").write_text(json.dumps({"step": number}), encoding="utf-8")
        files = {path.name: path for path in sorted(home.iterdir())}
        revisions.append(Revision(name, files, hashed(files)))
    digests = {each.name: each.digests for each in revisions}
    (folder / "digests.json").write_text(json.dumps(digests), encoding="utf-8")
    namespace, name = REPO.split("/")
    what = Publication(
        "model", name, folder / "sources", lambda repo, scratch: [*revisions, revisions[-1].renamed("main")]
    )
    publish_to_hub(what, namespace)


def _download(load: Load, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    digests = json.loads((folder / "digests.json").read_text())
    for name in load.names:
        target = folder / "fetched"
        snapshot_download(REPO, revision=name, local_dir=target, cache_dir=folder / "cache")
        for path, digest in digests[name].items():
            with (target / path).open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == digest, f"{name}/{path}"
        shutil.rmtree(target)


def listed_by_many(address: str, load: Load, folder: Path) -> None:
    """Have clients begin at once, each of which lists all there is and fetches one revision; compared as it comes."""
    digests, begin = json.loads((folder / "digests.json").read_text()), threading.Barrier(load.clients)

    def client(number: int) -> None:
        begin.wait()
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=600)
        home, name = f"/api/models/{REPO}", load.names[number % load.revisions]
        refs = json.loads(_read(connection, f"{home}/refs"))
        assert [each["name"] for each in refs["branches"]] == sorted([*load.names, "main"])
        for each in load.names:
            tree = json.loads(_read(connection, f"{home}/tree/{each}?recursive=true"))
            found = {row["path"]: row["lfs"]["oid"] for row in tree if "lfs" in row}
            assert found == {WEIGHTS: digests[each][WEIGHTS]}
            assert len(json.loads(_read(connection, f"{home}/commits/{each}"))) == 2
        for path, digest in digests[name].items():
            connection.request("GET", f"/{REPO}/resolve/{name}/{path}")
            answer, content = connection.getresponse(), hashlib.sha256()
            while chunk := answer.read(CHUNK):
                content.update(chunk)
            assert (answer.status, content.hexdigest()) == (200, digest), f"{name}/{path}"
        connection.close()

    with ThreadPoolExecutor(load.clients) as clients:
        list(clients.map(client, range(load.clients)))


def _read(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return content
