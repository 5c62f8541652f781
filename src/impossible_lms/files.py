"""Files that are whole or absent, and prove it: write beside and rename, hashes, sealed records, manifests."""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from impossible_lms.documents import parsed_json
from impossible_lms.errors import UserError
from impossible_lms.unfinished import part_file, part_folder, remove, remove_of_the_dead, remove_unfinished

MANIFEST = "manifest.json"
SEAL = "sha256"  # of a record, in the record: the hash of all else in it
HASH = re.compile("[0-9a-f]{64}")
SETTLED = 2_000_000_000  # nanoseconds after which a change to a file shows in its times, however coarse they are


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, as 64 hexadecimal digits; a file that has not changed is read once a process."""
    with path.open("rb") as file:
        known = _identity(file.fileno())
        if known not in _HASHES:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if _identity(file.fileno()) != known or time.time_ns() - max(known[-2:]) < SETTLED:
                return digest
            _HASHES[known] = digest
    return _HASHES[known]


_HASHES: dict[tuple[int, ...], str] = {}


def _identity(handle: int) -> tuple[int, ...]:
    """What of an open file changes with its content: where it is, its size and its times, that of any change last."""
    found = os.fstat(handle)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def git_id_of(content: bytes) -> str:
    """The id git gives a file of this content, as 40 hexadecimal digits."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def to_json(value: Any) -> str:
    """One canonical JSON text: sorted keys, NaN refused, `\\n` at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def digest_of(value: Any) -> str:
    """The sha256 of a value that JSON can hold."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()


def sealed(value: Mapping[str, Any]) -> str:
    """A record as JSON that proves itself: its `sha256` is the hash of all else in it."""
    plain = json.loads(to_json(dict(value)))
    return to_json({**plain, SEAL: digest_of(plain)})


def write_record(path: Path, value: Mapping[str, Any]) -> None:
    """Write a record that `read_record` reads, whole or not at all."""
    write_text(path, sealed(value))


def read_record(path: Path, fields: Mapping[str, Any], mend: str) -> dict[str, Any]:
    """The record in a file, as `write_record` wrote it.

    Args:
        path: the file.
        fields: what is read of it, by name, each with its type, or a mapping of the same kind for what is in it.
        mend: what to do where it is damaged or of another version, as a sentence.

    Raises:
        UserError: it is missing, damaged, or lacks a field.
    """
    try:
        found = parsed_json(path.read_bytes().decode())
        if not isinstance(found, dict) or SEAL not in found:
            raise UserError(f"{path}: damaged, or of an earlier version (no hash of its own). {mend}")
        seal = found.pop(SEAL)
        if seal != digest_of(found):
            raise UserError(f"{path}: damaged (its content has changed since it was written). {mend}")
    except FileNotFoundError:
        raise UserError(f"{path}: missing. {mend}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged ({type(error).__name__}). {mend}") from error
    if lacking := _lacking(found, fields):
        raise UserError(f"{path}: {lacking} is not there or of another kind: of another version. {mend}")
    return dict(found)


def _lacking(value: Any, fields: Mapping[str, Any], path: str = "") -> str | None:
    """The path of the first field that is not there, or not of its type."""
    for name, kind in fields.items():
        found, place = value.get(name), f"{path}{name}"
        if not isinstance(found, dict if isinstance(kind, Mapping) else kind):
            return place
        if isinstance(kind, Mapping) and (lacking := _lacking(found, kind, f"{place}.")):
            return lacking
    return None


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file beside its name, then rename: the old content stays until the new one is whole."""
    with written_beside(path) as part:
        part.write_bytes(text.encode())


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a path to write to; on success sync it and rename it to `path`, on failure remove it.

    What killed writers of `path` left is removed first. Of several at once, each is whole, and the last one stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_of_the_dead(path)
    part = part_file(path)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        remove(part)


@contextlib.contextmanager
def folder_beside(folder: Path, kind: str, record: Mapping[str, Any]) -> Iterator[Path]:
    """Give an empty folder to fill; on success write its manifest, sync all and rename it to `folder`.

    `folder` appears complete or not at all. An existing one is replaced only at that moment. What is found of earlier
    attempts that were cut off is removed first, so nobody else may be writing it: `locks.writing` sees to that.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    part = part_folder(folder)
    try:
        yield part
        publish_folder(part, folder, kind, record)
    finally:
        remove(part)


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


def write_manifest(folder: Path, kind: str, record: Mapping[str, Any]) -> None:
    """Write `manifest.json`: the kind of artefact, its record, and the sha256 and size of every file in the folder."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }
    write_record(folder / MANIFEST, {"kind": kind, "record": dict(record), "files": files})


def is_there(path: str | Path) -> bool:
    """Whether what somebody named is a file or folder; a name that is too long for one names nothing.

    Unlike `os.path.exists` it does not hide a folder that may not be read: that is an OSError, which says so.
    """
    try:
        return Path(path).exists()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def read_manifest(folder: Path, kind: str, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The manifest of a folder: `kind`, `record` (with its `fields`), `files`; UserError where it is no such thing."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. A {kind} is expected here.")
    if not path.is_file():
        raise UserError(f"{folder}: not a finished {kind} (no {MANIFEST}).")
    return _parsed(path, folder, kind, fields or {})


def read_file_manifest(path: Path, kind: str) -> dict[str, Any]:
    """The manifest of an artefact that is one file, as `read_manifest` gives it; it stands beside, as `<name>.json`."""
    beside = _manifest_beside(path)
    if not path.is_file() or not beside.is_file():
        raise UserError(f"{path}: exists and is not a finished {kind}. Choose another output.")
    return _parsed(beside, path, kind, {})


def _manifest_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def publish_file(part: Path, path: Path, kind: str, record: Mapping[str, Any]) -> None:
    """Rename a finished file to `path`, having written its manifest beside: where the file is, its manifest is too."""
    beside = _manifest_beside(path)
    remove_unfinished(beside)
    files = {path.name: {"sha256": sha256_of(part), "bytes": part.stat().st_size}}
    write_record(beside, {"kind": kind, "record": dict(record), "files": files})
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
    verify_files(path.parent, manifest)
    return True


def _parsed(path: Path, artefact: Path, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    mend = f"Remove {artefact} and make the {kind} again."
    manifest = read_record(path, {"kind": str, "record": dict, "files": dict}, mend)
    if manifest["kind"] != kind:
        raise UserError(f"{artefact}: holds a {manifest['kind']}, not a {kind}.")
    if lacking := _lacking(manifest["record"], fields):
        raise UserError(f"{path}: has no {lacking}, or another kind of it: of another version. {mend}")
    for entry in manifest["files"].values():
        if not isinstance(entry, dict) or _lacking(entry, {"sha256": str, "bytes": int}):
            raise UserError(f"{path}: lists files without their hashes: of another version. {mend}")
    return manifest


def verify_files(
    folder: Path, manifest: Mapping[str, Any], contents: bool = True, names: Iterable[str] | None = None
) -> None:
    """Compare a folder with its manifest: every file there, of its size and (with `contents`) its sha256.

    `names` are those to compare, all where None. What else is in the folder does not matter. UserError names the first
    that differs.
    """
    for name in manifest["files"] if names is None else names:
        path, expected = folder / name, manifest["files"].get(name)
        mend = f"Remove {folder} and make the {manifest['kind']} again."
        if expected is None or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise UserError(f"{path}: missing. {mend}")
        size = path.stat().st_size
        if size != expected["bytes"]:
            raise UserError(f"{path}: {size} bytes, {expected['bytes']} expected. {mend}")
        if contents and sha256_of(path) != expected["sha256"]:
            raise UserError(f"{path}: its content has changed since it was made (sha256). {mend}")


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
    verify_files(folder, manifest)
    return True


def refuse_other(folder: Path, found: Mapping[str, Any], asked: Mapping[str, Any], why: str = "") -> None:
    """UserError with the differences where a folder was made from something else than what is asked for now.

    `why` it cannot be made into that stands behind them.
    """
    found_flat, asked_flat = dict(_flat(found)), dict(_flat(asked))
    keys = sorted(key for key in found_flat.keys() | asked_flat.keys() if found_flat.get(key) != asked_flat.get(key))
    if keys:
        said = "; ".join(f"{key} was {_short(found_flat.get(key))}, now {_short(asked_flat.get(key))}" for key in keys)
        more = f" {why}" if why else ""
        raise UserError(
            f"{folder}: belongs to something else ({said}).{more} Choose another output folder, or remove it."
        )


def _short(value: Any) -> Any:
    """A value for a message: of a hash its beginning."""
    return f"{value[:8]}..." if isinstance(value, str) and HASH.fullmatch(value) else value


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, list(value) if isinstance(value, tuple) else value


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
