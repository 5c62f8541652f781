"""Mutations: one file changed as a disk, a copy or a hand changes it; by a seed, and taken back afterwards."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def flipped(content: bytes, draw: random.Random) -> bytes:
    """One bit the other way round."""
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]


def truncated(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def zeroed(content: bytes, draw: random.Random) -> bytes:
    """Zeros over a span, as a disk leaves what was never written."""
    start = draw.randrange(len(content))
    end = min(len(content), start + draw.choice([1, 64, 512, 4096]))
    return content[:start] + bytes(end - start) + content[end:]


def swapped(content: bytes, draw: random.Random) -> bytes:
    """Two spans exchanged."""
    size = draw.choice([1, 16, 256])
    first, second = sorted(draw.randrange(max(1, len(content) - size)) for _ in range(2))
    second = max(second, first + size)
    one, two = content[first : first + size], content[second : second + size]
    return content[:first] + two + content[first + size : second] + one + content[second + size :]


def appended(content: bytes, draw: random.Random) -> bytes:
    return content + draw.choice([b"\0" * 512, b"\n", b"{}", content[-100:], content])


def edited(content: bytes, draw: random.Random) -> bytes:
    """A digit changed by hand: what is written stays well-formed."""
    places = [place for place, byte in enumerate(content) if 0x30 <= byte <= 0x39]
    if not places:
        return flipped(content, draw)
    place = draw.choice(places)
    return content[:place] + bytes([0x30 + (content[place] - 0x30 + draw.randrange(1, 10)) % 10]) + content[place + 1 :]


def hostile(content: bytes, draw: random.Random) -> bytes:
    """Something else altogether that can be read as JSON, or nearly."""
    try:
        found = json.loads(content)
    except ValueError:
        found = {}
    if isinstance(found, dict) and found and draw.random() < 0.5:
        key = draw.choice(sorted(found))
        found[key] = draw.choice([None, 7, "x", [], {}, 10**400, [[found[key]]]])
        if draw.random() < 0.3:
            del found[key]
        return json.dumps(found).encode()
    return draw.choice(
        [
            *(
                b"",
                b"{}",
                b"[]",
                b"null",
                b"7",
                b'"x"',
                b"\xff\xfe{}",
                b'{"a": NaN}',
                b'{"a": 1e999}',
                b'{"a": "\\ud800"}',
            ),
            *(b"[" * 100_000, b'{"sha256":' * 5_000, b'{"a": ' + b"9" * 5000 + b"}", b"\xef\xbb\xbf" + content),
        ]
    )


CHANGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bit": flipped,
    "truncation": truncated,
    "zeros": zeroed,
    "spans": swapped,
    "appended": appended,
    "digit": edited,
    "hostile": hostile,
}
EXCHANGES = ("neighbour", "namesake")  # with a file of the same folder; with that of the same place in another run
KINDS = (*CHANGES, *EXCHANGES, "removed", "foreign")


@dataclass(frozen=True)
class Mutation:
    """One file of a folder, and what is done to it."""

    kind: str
    file: Path
    seed: int
    partner: Path | None = None

    @property
    def places(self) -> list[Path]:
        """The files that are changed."""
        return [self.file] if self.partner is None else [self.file, self.partner]

    def __str__(self) -> str:
        return f"{self.kind} of {self.file.parent.name}/{self.file.name}, seed {self.seed}"


def drawn(root: Path, other: Path, seed: int) -> Mutation:
    """A mutation of some file below `root`; `other` has files of the same places. Kinds of files come equally often."""
    draw = random.Random(seed)
    files = sorted(path for path in root.rglob("*") if path.is_file() and ".lock" not in path.name)
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(file.name, []).append(file)
    file = draw.choice(groups[draw.choice(sorted(groups))])
    kind, partner = draw.choice(KINDS), None
    if kind == "neighbour":
        near = [path for path in sorted(file.parent.iterdir()) if path.is_file() and path != file]
        partner = draw.choice(near) if near else None
    elif kind == "namesake":
        partner = other / file.relative_to(root)
        partner = partner if partner.is_file() else None
    if kind in EXCHANGES and partner is None:
        kind = "bit"
    return Mutation(kind, file, seed, partner)


@contextmanager
def applied(mutation: Mutation) -> Iterator[None]:
    """The files changed while the block runs, and as they were afterwards, whatever was done to them."""
    draw = random.Random(mutation.seed)
    before = {path: path.read_bytes() for path in mutation.places}
    foreign = mutation.file.with_name("Thumbs.db")
    try:
        if mutation.partner is not None:
            mutation.file.write_bytes(before[mutation.partner])
            mutation.partner.write_bytes(before[mutation.file])
        elif mutation.kind == "removed":
            mutation.file.unlink()
        elif mutation.kind == "foreign":
            shutil.copyfile(mutation.file, foreign)
        else:
            mutation.file.write_bytes(CHANGES[mutation.kind](before[mutation.file], draw))
        yield
    finally:
        foreign.unlink(missing_ok=True)
        for path, content in before.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
