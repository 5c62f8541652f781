"""Files that are whole or absent: write beside and rename, content hashes, manifests, locks."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from impossible_lms.documents import read_json
from impossible_lms.errors import UserError

MANIFEST = "manifest.json"
_PART = ".part-"  # what a file or folder is called while it is being written


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_id_of(content: bytes) -> str:
    """The id git gives a file of this content, as 40 hexadecimal digits."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def to_json(value: Any) -> str:
    """One canonical JSON text: sorted keys, NaN refused, `\\n` at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def digest_of(value: Any) -> str:
    """The sha256 of a value that JSON can hold."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file beside its name, then rename: the old content stays until the new one is whole."""
    with written_beside(path) as part:
        part.write_bytes(text.encode())


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a path to write to; on success sync it and rename it to `path`, on failure remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}{_PART}", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_beside(folder: Path, kind: str, record: Mapping[str, Any]) -> Iterator[Path]:
    """Give an empty folder to fill; on success write its manifest, sync all and rename it to `folder`.

    `folder` appears complete or not at all. An existing one is replaced only at that moment. What is found of earlier
    attempts that were cut off is removed first.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}{_PART}", dir=folder.parent))
    try:
        yield part
        publish_folder(part, folder, kind, record)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def publish_folder(part: Path, folder: Path, kind: str, record: Mapping[str, Any]) -> None:
    """Write the manifest of a filled folder, sync all and rename it to `folder`, in the place of what is there."""
    write_manifest(part, kind, record)
    for path in sorted(part.rglob("*")):
        _sync(path)
    _sync(part)
    part.chmod(0o777 & ~_umask())
    if folder.exists():
        shutil.rmtree(folder)
    part.replace(folder)
    _sync(folder.parent)


def remove_unfinished(path: Path) -> None:
    """Remove what a killed writer of `path` left beside it."""
    for left in path.parent.glob(f".{path.name}{_PART}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def remove_unfinished_below(folder: Path) -> None:
    """Remove what killed writers left anywhere in a folder that nobody else writes to now."""
    for left in list(folder.rglob(f".*{_PART}*")):
        left.unlink(missing_ok=True)


def write_manifest(folder: Path, kind: str, record: Mapping[str, Any]) -> None:
    """Write `manifest.json`: the kind of artefact, its record, and the sha256 and size of every file in the folder."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }
    write_text(folder / MANIFEST, to_json({"kind": kind, "record": dict(record), "files": files}))


def read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest of a folder: `kind`, `record` and `files`. UserError where the folder is not a finished `kind`."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. A {kind} is expected here.")
    if not path.is_file():
        raise UserError(f"{folder}: not a finished {kind} (no {MANIFEST}).")
    return _parsed(path, folder, kind)


def read_file_manifest(path: Path, kind: str) -> dict[str, Any]:
    """The manifest of an artefact that is one file, as `read_manifest` gives it; it stands beside, as `<name>.json`."""
    beside = _manifest_beside(path)
    if not path.is_file() or not beside.is_file():
        raise UserError(f"{path}: exists and is not a finished {kind}. Choose another output.")
    return _parsed(beside, path, kind)


def _manifest_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def publish_file(part: Path, path: Path, kind: str, record: Mapping[str, Any]) -> None:
    """Rename a finished file to `path`, having written its manifest beside: where the file is, its manifest is too."""
    beside = _manifest_beside(path)
    remove_unfinished(beside)
    files = {path.name: {"sha256": sha256_of(part), "bytes": part.stat().st_size}}
    write_text(beside, to_json({"kind": kind, "record": dict(record), "files": files}))
    part.chmod(0o666 & ~_umask())
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def is_made_file(path: Path, kind: str, request: Mapping[str, Any]) -> bool:
    """Whether the file `path` already is the `kind` of artefact that `request` asks for, as `is_made` for folders."""
    if not path.exists():
        return False
    manifest = read_file_manifest(path, kind)
    refuse_other(path, manifest["record"].get("request", {}), request)
    verify_files(path.parent, manifest, contents=False)
    return True


def _parsed(path: Path, artefact: Path, kind: str) -> dict[str, Any]:
    try:
        manifest = read_json(path)
        found = manifest["kind"]
        manifest["record"], manifest["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: damaged ({type(error).__name__}). Make the {kind} again.") from error
    if found != kind:
        raise UserError(f"{artefact}: holds a {found}, not a {kind}.")
    return dict(manifest)


def verify_files(folder: Path, manifest: Mapping[str, Any], contents: bool = True) -> None:
    """Compare a folder with its manifest: every file there, of its size and (with `contents`) its sha256."""
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise UserError(f"{path}: missing. The {manifest['kind']} is damaged; make it again.")
        size = path.stat().st_size
        if size != expected["bytes"]:
            raise UserError(f"{path}: {size} bytes, {expected['bytes']} expected. It is damaged; make it again.")
        if contents and sha256_of(path) != expected["sha256"]:
            raise UserError(f"{path}: its content has changed since it was made (sha256). Make it again.")


def is_made(folder: Path, kind: str, request: Mapping[str, Any]) -> bool:
    """Whether `folder` already holds the `kind` of artefact that `request` (kept in its record) asks for.

    Raises UserError where the folder is taken by anything else, with the differences.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder}: exists and is not a finished {kind}. Choose another output folder.")
    manifest = read_manifest(folder, kind)
    refuse_other(folder, manifest["record"].get("request", {}), request)
    verify_files(folder, manifest, contents=False)
    return True


def refuse_other(folder: Path, found: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """UserError with the differences where a folder was made from something else than what is asked for now."""
    found_flat, asked_flat = dict(_flat(found)), dict(_flat(asked))
    keys = sorted(key for key in found_flat.keys() | asked_flat.keys() if found_flat.get(key) != asked_flat.get(key))
    if keys:
        said = "; ".join(f"{key} was {found_flat.get(key)}, now {asked_flat.get(key)}" for key in keys)
        raise UserError(f"{folder}: belongs to something else ({said}). Choose another output folder, or remove it.")


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, list(value) if isinstance(value, tuple) else value


@contextlib.contextmanager
def locked(path: Path, holder: str) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` while the block runs; UserError where another process has it.

    The lock goes with the process, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(f"{path.parent}: {holder} by another process. Wait for it, or stop it.") from error
    try:
        yield
    finally:
        lock.release()


def wait_for_lock(path: Path, seconds: float) -> bool:
    """Wait until nobody holds the lock on the file `path`, `seconds` at most; whether nobody does."""
    if path.is_file():
        try:
            FileLock(path, timeout=seconds).acquire().lock.release()
        except Timeout:
            return False
    return True


class GrowingFile:
    """A file that long work appends to, so that work which is cut off goes on from what is known to be on disk.

    Args:
        path: the file, which is made if there is none.
        size: bytes known to be whole; what a killed writer left behind them is cut off.
        sha256: of these bytes.

    Raises:
        UserError: the file does not hold these bytes.
    """

    def __init__(self, path: Path, size: int = 0, sha256: str = hashlib.sha256().hexdigest()) -> None:
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._hash = hashlib.sha256()
        self.size = 0
        while piece := self._file.read(min(1 << 20, size - self.size)):
            self._hash.update(piece)
            self.size += len(piece)
        if (self.size, self.sha256) != (size, sha256):
            self._file.close()
            raise UserError(f"{path}: damaged since it was written. Remove {path.parent} and begin again.")
        self._file.truncate(size)

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        return self._hash.hexdigest()

    def append(self, content: bytes) -> None:
        """Add `content` at the end; when this returns it is on the disk."""
        self._file.write(content)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._hash.update(content)
        self.size += len(content)

    def close(self) -> None:
        self._file.close()


def link_or_copy(source: Path, target: Path) -> None:
    """Put the content of `source` at `target`: a hard link where the disk allows one, a copy elsewhere.

    Only for files that are replaced by renaming and never written in place (weights).
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
