"""Upload: revisions of files to a repository on the Hugging Face Hub, or on any server that speaks its API.

Each revision is one commit on a branch of its own, and `main` moves last, in one commit, once every other revision was
read back and found to be as it is here. What a revision is to hold decides what is sent, so an upload that was cut off
goes on where it was.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from impossible_lms.errors import UserError
from impossible_lms.files import git_id_of, sha256_of
from impossible_lms.progress import Progress, usual
from impossible_lms.publishing.revision import Kind, Revision

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

FIRST = ".gitattributes"  # the one file of the Hub's own first commit
THE_HUB = "https://huggingface.co"
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before what failed is tried again
CLOSED = "client has been closed"  # said where huggingface_hub gives up a connection that another thread sends by
AGAIN = "The same command goes on from here."

Result = TypeVar("Result")


@dataclass(frozen=True)
class Change:
    """What a branch needs to hold a revision: the paths to `send`, their bytes (`size`), and the paths to `remove`.

    `head` is the commit it is at, None where there is no such branch, and `is_new` holds where there is none or nothing
    was put on it yet; `other` is a path that makes it hold something else, if there is one.
    """

    revision: Revision
    head: str | None
    is_new: bool
    send: tuple[str, ...]
    remove: tuple[str, ...]
    other: str | None
    size: int

    def __str__(self) -> str:
        if not self.send and not self.remove:
            return f"{self.revision.name}: as it is here"
        state = "new" if self.is_new else "to be replaced" if self.other else "to be completed"
        removed = f", {len(self.remove)} to remove" if self.remove and not self.is_new else ""
        return f"{self.revision.name}: {state}, {len(self.send)} files to send, {self.size / 1e6:,.1f} MB{removed}"


class Hub:
    """One repository on the Hub, `kind` "model" or "dataset"; whatever goes wrong there is a UserError.

    Raises:
        UserError: no token is at hand, or the Hub is switched off (`HF_HUB_OFFLINE`).
    """

    def __init__(self, repo_id: str, kind: Kind) -> None:
        from huggingface_hub import HfApi, constants, get_token
        from huggingface_hub.utils import validate_repo_id

        self.repo_id, self.kind, self.endpoint = repo_id, kind, constants.ENDPOINT
        with self._faults():
            validate_repo_id(repo_id)
        if constants.HF_HUB_OFFLINE:
            raise UserError(f"{repo_id}: HF_HUB_OFFLINE is set. Unset it to publish to {self.endpoint}.")
        if get_token() is None:
            raise UserError(f"{repo_id}: no token for {self.endpoint}. Log in with `hf auth login`, or set HF_TOKEN.")
        if self.endpoint != THE_HUB:
            constants.HF_HUB_DISABLE_XET = True  # the way of sending that any server of this API knows
        self._api: HfApi = HfApi(library_name="impossible-lms")

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self.endpoint}/{'' if self.kind == 'model' else 'datasets/'}{self.repo_id}"

    def plan(self, revisions: Sequence[Revision]) -> list[Change]:
        """What each revision needs; nothing is written."""
        # First a token that is no good, or no network; that soon.
        self._patiently(self._api.whoami, PAUSES[:2])
        branches, _ = self._patiently(self._branches)
        return [self._patiently(partial(self._change, each, branches)) for each in revisions]

    def upload(
        self,
        revisions: Sequence[Revision],
        *,
        overwrite: bool = False,
        private: bool = False,
        collection: str | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Bring every revision there, `main` (the last) at the end; the address of the repository.

        Args:
            revisions: what is to be there, `main` at the end.
            overwrite: replace revisions that hold something else.
            private: make a private repository.
            collection: the title of a collection of the same namespace to put it in, made if there is none.
            progress: told each revision.

        Raises:
            UserError: a revision holds something else, the repository is public and not to be, or the Hub or the way
                there fails for good. `main` is then what it was.
        """
        progress = progress or usual()
        changes = self.plan(revisions)
        for change in changes:
            self._refuse_other(change, overwrite)
        self._patiently(partial(self._create, private))
        progress.start(f"{self.repo_id}, revisions", len(changes))
        brought: list[Change] = []
        try:
            for change in changes:
                brought.append(self._patiently(partial(self._bring, change.revision, overwrite, brought)))
                progress.at(len(brought))
        finally:
            progress.end()
        if collection is not None:
            self._patiently(partial(self._collect, collection, private))
        return self.url

    def _create(self, private: bool) -> None:
        about = {"repo_type": self.kind}
        self._api.create_repo(self.repo_id, private=private or None, exist_ok=True, **about)
        if private and not self._api.repo_info(self.repo_id, **about).private:
            raise UserError(
                f"{self.repo_id}: is public already. Make it private on {self.url}, or do without --private."
            )

    def _branches(self) -> tuple[dict[str, str], str | None]:
        """The commit each branch is at, and the first commit of `main`; nothing where there is no repository."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            refs = self._api.list_repo_refs(self.repo_id, repo_type=self.kind)
            history = self._api.list_repo_commits(self.repo_id, repo_type=self.kind)
        except RepositoryNotFoundError:
            return {}, None
        return {branch.name: branch.target_commit for branch in refs.branches}, history[-1].commit_id

    def _change(self, revision: Revision, branches: dict[str, str]) -> Change:
        head = branches.get(revision.name)
        there: dict[str, RepoFile] = {}
        if head is not None:
            listed = self._api.list_repo_tree(self.repo_id, repo_type=self.kind, revision=head, recursive=True)
            there = {row.path: row for row in listed if hasattr(row, "blob_id")}
        send = tuple(path for path in revision.files if path not in there or not _is_same(revision, path, there[path]))
        remove = tuple(path for path in there if path not in revision.files and path != FIRST)
        is_new = not set(there) - {FIRST}
        other = next((path for path in (*send, *remove) if path in there), None)
        size = sum(revision.files[path].stat().st_size for path in send)
        return Change(revision, head, is_new, send, remove, other, size)

    def _refuse_other(self, change: Change, overwrite: bool) -> None:
        if change.other is not None and not overwrite:
            raise UserError(
                f"{self.repo_id}@{change.revision.name}: {change.other} is another there. "
                "Pass --overwrite to replace it, or another --name, or publish to another namespace."
            )

    def _bring(self, revision: Revision, overwrite: bool, before: Sequence[Change]) -> Change:
        """Make one branch hold one revision, whatever of it is there already, and read it back.

        UserError where one that was brought `before` is there no more. As a branch moves only from where it was seen,
        and this is looked at after that, `main` never joins revisions of two that publish at once.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        branches, root = self._branches()
        self._refuse_moved(before, branches)
        about: dict[str, Any] = {"repo_id": self.repo_id, "repo_type": self.kind}
        if revision.name not in branches and root is not None:
            self._api.create_branch(**about, branch=revision.name, revision=root, exist_ok=True)
            branches[revision.name] = root
        change = self._change(revision, branches)
        self._refuse_other(change, overwrite)  # it may have come about in the meantime
        if not change.send and not change.remove:
            return change
        for path in change.send:
            if sha256_of(revision.files[path]) != revision.digests[path]:
                raise UserError(f"{revision.files[path]}: its content has changed since it was made. Make it again.")
        commit = self._api.create_commit(
            **about,
            operations=[
                *(CommitOperationDelete(path) for path in change.remove),
                *(CommitOperationAdd(path, str(revision.files[path])) for path in change.send),
            ],
            commit_message=f"Publish {revision.name} with impossible-lms",
            revision=revision.name,
            parent_commit=change.head,
        )
        left = self._change(revision, {revision.name: commit.oid})
        if left.send or left.remove:
            path = (*left.send, *left.remove)[0]
            raise UserError(f"{self.repo_id}@{revision.name}: {path} is not what was sent. {AGAIN}")
        return left

    def _refuse_moved(self, before: Sequence[Change], branches: dict[str, str]) -> None:
        """UserError where a branch holds another than what was brought there."""
        for each in before:
            if branches.get(each.revision.name) == each.head:
                continue
            change = self._change(each.revision, branches)
            if change.send or change.remove:
                path = (*change.send, *change.remove)[0]
                raise UserError(
                    f"{self.repo_id}@{each.revision.name}: {path} is no longer what was sent: somebody else publishes "
                    "there. Publish again when they are done."
                )

    def _collect(self, title: str, private: bool) -> None:
        namespace = self.repo_id.split("/")[0]
        found = self._api.create_collection(title, namespace=namespace, private=private, exists_ok=True)
        self._api.add_collection_item(found.slug, self.repo_id, self.kind, exists_ok=True)

    def _patiently(self, work: Callable[[], Result], pauses: Sequence[float] | None = None) -> Result:
        """Do what can be done again without harm; faults of the way and of the server are waited out for a while."""
        for pause in (*(PAUSES if pauses is None else pauses), None):
            try:
                with _quietly():
                    return work()
            except Exception as error:
                if pause is None or not _may_pass(error):
                    with self._faults():
                        raise
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Let what the client raises be one line."""
        from huggingface_hub.errors import HTTPError

        try:
            yield
        except UserError:
            raise
        except (HTTPError, OSError, RuntimeError, ValueError) as error:
            if getattr(error, "filename", None) is not None:
                raise  # a file here, not the Hub
            raise UserError(f"{self.repo_id}: {self._said(error)}") from error

    def _said(self, error: BaseException) -> str:
        """What went wrong, and what to do."""
        cause: BaseException = error
        while cause.__cause__ is not None and not _status(cause):
            cause = cause.__cause__
        status = _status(cause)
        sentence = _sentence(cause)
        if status == 401:
            return f"{self.endpoint} does not know the token. Log in with `hf auth login`, or set HF_TOKEN."
        if status == 403:
            return f"the token may not write there ({sentence}). Give one that may, or another namespace."
        if status is not None and (status == 429 or status >= 500):
            return f"{self.endpoint} answers {status} ({sentence}). {AGAIN}"
        if status is not None or isinstance(cause, ValueError):
            return f"refused ({sentence})."
        return f"no way to {self.endpoint} ({type(cause).__name__}: {sentence}). {AGAIN}"


def _is_same(revision: Revision, path: str, there: "RepoFile") -> bool:
    """Whether a file of the repository has the content it has here."""
    if there.lfs is not None:
        return bool(there.lfs.sha256 == revision.digests[path])
    local = revision.files[path]
    return bool(there.size == local.stat().st_size and there.blob_id == git_id_of(local.read_bytes()))


def _status(error: BaseException) -> int | None:
    """The HTTP status of a refusal."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) and status >= 400 else None


def _may_pass(error: BaseException) -> bool:
    """Whether another try may do: the connection failed, or the server is busy or broken, or the branch has moved."""
    cause: BaseException | None = error
    while cause is not None:
        status = _status(cause)
        if status is not None:
            return status in (408, 409, 412, 429) or status >= 500
        if isinstance(cause, ConnectionError | TimeoutError) or type(cause).__module__.startswith("httpx"):
            return True
        if isinstance(cause, RuntimeError) and CLOSED in str(cause):
            return True
        cause = cause.__cause__
    return False


def _sentence(error: BaseException) -> str:
    """The server's own words where it has some, without addresses; else the first line of the message."""
    message = getattr(error, "server_message", None) or str(error).strip().split("\n")[0]
    return " ".join(str(message).split()).rstrip(".")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the client's progress bars while the block runs."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
