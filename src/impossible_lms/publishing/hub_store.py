"""What a hub on this machine keeps: repositories of commits over files stored once by content, on disk, in JSON.

```
DIR/hub.json                                 what this folder is
DIR/key.json                                 what proves that an address for an upload was given out here
DIR/blobs/ab/<sha256>                        the content of every file, once for all repositories
DIR/models/<namespace>/<name>/repo.json      and DIR/datasets/... alike
                              commits/<id>.json   a commit: parent, title, date, and its files by path
                              refs/heads/<branch>  refs/tags/<tag>: a record that names a commit
DIR/collections/<namespace>/<slug>.json
```
Paths inside a repository stand in JSON alone and never become paths on the disk. Contents and commits are called by
their hashes, and are compared with them when they are read; what is called otherwise is a sealed record that says what
it is of.
"""

import hashlib
import re
import secrets
import shutil
import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

from impossible_lms.documents import parsed_json
from impossible_lms.errors import UserError
from impossible_lms.files import read_record, to_json, write_record, write_text
from impossible_lms.publishing.hub_blobs import Blobs, Entry, Refused
from impossible_lms.unfinished import PART, remove_unfinished_below

KINDS = ("models", "datasets")
MAIN = "main"
COLLECTIONS = "collections"
_MARK = {"kind": "hub of impossible-lms", "version": 2}
# As the Hub has them: letters, digits, - _ . inside, no -- and no .., at most 96 signs.
_NAME = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
_REF = re.compile(r"(?!.*(?:\.\.|//|@\{))[A-Za-z0-9][A-Za-z0-9._/+@-]{0,199}(?<![./])")
LONGEST_REF = 200  # bytes of its file's name
COMMIT_ID = re.compile(r"[0-9a-f]{40}")
OTHER = "Choose another folder."
MEND = "Put it back from a copy, or delete the repository and publish again."
_FIRST = """\
*.arrow filter=lfs diff=lfs merge=lfs -text
*.bin filter=lfs diff=lfs merge=lfs -text
*.parquet filter=lfs diff=lfs merge=lfs -text
*.png filter=lfs diff=lfs merge=lfs -text
*.safetensors filter=lfs diff=lfs merge=lfs -text
"""

Refs = Literal["heads", "tags"]


@dataclass(frozen=True)
class Commit:
    """A state of a repository. Its id is a hash of everything else."""

    parent: str | None
    title: str
    message: str
    date: str
    files: Mapping[str, Entry]

    @property
    def id(self) -> str:
        """40 hexadecimal digits."""
        return hashlib.sha1(self.to_json().encode(), usedforsecurity=False).hexdigest()

    def to_json(self) -> str:
        """The text it is kept as."""
        return to_json(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Commit":
        """The commit that was kept as `text`."""
        values = parsed_json(text)
        return cls(**values | {"files": {path: Entry(**entry) for path, entry in values["files"].items()}})


class Repository:
    """One repository: its commits and the branches and tags that name them."""

    def __init__(self, folder: Path, kind: str, repo_id: str) -> None:
        self.folder, self.kind, self.id = folder, kind, repo_id

    @property
    def facts(self) -> dict[str, Any]:
        """`private` and the time it was `created`."""
        return _record(self.folder / "repo.json", self._name, {"private": bool, "created": str})

    @property
    def _name(self) -> str:
        return f"{self.kind}/{self.id}"

    def refs(self, kind: Refs) -> dict[str, str]:
        """Commit ids by the names of branches (`heads`) or `tags`."""
        folder = self.folder / "refs" / kind
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        names = {unquote(path.name): path for path in paths if not path.name.startswith(".")}
        return {name: self._commit_of(path, kind, name) for name, path in names.items()}

    def _commit_of(self, path: Path, kind: Refs, name: str) -> str:
        return str(_record(path, f"{self._name}/{kind}/{name}", {"commit": str})["commit"])

    def set_ref(self, kind: Refs, name: str, commit: str) -> None:
        """Let a branch or tag name a commit, in one step."""
        if not _REF.fullmatch(name) or COMMIT_ID.fullmatch(name) or len(quote(name, safe="")) > LONGEST_REF:
            raise Refused(400, "", f"{name!r} cannot be the name of a branch or tag.")
        write_record(self._ref(kind, name), {"of": f"{self._name}/{kind}/{name}", "commit": commit})

    def drop_ref(self, kind: Refs, name: str) -> None:
        """Forget a branch or tag."""
        if name not in self.refs(kind) or (kind, name) == ("heads", MAIN):
            raise Refused(404, "RevisionNotFound", f"no {name} to delete.")
        self._ref(kind, name).unlink()

    def _ref(self, kind: Refs, name: str) -> Path:
        return self.folder / "refs" / kind / quote(name, safe="")

    def commit(self, revision: str) -> Commit:
        """The commit that a branch, a tag or an id names."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        known = self.refs("tags") | self.refs("heads")
        commit = known.get(name, name)
        if name not in known and (not COMMIT_ID.fullmatch(name) or not self._commit(name).is_file()):
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return self.kept(commit)

    def _commit(self, commit: str) -> Path:
        return self.folder / "commits" / f"{commit}.json"

    def kept(self, commit: str) -> Commit:
        """The commit of an id that something here names; UserError where it is damaged, or gone."""
        path = self._commit(commit)
        try:
            text = path.read_bytes().decode()
        except FileNotFoundError:
            raise UserError(f"{path}: missing. {MEND}") from None
        except UnicodeDecodeError:
            text = ""
        if hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() != path.stem:
            raise UserError(f"{path}: damaged (its content has changed since it was written). {MEND}")
        return Commit.from_json(text)

    def add(self, commit: Commit) -> None:
        """Keep a commit; no branch names it yet."""
        write_text(self._commit(commit.id), commit.to_json())


class Store:
    """All that a hub keeps, in one folder. Changes come one at a time."""

    def __init__(self, folder: Path) -> None:
        mark = folder / "hub.json"
        begun = (".lock", f".{mark.name}{PART}")  # what a server leaves that is killed before it is one
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        if not all(name.startswith(begun) for name in names) and not mark.is_file():
            raise UserError(f"{folder}: exists and is not a hub. Choose another folder.")
        if mark.is_file() and read_record(mark, {"kind": str, "version": int}, OTHER) != _MARK:
            raise UserError(f"{mark}: not a hub of this version. {OTHER}")
        write_record(mark, _MARK)
        remove_unfinished_below(folder)  # of an earlier server that was killed
        self.folder, self.blobs, self._changing = folder, Blobs(folder / "blobs"), threading.Lock()
        self.key = _key(folder / "key.json")

    def repository(self, kind: str, repo_id: str) -> Repository:
        """The repository called `<namespace>/<name>`."""
        folder = self._folder(kind, repo_id)
        if not (folder / "repo.json").is_file():
            raise Refused(404, "RepoNotFound", "Repository not found")
        return Repository(folder, kind, repo_id)

    def repositories(self, kind: str) -> list[Repository]:
        """All of a kind, by name."""
        found = sorted((self.folder / kind).glob("*/*/repo.json"))
        return [Repository(path.parent, kind, "/".join(path.parts[-3:-1])) for path in found]

    def create(self, kind: str, repo_id: str, private: bool) -> bool:
        """Make a repository whose `main` holds what the Hub's first commit does; False if it is there already."""
        folder = self._folder(kind, repo_id)
        with self._changing:
            if (folder / "repo.json").is_file():
                return False
            if folder.is_dir():  # left by a server that was killed while it made or deleted the repository
                shutil.rmtree(folder)
            repository = Repository(folder, kind, repo_id)
            first = Commit(None, "initial commit", "", now(), {".gitattributes": self.blobs.small(_FIRST.encode())})
            repository.add(first)
            repository.set_ref("heads", MAIN, first.id)
            about = {"of": f"{kind}/{repo_id}", "private": private, "created": now()}
            write_record(folder / "repo.json", about)
        return True

    def delete(self, kind: str, repo_id: str) -> None:
        """Forget a repository; contents stay, for others may share them."""
        with self._changing:
            repository = self.repository(kind, repo_id)
            (repository.folder / "repo.json").unlink()
            shutil.rmtree(repository.folder)

    def drop(self, repository: Repository, kind: Refs, name: str) -> None:
        """Forget a branch or tag."""
        with self._changing:
            repository.drop_ref(kind, name)

    def branch(self, repository: Repository, kind: Refs, name: str, start: str) -> None:
        """A new branch or tag at the commit that `start` names."""
        with self._changing:
            if name in repository.refs(kind):
                raise Refused(409, "", f"Reference already exists: {name}")
            repository.set_ref(kind, name, repository.commit(start).id)

    def change(
        self,
        repository: Repository,
        branch: str,
        parent: str | None,
        title: str,
        message: str,
        changed: Callable[[dict[str, Entry]], dict[str, Entry]],
    ) -> Commit:
        """Make the next commit of a branch: `changed` gives its files from those before. All of it or nothing.

        `parent`, where given, is the id (or its beginning) that the branch is expected to be at.
        """
        with self._changing:
            if branch not in repository.refs("heads"):
                raise Refused(404, "RevisionNotFound", f"Invalid rev id: {branch}")
            head = repository.commit(branch)
            if parent is not None and not head.id.startswith(parent):
                raise Refused(412, "", "A commit has happened since. Please refresh and try again.")
            files = changed(dict(head.files))
            if files == head.files:
                return head
            commit = Commit(head.id, title, message, now(), files)
            repository.add(commit)
            repository.set_ref("heads", branch, commit.id)
        return commit

    def new_collection(self, namespace: str, title: str, private: bool) -> dict[str, Any]:
        """A new, empty collection; the Hub gives the slug of one that exists along with its refusal."""
        self._check(namespace)
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-") or "collection"
        slug = f"{namespace}/{name}-{hashlib.sha256(f'{namespace}/{title}'.encode()).hexdigest()[:24]}"
        with self._changing:
            path = self._collection(slug)
            if path.is_file():
                raise Refused(409, "", "Collection already exists", facts={"slug": slug})
            value: dict[str, Any] = {
                "slug": slug,
                "title": title,
                "owner": {"name": namespace, "type": "user"},
                "items": [],
            }
            value |= {"lastUpdated": now(), "position": 0, "private": private, "theme": "blue", "upvotes": 0}
            write_record(path, {"of": slug, "collection": value})
        return value

    def collection(self, slug: str) -> dict[str, Any]:
        """The collection called `<namespace>/<slug>`."""
        path = self._collection(slug)
        if not path.is_file():
            raise Refused(404, "", "Collection not found")
        return dict(_record(path, slug, {"collection": dict})["collection"])

    def add_to_collection(self, slug: str, kind: str, repo_id: str) -> dict[str, Any]:
        """Put a repository into a collection."""
        self.repository(f"{kind}s", repo_id)
        with self._changing:
            value = self.collection(slug)
            if any((item["type"], item["id"]) == (kind, repo_id) for item in value["items"]):
                raise Refused(409, "", "Item already in collection")
            number = len(value["items"])
            item = {"_id": f"{number:024x}", "id": repo_id, "type": kind, "position": number}
            value |= {"items": [*value["items"], item], "lastUpdated": now()}
            write_record(self._collection(slug), {"of": slug, "collection": value})
        return value

    def _collection(self, slug: str) -> Path:
        namespace, name = self._pair(slug)
        return self.folder / COLLECTIONS / namespace / f"{name}.json"

    def _folder(self, kind: str, repo_id: str) -> Path:
        namespace, name = self._pair(repo_id)
        if kind not in KINDS:
            raise Refused(404, "RepoNotFound", f"no {kind} are kept here.")
        return self.folder / kind / namespace / name

    def _pair(self, name: str) -> list[str]:
        parts = name.split("/")
        if len(parts) != 2:
            raise Refused(400, "", f"{name!r}: a namespace and a name are expected.")
        return [self._check(part) for part in parts]

    @staticmethod
    def _check(name: str) -> str:
        if not _NAME.fullmatch(name) or name.endswith(".git"):
            raise Refused(400, "", f"{name!r}: not a name the Hub takes (letters, digits, - _ . inside).")
        return name


def _key(path: Path) -> bytes:
    """The key kept in a file, made where there is none: what was given out holds when the server is started again.

    No secret from who may read the folder, but from pages in a browser, which need a token for all else.
    """
    if not path.is_file():
        write_record(path, {"key": secrets.token_hex(32)})
    return str(read_record(path, {"key": str}, "Remove it, and serve the hub again.")["key"]).encode()


def _record(path: Path, of: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it was written; UserError where it is damaged, or of something else."""
    found = read_record(path, {"of": str, **fields}, MEND)
    if found["of"] != of:
        raise UserError(f"{path}: is of {found['of']}, not of {of}: files were exchanged. {MEND}")
    return found


def checked_path(path: Any) -> str:
    """A path inside a repository; Refused for one that leads elsewhere."""
    parts = path.split("/") if isinstance(path, str) else [""]
    if any(part in ("", ".", "..", ".git") for part in parts) or re.search(r"[\x00-\x1f\\]", path) or len(path) > 1024:
        raise Refused(400, "", f"{path!r}: not a path inside a repository.")
    return str(path)


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
