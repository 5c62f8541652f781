"""A scene to damage: something that commands read, another of it beside, and what the commands say of both."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST
from tests.faults.mutations import Mutation, applied, drawn

EQUAL, NAMED, WITHOUT = "equal", "refused in one line", "left out, and named"
CHANGED = "read as it is now"  # where nothing vouches for what it was


@dataclass(frozen=True)
class Answer:
    """What a command gives: the numbers by name, and what it says is left out."""

    values: dict[str, str]
    faults: Sequence[str] = ()


@dataclass
class Scene:
    """Something that commands read, to be damaged: `root/mine`; `root/other` has another of each of its files.

    Attributes:
        root: the folder of both.
        commands: what is asked, by name.
        reading: for each folder in `mine`, the names of the commands that read it; one that writes there comes last.
        changing: what a command may change there, below `mine`: put back after each mutation.
        spared: whether a mutation is no damage, as what a file's absence or content says is all there is to know.
        is_vouched_for: whether what is read has a record of what it was, so that other values are a fault.
    """

    root: Path
    commands: Mapping[str, Callable[["Scene"], Answer]]
    reading: Mapping[str, Sequence[str]]
    changing: Sequence[str] = ()
    spared: Callable[[Mutation], bool] = lambda mutation: False
    is_vouched_for: bool = True

    @property
    def mine(self) -> Path:
        return self.root / "mine"

    @property
    def other(self) -> Path:
        return self.root / "other"

    @cached_property
    def expected(self) -> dict[str, Answer]:
        """What each command says of what is whole."""
        found = {name: command(self) for name, command in self.commands.items()}
        for part in self.changing:
            shutil.copytree(self.mine / part, self.root / "kept" / part, symlinks=True)
        return found

    def drawn(self, seed: int) -> Mutation:
        """A mutation of some file, one that is damage."""
        _ = self.expected  # commands leave files of their own there
        return next(
            found for more in count() if not self.spared(found := drawn(self.mine, self.other, seed + 1_000_000 * more))
        )

    def outcome(self, mutation: Mutation) -> str:
        """What comes of a mutation under all commands that read the file; AssertionError where it is no good."""
        names = self.reading[mutation.file.relative_to(self.mine).parts[0]]
        expected = self.expected
        try:
            with applied(mutation):
                outcomes = {self._outcome(mutation, name, expected[name]) for name in names}
        finally:
            for part in self.changing:
                shutil.rmtree(self.mine / part, ignore_errors=True)
                shutil.copytree(self.root / "kept" / part, self.mine / part, symlinks=True)
        return next(kind for kind in (NAMED, WITHOUT, CHANGED, EQUAL) if kind in outcomes)

    def _outcome(self, mutation: Mutation, name: str, expected: Answer) -> str:
        said = f"{name} after {mutation}"
        try:
            found = self.commands[name](self)
        except UserError as error:
            assert "\n" not in str(error), said
            assert self._names(mutation, str(error)), f"{said}: {error}"
            return NAMED
        if not self.is_vouched_for:
            return EQUAL if found == expected else CHANGED
        if found.faults:
            assert any(self._names(mutation, fault) for fault in found.faults), f"{said}: {found.faults}"
        for key, value in found.values.items():
            assert value == expected.values[key], f"{said}: another {key} in silence"
        if not found.faults:
            assert found.values.keys() == expected.values.keys(), f"{said}: {key} missing in silence"
        return WITHOUT if found.faults else EQUAL

    def _names(self, mutation: Mutation, fault: str) -> bool:
        """Whether a message names a file that was changed, or the folder of files that no longer belong together."""
        places = [
            path.relative_to(self.mine if path.is_relative_to(self.mine) else self.other) for path in mutation.places
        ]
        names = [
            (
                str(path),
                path.name,
                path.stem if path.suffix in {".json", ".png"} else path.name,
                # An artefact is its manifest, so its folder may be named for that.
                *([str(path.parent)] if len(path.parts) > 2 or path.name == MANIFEST else []),
                # Of what is missing an experiment names the task that makes it, as runs and evaluations are called.
                *([path.parent.name] if len(path.parts) > 2 and "-" in path.parent.name else []),
            )
            for path in places
        ]
        return any(name in fault for group in names for name in group)


def table(outcomes: dict[tuple[str, str], int]) -> str:
    """How often each kind of mutation came to what, as lines."""
    kinds = sorted({kind for kind, _ in outcomes})
    head = f"{'mutation':12}" + "".join(f"{end:>22}" for end in (EQUAL, CHANGED, WITHOUT, NAMED))
    rows = [
        f"{kind:12}" + "".join(f"{outcomes.get((kind, end), 0):22}" for end in (EQUAL, CHANGED, WITHOUT, NAMED))
        for kind in kinds
    ]
    return "\n".join([head, *rows])
