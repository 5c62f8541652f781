"""What comes to the hub on this machine as a commit: a line for what it is, and one for each file that changes."""

import base64
import binascii
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from impossible_lms.publishing.hub_blobs import Blobs, Entry, Refused
from impossible_lms.publishing.hub_http import checked, parsed
from impossible_lms.publishing.hub_messages import Header, Operation
from impossible_lms.publishing.hub_store import checked_path

LARGEST_COMMIT = 256 << 20  # small files stand in it as base64; large ones are sent before
LARGEST_LINE = 16 << 20

Files = dict[str, Entry]
Step = Callable[[Files], Files]


def read_commit(chunks: Iterable[bytes], blobs: Blobs, scratch: Path) -> tuple[Header, list[Step]]:
    """What a commit says of itself, and the steps from the files before to those after it.

    One line of it is in memory at a time: it arrives in a file without a name in the folder `scratch`, and the contents
    in it are kept in `blobs` at once. Refused where something is wrong with a line.
    """
    header, steps = Header(), list[Step]()
    for line in _lines(chunks, scratch):
        operation = parsed(Operation, line)
        if operation.key == "header":
            header = checked(Header, operation.value)
        else:
            steps.append(_step(operation, blobs))
    return header, steps


def _lines(chunks: Iterable[bytes], scratch: Path) -> Iterator[bytes]:
    with tempfile.TemporaryFile(dir=scratch) as file:
        for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        while line := file.readline(LARGEST_LINE + 1):
            if len(line) > LARGEST_LINE:
                raise Refused(413, "", f"at most {LARGEST_LINE} bytes are taken in a line of a commit.")
            if line.strip():
                yield line


def _step(operation: Operation, blobs: Blobs) -> Step:
    """One operation of a commit; what it brings is kept, or there, when this returns."""
    key, said = operation.key, operation.value.get("path")
    if key == "deletedFolder" and isinstance(said, str):
        said = said.removesuffix("/")
    path = checked_path(said)
    if key in ("file", "lfsFile"):
        value = operation.value
        entry = (
            blobs.small(from_base64(path, value.get("content")))
            if key == "file"
            else blobs.large(str(value.get("oid")))
        )
        return lambda files: files | {path: entry}

    def without(files: Files) -> Files:
        gone = {path} if key == "deletedFile" else {name for name in files if name.startswith(f"{path}/")}
        if key not in ("deletedFile", "deletedFolder") or not gone & files.keys():
            raise Refused(400, "", f"{key} {path}: no such operation or no such file.")
        return {name: entry for name, entry in files.items() if name not in gone}

    return without


def from_base64(path: str, text: Any) -> bytes:
    """The content that a message holds; Refused where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise Refused(400, "", f"{path}: its content is not base64.") from error
