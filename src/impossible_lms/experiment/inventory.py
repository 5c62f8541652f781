"""The inventory of a store or other folder: what is in it, how large each thing is, which experiments need it."""

import html
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from impossible_lms.data.dataset import DATASET
from impossible_lms.errors import UserError
from impossible_lms.experiment.kinds import (
    CHECK,
    EXPERIMENT,
    LEFT,
    MEANS,
    PUBLISHED,
    REPORT,
    RUN,
    figures_of,
    is_cache,
    is_part_of_report,
    kind_of,
)
from impossible_lms.experiment.sizes import Place, inside, taken
from impossible_lms.experiment.store import TOKENIZER, Store
from impossible_lms.experiment.work import read_plan
from impossible_lms.locks import lock_beside, wait_for_lock
from impossible_lms.models.run import CHECKPOINTS, STATES, Run
from impossible_lms.unfinished import PART, is_of_the_dead

OTHER = "other files"
TITLE_WITHIN = 4096  # characters of a page


@dataclass(frozen=True)
class Item:
    """One thing that a command wrote.

    Attributes:
        path: its folder or file.
        kind: what it is.
        size: of its files, in bytes; a file that has several names is counted once, as its run's where it is a run's.
        states: of these, the training states of a run.
        checkpoints: of these, the checkpoints of a run.
        frees: the bytes that are free once it is removed: files that have a name elsewhere stay.
        is_finished: of a run, whether its training is over, so that nothing needs the states.
        needed_by: the names of the experiments of its store whose plans name it.
        is_orphan: whether it lies in a store none of whose experiments needs it.
        is_held: whether a process has a lock on it or on something in it.
    """

    path: Path
    kind: str
    size: int
    states: int = 0
    checkpoints: int = 0
    frees: int = 0
    is_finished: bool = False
    needed_by: tuple[str, ...] = ()
    is_orphan: bool = False
    is_held: bool = False


@dataclass(frozen=True)
class Inventory:
    """What is in a folder.

    Attributes:
        folder: where.
        items: the largest first.
        other: bytes of files that belong to none of them.
        unread: the experiments whose plans cannot be had, each with the reason; what they need is not known.
    """

    folder: Path
    items: list[Item]
    other: int
    unread: dict[str, str]

    @property
    def size(self) -> int:
        """All bytes."""
        return self.other + sum(item.size for item in self.items)

    @property
    def spent_states(self) -> list[Item]:
        """The runs that are finished and still have training states, which nothing reads any more."""
        return [item for item in self.items if item.is_finished and item.states and not item.is_held]

    @property
    def orphans(self) -> list[Item]:
        """What no experiment of its store needs."""
        return [item for item in self.items if item.is_orphan and not item.is_held]

    @property
    def left(self) -> list[Item]:
        """What processes that were killed left half-written."""
        return [item for item in self.items if item.kind == LEFT]

    def of(self, experiment: str) -> "Inventory":
        """The same of what an experiment needs, and of its own folder."""
        mine = [item for item in self.items if experiment in item.needed_by]
        return replace(self, items=[replace(item, is_orphan=False) for item in mine], other=0)


def take_inventory(folder: str | Path, beside: Sequence[Path] = ()) -> Inventory:
    """Look through a folder: a store, or any other that commands wrote to; and through what else lies `beside`.

    UserError where there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. A store, as an experiment file names it, is expected.")
    found = _Found()
    _look([folder] if is_cache(folder) else inside(folder, found.folders), found)
    _look(beside, found)
    met: set[Place] = set()
    items = list(_items(found.kinds, met))
    other = taken(found.rest, met).size
    needed, unread = _needed(items)
    stores = {item.path.parent.parent for item in items if item.kind == EXPERIMENT}
    items = [replace(item, needed_by=tuple(sorted(needed.get(item.path, ())))) for item in items]
    in_use = {path for item in items if item.kind == RUN and item.is_held for path in _data_of(item.path)}
    whole = {store for store in stores if not any((store / "experiments" / name).is_dir() for name in unread)}
    items = [
        replace(
            item,
            is_held=item.is_held or item.path.resolve() in in_use,
            is_orphan=not item.needed_by and not item.path.is_symlink() and any(_is_of(store, item) for store in whole),
        )
        for item in items
    ]
    return Inventory(folder, sorted(items, key=lambda item: (-item.size, item.path)), other, unread)


def counted(items: list[Item]) -> dict[str, tuple[int, int]]:
    """How many things of each kind there are, and their bytes."""
    numbers = Counter(item.kind for item in items)
    kinds = sorted(numbers, key=lambda kind: [*MEANS, kind].index(kind))
    return {kind: (numbers[kind], sum(item.size for item in items if item.kind == kind)) for kind in kinds}


def publishes_to(folder: Path) -> list[Path]:
    """The cache that an experiment publishes to, if its file names one: seen from its store, where that lies now."""
    asked, store = read_plan(folder).experiment, folder.parent.parent
    if asked.publish is None or asked.publish.cache is None:
        return []
    return [Path(os.path.normpath(store.resolve() / os.path.relpath(asked.publish.cache, asked.store)))]


def is_held(path: Path) -> bool:
    """Whether a process has a lock on something, or on what lies in it."""
    inside = [*path.rglob(".*lock")] if path.is_dir() else []
    return not all(wait_for_lock(lock, 0) for lock in (lock_beside(path), *inside))


@dataclass
class _Found:
    kinds: dict[Path, str] = field(default_factory=dict)  # of each thing
    rest: list[Path] = field(default_factory=list)  # files that are none of them
    folders: set[Place] = field(default_factory=set)  # those looked into


def _look(paths: Iterable[Path], found: _Found) -> None:
    """Add to `found` all that paths hold."""
    for path in paths:
        kind = kind_of(path)
        if kind is None and path.is_dir():
            _look(inside(path, found.folders), found)
        elif kind is None:
            found.rest.append(path)
        elif not is_part_of_report(path, kind):
            found.kinds[path] = kind
            found.kinds |= {left: LEFT for left in _left_in(path) if kind != LEFT}


def _items(kinds: Mapping[Path, str], counted: set[Place]) -> Iterator[Item]:
    """Things with their sizes. A file with several names is a run's before anything else's, and a cache's last."""
    order = {RUN: 0, LEFT: 2, PUBLISHED: 3}
    left = {path for path, kind in kinds.items() if kind == LEFT}
    for path in sorted(kinds, key=lambda path: (order.get(kinds[path], 1), path.is_symlink(), path)):
        kind, before = kinds[path], set(counted)
        whole = taken([path, figures_of(path)] if kind == REPORT else [path], counted, left - {path})
        of_run = {name: taken([path / name], set(before), left).size for name in (STATES, CHECKPOINTS) if kind == RUN}
        yield Item(
            path,
            kind,
            whole.size,
            of_run.get(STATES, 0),
            of_run.get(CHECKPOINTS, 0),
            whole.frees,
            kind == RUN and _is_finished(path),
            is_held=kind != LEFT and is_held(path),
        )


def _needed(items: Sequence[Item]) -> tuple[dict[Path, set[str]], dict[str, str]]:
    """Which experiments need each path; and of those whose plans cannot be had, the reason."""
    needed: dict[Path, set[str]] = {}
    caches: dict[Path, set[str]] = {}
    unread: dict[str, str] = {}
    for item in items:
        if item.kind != EXPERIMENT:
            continue
        name = item.path.name
        needed.setdefault(item.path, set()).add(name)
        try:
            for path in _needs(item.path, item.path.parent.parent):
                needed.setdefault(path, set()).add(name)
            for path in publishes_to(item.path):
                caches.setdefault(path.resolve(), set()).add(name)
        except UserError as error:
            unread[name] = str(error)
    names = {item.path.name for item in items if item.kind == EXPERIMENT}
    for item in items:
        if item.kind == PUBLISHED:
            needed[item.path] = caches.get(item.path.resolve(), set())
        elif item.kind == REPORT:
            needed[item.path] = {_title(item.path)} & names
    return needed, unread


def _needs(folder: Path, store: Path) -> Iterator[Path]:
    """What the plan of an experiment makes, or will: in the store where its folder lies now."""
    plan = read_plan(folder)
    plan = replace(plan, experiment=plan.experiment.model_copy(update={"store": str(store)}))
    return iter([path for task in plan.tasks.values() for path in task.makes])


def _title(page: Path) -> str:
    """The title of a report's page, which is the name of its experiment unless another was given."""
    with page.open(encoding="utf-8", errors="replace") as file:
        found = re.search("<title>(.*?)</title>", file.read(TITLE_WITHIN))
    return html.unescape(found[1]) if found else ""


def _is_of(store: Path, item: Item) -> bool:
    """Whether something lies where the store keeps what experiments make."""
    homes = {TOKENIZER: Store(store).tokenizer("-"), CHECK: Store(store).check("-"), RUN: Store(store).run("-")}
    home = homes.get(item.kind)
    if item.kind == DATASET:
        return item.path.parent.parent == Store(store).data("-").parent
    return home is not None and item.path.parent == home.parent


def _data_of(run: Path) -> list[Path]:
    """The dataset of a run, where its record can be read."""
    try:
        return [(run / Run.open(run).record["data"]).resolve()]
    except UserError:
        return []


def _is_finished(run: Path) -> bool:
    try:
        return Run.open(run).finished is not None
    except UserError:
        return False  # damaged: nothing of it is touched


def _left_in(folder: Path) -> list[Path]:
    """What dead processes left half-written in something that is whole."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.rglob(f".*{PART}*") if is_of_the_dead(path)]
    return [path for path in found if not any(PART in above.name for above in path.relative_to(folder).parents)]
