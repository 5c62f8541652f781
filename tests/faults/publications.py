"""What publishing leaves, to be damaged: a Hugging Face cache and folders of a run, and a hub of this package."""

import http.client
import json
import shutil
import threading
from functools import partial
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import sha256_of, write_record
from impossible_lms.models.run import Run
from impossible_lms.publishing.hub_blobs import Entry
from impossible_lms.publishing.hub_server import hub_server
from impossible_lms.publishing.hub_store import Store
from impossible_lms.publishing.repository import publish
from tests.faults.mutations import Mutation
from tests.faults.scene import Answer, Scene

CREATED = "createdAt"  # what a hub says that no copy of it says alike


def published_scene(root: Path, run: Run, other: Run) -> Scene:
    """The cache and the folders that two runs were published to, `cache` and `folders`; the run itself stays whole."""
    homes = {"mine": run, "other": other}
    for name, each in homes.items():
        shutil.copytree(each.dataset().folder, root / "runs" / name / "data")
        shutil.copytree(each.folder, root / "runs" / name / "run", ignore=shutil.ignore_patterns("evaluation"))
        write_record(root / "runs" / name / "run" / "run.json", each.record | {"data": "../data"})
        copied = Run.open(root / "runs" / name / "run")
        publish(copied, "cache", "me", cache=root / name / "cache")
        publish(copied, root / "linked", "me")
        shutil.copytree(root / "linked", root / name / "folders")  # copies, where it linked the run's own files
        shutil.rmtree(root / "linked")
        blobs = next((root / name / "cache").glob("*/blobs"))
        for blob in list(blobs.iterdir()):
            content = blob.read_bytes()
            blob.unlink()
            blob.write_bytes(content)
    commands = {"publish to a cache again": _cached_again, "publish to folders again": _written_again}
    reading = {"cache": ("publish to a cache again",), "folders": ("publish to folders again",)}
    return Scene(root, commands, reading, changing=("cache", "folders"))


def _cached_again(scene: Scene) -> Answer:
    """What every revision of a cache holds, once it was published to again."""
    _, repository = publish(_own(scene), "cache", "me", cache=scene.mine / "cache")
    values: dict[str, str] = {}
    for ref in sorted((repository / "refs").iterdir()):
        if ref.name != "Thumbs.db":
            snapshot = repository / "snapshots" / ref.read_text(encoding="utf-8")
            values |= {f"{ref.name}/{path.name}": sha256_of(path) for path in _files(snapshot)}
    return Answer(values)


def _written_again(scene: Scene) -> Answer:
    """What the folders hold, once they were published to again."""
    _, repository = publish(_own(scene), scene.mine / "folders", "me")
    return Answer({path.relative_to(repository).as_posix(): sha256_of(path) for path in _files(repository)})


def _own(scene: Scene) -> Run:
    return Run.open(scene.root / "runs" / "mine" / "run")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "Thumbs.db")


def hub_scene(root: Path) -> Scene:
    """Two hubs with a repository, two branches and a tag of it, a small and a large file, and a collection."""
    for name in ("mine", "other"):
        store = Store(root / name / "hub")
        for repo in ("me/one", "me/two"):
            store.create("models", repo, private=False)
            repository = store.repository("models", repo)
            for number, branch in enumerate(("checkpoint-1", "main")):
                if branch != "main":
                    store.branch(repository, "heads", branch, "main")
                contents = {"README.md": f"# {repo} of {name}, {branch}\n", "w.bin": f"{name}{number}{repo}" * 300}
                store.change(repository, branch, None, "all", "", partial(_with, store, contents))
            store.branch(repository, "tags", "v1", "main")
        slug = store.new_collection("me", "All", private=False)["slug"]
        for repo in ("me/one", "me/two"):
            store.add_to_collection(slug, "model", repo)
        (root / name / "slug").write_text(slug, encoding="utf-8")
    for name in ("mine", "other"):
        (root / name / "slug").rename(root / f"slug-of-{name}")
    return Scene(root, {"hub": _served}, {"hub": ("hub",)}, spared=_says_all_there_is)


def _with(store: Store, contents: dict[str, str], files: dict[str, Entry]) -> dict[str, Entry]:
    return files | {path: store.blobs.small(text.encode()) for path, text in contents.items()}


def _says_all_there_is(mutation: Mutation) -> bool:
    """A branch, repository or collection whose record is gone is one that was deleted, and a hub without one is new.

    Whole records of a copy of the same hub (`namesake`) are a copy put back.
    """
    is_record = mutation.file.parent.name not in ("commits",) and mutation.file.parent.parent.name != "blobs"
    return is_record and mutation.kind in ("removed", "namesake", "foreign")


def _served(scene: Scene) -> Answer:
    """All that a hub answers of what it keeps."""
    slug = (scene.root / "slug-of-mine").read_text(encoding="utf-8")
    values = {}
    with hub_server(scene.mine / "hub", port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            port = server.server_port
            listed = json.loads(_asked(port, "/api/models"))
            values["repositories"] = ", ".join(each["id"] for each in listed)
            values["collection"] = repr(json.loads(_asked(port, f"/api/collections/{slug}"))["items"])
            for each in listed:
                refs = json.loads(_asked(port, f"/api/models/{each['id']}/refs"))
                values[f"refs of {each['id']}"] = repr(refs)
                for ref in (*refs["branches"], *refs["tags"]):
                    at = f"{each['id']}@{ref['name']}"
                    tree = _asked(port, f"/api/models/{each['id']}/tree/{ref['name']}?recursive=true")
                    values[at] = tree.decode()
                    values[f"history of {at}"] = _asked(
                        port, f"/api/models/{each['id']}/commits/{ref['name']}"
                    ).decode()
                    for row in json.loads(tree):
                        content = _asked(port, f"/{each['id']}/resolve/{ref['name']}/{row['path']}")
                        values[f"{at}/{row['path']}"] = content.decode()
        finally:
            server.shutdown()
            thread.join()
    return Answer(values)


def _asked(port: int, path: str) -> bytes:
    """The answer to a request; UserError with what the hub says where it refuses."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": "Bearer x"})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise UserError(str(json.loads(text)["error"]))
    return text
