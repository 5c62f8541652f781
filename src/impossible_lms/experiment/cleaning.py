"""Cleaning: removes from a store what nothing needs any more, and nothing that a process has or has come to need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.data.dataset import DATASET
from impossible_lms.errors import UserError
from impossible_lms.experiment.inventory import Inventory, Item, take_inventory
from impossible_lms.experiment.kinds import CHECK, RUN
from impossible_lms.experiment.store import TOKENIZER
from impossible_lms.locks import locked, writing
from impossible_lms.models.run import LOCK, RECORD, STATES
from impossible_lms.unfinished import PART, part_folder, remove

# What it costs to have removed things again, by their kind.
AGAIN = {
    RUN: "runs are trained and measured anew",
    DATASET: "datasets are built anew",
    TOKENIZER: "tokenizers are trained anew",
    CHECK: "checks are made anew, in seconds",
}


@dataclass(frozen=True)
class Removable:
    """A kind of what can go.

    Attributes:
        what: in words.
        cost: what is lost by it, in a sentence.
        paths: the folders and files, with the bytes of each.
        choose: finds the same in an inventory.
    """

    what: str
    cost: str
    paths: dict[Path, int]
    choose: Callable[[Inventory], dict[Path, int]]

    @property
    def size(self) -> int:
        """All bytes."""
        return sum(self.paths.values())


def removable(inventory: Inventory) -> list[Removable]:
    """What can go of what an inventory lists: training states, orphans, and what was left; kinds that there are."""
    again = [AGAIN[kind] for kind in AGAIN if any(item.kind == kind for item in inventory.orphans)]
    kinds: list[tuple[str, str, Callable[[Inventory], dict[Path, int]]]] = [
        (
            "training states of finished runs",
            "Only to go on with a run: finished ones lose nothing",
            _states,
        ),
        (
            "what no experiment of the store needs",
            f"When an experiment asks for them again, {', '.join(again)}",
            lambda found: _sizes(found.orphans),
        ),
        (
            "what killed processes left half-written",
            "Nothing reads it",
            lambda found: _sizes(found.left),
        ),
    ]
    return [Removable(what, f"{cost}.", paths, choose) for what, cost, choose in kinds if (paths := choose(inventory))]


def remove_all(asked: Removable, inventory: Inventory, say: Callable[[str], None]) -> int:
    """Remove what was asked for, as far as it can still go; the bytes that are free by it.

    The folder is looked through again before, for since somebody was asked an experiment may have begun that needs
    some of it. Each folder goes from its name at once, so that none is ever there in part.

    Args:
        asked: what to remove.
        inventory: in which it was found.
        say: is told what stays, and why.
    """
    now, freed = asked.choose(take_inventory(inventory.folder)), 0
    for path, size in asked.paths.items():
        if path not in now:
            say(f"{path}: stays, for it is in use or needed by now.")
            continue
        try:
            _remove(path)
            freed += size
        except UserError as error:
            say(f"stays: {error}")
    return freed


def _remove(path: Path) -> None:
    """Remove one thing while nobody else can write it; UserError where somebody does."""
    if PART in path.name:  # its writer is dead
        return remove(path)
    run = path.parent if path.name == STATES else path
    with locked(run / LOCK, "in use") if (run / RECORD).is_file() else writing(path):
        if path.is_dir():
            gone = part_folder(path)
            path.replace(gone)
            path = gone
        remove(path)
    return None


def _sizes(items: Sequence[Item]) -> dict[Path, int]:
    return {item.path: item.frees for item in items}


def _states(inventory: Inventory) -> dict[Path, int]:
    return {item.path / STATES: item.states for item in inventory.spent_states}
