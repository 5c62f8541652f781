"""A hub on this machine: as much of the Hugging Face Hub's HTTP API as its clients need, from one folder.

`HF_ENDPOINT=http://127.0.0.1:PORT` makes `huggingface_hub`, `transformers` and `datasets` use it as they are. Calls and
answers are those of huggingface_hub 1 and 2. It is a bench, not a fence: any token may write, and private means not
seen without a token.
"""

import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote

from impossible_lms.errors import UserError
from impossible_lms.locks import locked
from impossible_lms.publishing.hub_blobs import Refused
from impossible_lms.publishing.hub_commits import LARGEST_COMMIT, Files, Step, from_base64, read_commit
from impossible_lms.publishing.hub_http import Exchange, LoopbackServer, parsed
from impossible_lms.publishing.hub_messages import (
    Batch,
    Card,
    NewCollection,
    NewItem,
    NewRef,
    NewRepo,
    Paths,
    Preupload,
    facts_of,
    ref_of,
    rows_of,
    summary_of,
)
from impossible_lms.publishing.hub_store import OTHER, Repository, Store, checked_path

PORT = 8321
LARGEST_FILE = 1 << 40
LARGE = 1 << 20  # from this size on a file is sent apart, as those that are not text are
LARGE_ENDINGS = {".arrow", ".bin", ".gz", ".npy", ".parquet", ".pdf", ".png", ".pt", ".pth", ".safetensors", ".zip"}
NO_XET = "This hub takes no Xet uploads. Set HF_HUB_DISABLE_XET=1 and upload again."


@contextmanager
def hub_server(folder: Path, port: int = PORT, log: Callable[[str], None] | None = None) -> Iterator[LoopbackServer]:
    """A server of the hub in `folder`, not yet serving; port 0 takes any that is free.

    Raises:
        UserError: the folder is something else or served already, or the port cannot be had.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"{folder}: a file stands there or above it, so it can be no hub. {OTHER}") from error
    with locked(folder / ".lock", "is served"), LoopbackServer(Store(folder), HubApi, port, log) as server:
        yield server


class HubApi(Exchange):
    """The calls of the Hub's API, one method each; `_ROUTES` says which is which."""

    def answer(self) -> None:
        """Find the call and make it."""
        wanted = "GET" if self.command == "HEAD" else self.command
        path = self.path.split("?")[0]
        for method, pattern, call in _ROUTES:
            match = pattern.fullmatch(path) if method == wanted else None
            if match:
                call(self, **{name: unquote(value) for name, value in match.groupdict().items() if value})
                return
        # Also what a repository without a namespace gets, which is none of ours.
        raise Refused(404, "RepoNotFound", "Repository not found")

    def _repository(self, kind: str, repo: str) -> Repository:
        found = self.server.store.repository(kind, repo)
        if found.facts["private"] and not self.has_token():
            raise Refused(401, "RepoNotFound", "Repository not found")
        return found

    def _url(self, kind: str, repo: str) -> str:
        return f"{self.server.address}/{'' if kind == 'models' else f'{kind}/'}{repo}"

    # Accounts, repositories, collections

    def whoami(self) -> None:
        if not self.has_token():
            raise Refused(401, "", "Invalid credentials in Authorization header")
        auth = {"type": "access_token", "accessToken": {"displayName": "local", "role": "write"}}
        self.send_json({"type": "user", "id": "0" * 24, "name": "local", "fullname": "local", "orgs": [], "auth": auth})

    def validate_yaml(self) -> None:
        from huggingface_hub import RepoCard

        content, errors = self.sent(Card).content, []
        try:
            if content.startswith("---"):
                RepoCard(content)
        except Exception as error:  # YAML's faults and the card's own have no common class below Exception
            errors.append({"message": str(error)})
        self.send_json({"errors": errors, "warnings": []}, 400 if errors else 200)

    def create_repo(self) -> None:
        self.need_token()
        sent = self.sent(NewRepo)
        kind, repo = f"{sent.type}s", f"{sent.organization or 'local'}/{sent.name}"
        url = self._url(kind, repo)
        if not self.server.store.create(kind, repo, sent.private or sent.visibility == "private"):
            raise Refused(409, "", "You already created this repo", facts={"url": url, "name": repo})
        self.send_json({"url": url, "name": repo})

    def delete_repo(self) -> None:
        self.need_token()
        sent = self.sent(NewRepo)
        self.server.store.delete(f"{sent.type}s", f"{sent.organization or 'local'}/{sent.name}")
        self.send_json({})

    def list_repos(self, kind: str) -> None:
        author, search = self.query().get("author"), self.query().get("search", "").lower()
        found = [repo for repo in self.server.store.repositories(kind) if search in repo.id.lower()]
        if author is not None:
            found = [repo for repo in found if repo.id.split("/")[0] == author]
        self.send_json([facts_of(repo, "main") for repo in found if self.has_token() or not repo.facts["private"]])

    def repo_info(self, kind: str, repo: str, revision: str = "main") -> None:
        self.send_json(facts_of(self._repository(kind, repo), revision))

    def new_collection(self) -> None:
        self.need_token()
        sent = self.sent(NewCollection)
        self.send_json(self.server.store.new_collection(sent.namespace, sent.title, sent.private))

    def collection(self, slug: str) -> None:
        self.send_json(self.server.store.collection(slug))

    def add_to_collection(self, slug: str) -> None:
        self.need_token()
        item = self.sent(NewItem).item
        self.send_json(self.server.store.add_to_collection(slug, item.type, item.id))

    # Branches, tags, and what commits hold

    def refs(self, kind: str, repo: str) -> None:
        found = self._repository(kind, repo)
        branches = [ref_of("heads", name, commit) for name, commit in found.refs("heads").items()]
        tags = [ref_of("tags", name, commit) for name, commit in found.refs("tags").items()]
        self.send_json({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    def new_branch(self, kind: str, repo: str, name: str) -> None:
        self.need_token()
        self.server.store.branch(self._repository(kind, repo), "heads", name, self.sent(NewRef).startingPoint)
        self.send_json({})

    def drop_branch(self, kind: str, repo: str, name: str) -> None:
        self.need_token()
        self.server.store.drop(self._repository(kind, repo), "heads", name)
        self.send_json({})

    def new_tag(self, kind: str, repo: str, revision: str) -> None:
        self.need_token()
        self.server.store.branch(self._repository(kind, repo), "tags", self.sent(NewRef).tag, revision)
        self.send_json({})

    def drop_tag(self, kind: str, repo: str, name: str) -> None:
        self.need_token()
        self.server.store.drop(self._repository(kind, repo), "tags", name)
        self.send_json({})

    def commits(self, kind: str, repo: str, revision: str) -> None:
        found, history = self._repository(kind, repo), []
        commit = found.commit(revision)
        history.append(summary_of(commit))
        while commit.parent is not None:
            commit = found.kept(commit.parent)
            history.append(summary_of(commit))
        self.send_json(history)

    def tree(self, kind: str, repo: str, revision: str, path: str = "") -> None:
        commit = self._repository(kind, repo).commit(revision)
        below = {name: row for name, row in rows_of(commit).items() if not path or name.startswith(f"{path}/")}
        if path and not below:
            raise Refused(404, "EntryNotFound", f"{path} does not exist on {revision}")
        if self.query().get("recursive", "").lower() not in ("true", "1"):
            depth = path.count("/") + 1 if path else 0
            below = {name: row for name, row in below.items() if name.count("/") == depth}
        self.send_json(list(below.values()))

    def paths_info(self, kind: str, repo: str, revision: str) -> None:
        rows = rows_of(self._repository(kind, repo).commit(revision))
        body = self.body()
        if "json" in self.headers.get("Content-Type", ""):
            asked = parsed(Paths, body).paths
        else:
            asked = parse_qs(body.decode("utf-8", "replace")).get("paths", [])
        self.send_json([rows[name] for name in asked if name in rows])

    # Upload

    def preupload(self, kind: str, repo: str, revision: str) -> None:
        self.need_token()
        commit, answers = self._repository(kind, repo).commit(revision), []
        for file in self.sent(Preupload).files:
            there = commit.files.get(checked_path(file.path))
            is_large = PurePosixPath(file.path).suffix in LARGE_ENDINGS or file.size >= LARGE
            is_large = is_large or b"\0" in from_base64(file.path, file.sample)
            answer: dict[str, Any] = {"path": file.path, "shouldIgnore": False}
            answer["uploadMode"] = "lfs" if is_large else "regular"
            answers.append(answer | ({} if there is None else {"oid": there.etag}))
        self.send_json({"files": answers, "commitOid": commit.id})

    def lfs_batch(self, repo: str, kind: str = "models") -> None:
        self.need_token()
        self._repository(kind, repo)
        answers = []
        for item in self.sent(Batch).objects:
            answer: dict[str, Any] = {"oid": item.oid, "size": item.size}
            if not self.server.store.blobs.holds(item.oid):
                link = f"{self._url(kind, repo)}.git/info/lfs/objects/{item.oid}?size={item.size}"
                answer["actions"] = {"upload": {"href": f"{link}&key={self.server.signature(item.oid, item.size)}"}}
            answers.append(answer)
        self.send_json({"transfer": "basic", "objects": answers}, kind="application/vnd.git-lfs+json")

    def lfs_put(self, repo: str, sha256: str, kind: str = "models") -> None:
        size, key = self.query().get("size", ""), self.query().get("key", "")
        is_size = re.fullmatch(r"[0-9]{1,18}", size)
        if not is_size or not hmac.compare_digest(key.encode(), self.server.signature(sha256, int(size)).encode()):
            raise Refused(403, "", "not an address that this hub gave out.")
        self.server.store.repository(kind, repo)
        self.server.store.blobs.put(sha256, self.chunks(min(int(size), LARGEST_FILE)))
        self.send_json({})

    def commit(self, kind: str, repo: str, revision: str) -> None:
        self.need_token()
        found = self._repository(kind, repo)
        if "create_pr" in self.query():
            raise Refused(501, "", "Pull requests are not kept here.")
        store = self.server.store
        header, steps = read_commit(self.chunks(LARGEST_COMMIT), store.blobs, store.folder)
        commit = store.change(
            found, revision, header.parentCommit, header.summary, header.description, partial(_after, steps)
        )
        url = f"{self._url(kind, repo)}/commit/{commit.id}"
        self.send_json({"success": True, "commitOid": commit.id, "commitUrl": url, "hookOutput": ""})

    def no_xet(self, kind: str, repo: str, revision: str) -> None:
        raise Refused(400, "", NO_XET)

    # Download

    def resolve(self, repo: str, revision: str, path: str, kind: str = "models") -> None:
        commit = self._repository(kind, repo).commit(revision)
        headers = {"X-Repo-Commit": commit.id}
        entry = commit.files.get(path)
        if entry is None:  # with the commit, by which clients remember what is not there
            raise Refused(404, "EntryNotFound", "Entry not found", headers)
        headers |= {"ETag": f'"{entry.etag}"', "Content-Type": "application/octet-stream"}
        if entry.is_large:
            headers |= {"X-Linked-Etag": f'"{entry.etag}"', "X-Linked-Size": str(entry.size)}
        self.send_file(self.server.store.blobs.whole(entry.sha256), entry.size, headers)


def _after(steps: Sequence[Step], files: Files) -> Files:
    """The files after the steps of a commit."""
    for step in steps:
        files = step(files)
    return files


_API = r"/api/(?P<kind>models|datasets)"
_REPO = rf"{_API}/(?P<repo>[^/]+/[^/]+)"
_PLAIN = r"/(?:(?P<kind>datasets)/)?(?P<repo>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>[^/]+)"
_ROUTES: list[tuple[str, re.Pattern[str], Callable[..., None]]] = [
    (method, re.compile(pattern), call)
    for method, pattern, call in (
        ("GET", rf"{_PLAIN}/resolve/{_REVISION}/(?P<path>.+)", HubApi.resolve),
        ("GET", "/api/whoami-v2", HubApi.whoami),
        ("POST", "/api/validate-yaml", HubApi.validate_yaml),
        ("POST", "/api/repos/create", HubApi.create_repo),
        ("DELETE", "/api/repos/delete", HubApi.delete_repo),
        ("POST", "/api/collections", HubApi.new_collection),
        ("GET", "/api/collections/(?P<slug>[^/]+/[^/]+)", HubApi.collection),
        ("POST", "/api/collections/(?P<slug>[^/]+/[^/]+)/items", HubApi.add_to_collection),
        ("GET", _API, HubApi.list_repos),
        ("GET", _REPO, HubApi.repo_info),
        ("GET", rf"{_REPO}/revision/{_REVISION}", HubApi.repo_info),
        ("GET", rf"{_REPO}/refs", HubApi.refs),
        ("POST", rf"{_REPO}/branch/(?P<name>[^/]+)", HubApi.new_branch),
        ("DELETE", rf"{_REPO}/branch/(?P<name>[^/]+)", HubApi.drop_branch),
        ("POST", rf"{_REPO}/tag/{_REVISION}", HubApi.new_tag),
        ("DELETE", rf"{_REPO}/tag/(?P<name>[^/]+)", HubApi.drop_tag),
        ("GET", rf"{_REPO}/commits/{_REVISION}", HubApi.commits),
        ("GET", rf"{_REPO}/tree/{_REVISION}(?:/(?P<path>.+))?", HubApi.tree),
        ("POST", rf"{_REPO}/paths-info/{_REVISION}", HubApi.paths_info),
        ("POST", rf"{_REPO}/preupload/{_REVISION}", HubApi.preupload),
        ("POST", rf"{_REPO}/commit/{_REVISION}", HubApi.commit),
        ("GET", rf"{_REPO}/xet-(?:read|write)-token/{_REVISION}", HubApi.no_xet),
        ("POST", rf"{_PLAIN}\.git/info/lfs/objects/batch", HubApi.lfs_batch),
        ("PUT", rf"{_PLAIN}\.git/info/lfs/objects/(?P<sha256>[0-9a-f]{{64}})", HubApi.lfs_put),
    )
]
