"""The inventory of a store or other folder: what is in it, how large each thing is, which experiments need it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from impossible_lms.corpora.annotated import KIND as ANNOTATED
from impossible_lms.data.dataset import DATASET
from impossible_lms.errors import UserError
from impossible_lms.experiment.store import TOKENIZER, Store
from impossible_lms.experiment.work import RECORD as EXPERIMENT_RECORD
from impossible_lms.experiment.work import read_plan
from impossible_lms.files import MANIFEST, read_record
from impossible_lms.locks import lock_beside, wait_for_lock
from impossible_lms.models.run import RECORD as RUN_RECORD
from impossible_lms.models.run import STATES, Run
from impossible_lms.unfinished import PART, is_of_the_dead

RUN, CHECK, EXPERIMENT, LEFT = "run", "check", "experiment", "left by killed processes"
KINDS = (RUN, DATASET, TOKENIZER, CHECK, EXPERIMENT, ANNOTATED, LEFT)
OTHER = "other files"


@dataclass(frozen=True)
class Item:
    """One thing that a command wrote.

    Attributes:
        path: its folder or file.
        kind: what it is.
        size: of its files, in bytes; a file that has several names is counted once.
        states: of these, the training states of a run.
        is_finished: of a run, whether its training is over, so that nothing needs the states.
        needed_by: the names of the experiments of its store whose plans name it.
        is_orphan: whether it lies in a store none of whose experiments needs it.
        is_held: whether a process has a lock on it or on something in it.
    """

    path: Path
    kind: str
    size: int
    states: int = 0
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


def take_inventory(folder: str | Path) -> Inventory:
    """Look through a folder: a store, or any other that commands wrote to.

    UserError where there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. A store, as an experiment file names it, is expected.")
    found = _Found()
    other = _look(folder, found)
    needed: dict[Path, set[str]] = {}
    stores: set[Path] = set()
    unread: dict[str, str] = {}
    for item in found.items:
        if item.kind == EXPERIMENT:
            store = item.path.parent.parent
            stores.add(store)
            needed.setdefault(item.path, set()).add(item.path.name)
            try:
                made = _needs(item.path, store)
            except UserError as error:
                unread[item.path.name] = str(error)
            else:
                for path in made:
                    needed.setdefault(path, set()).add(item.path.name)
    items = [replace(item, needed_by=tuple(sorted(needed.get(item.path, ())))) for item in found.items]
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
    return {kind: (numbers[kind], sum(i.size for i in items if i.kind == kind)) for kind in KINDS if numbers[kind]}


def is_held(path: Path) -> bool:
    """Whether a process has a lock on something, or on what lies in it."""
    inside = [*path.rglob(".*lock")] if path.is_dir() else []
    return not all(wait_for_lock(lock, 0) for lock in (lock_beside(path), *inside))


@dataclass
class _Found:
    items: list[Item] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)  # device and number of every file and folder


def _look(folder: Path, found: _Found) -> int:
    """Add to `found` all that a folder holds; the bytes of what is none of it."""
    other = 0
    for path in _inside(folder, found.seen):
        kind = _kind(path)
        if kind is None:
            other += _look(path, found) if path.is_dir() else _size(path, found.seen)
            continue
        for left in _left_in(path) if kind != LEFT else ():
            found.items.append(Item(left, LEFT, _size(left, found.seen)))
        states = _size(path / STATES, found.seen) if kind == RUN and (path / STATES).is_dir() else 0
        size = states + _size(path, found.seen)
        is_finished = kind == RUN and _is_finished(path)
        found.items.append(Item(path, kind, size, states, is_finished, is_held=kind != LEFT and is_held(path)))
    return other


def _kind(path: Path) -> str | None:
    """What a path is, as its record says; None for a folder or file that is nothing by itself."""
    if path.name.startswith(".") and PART in path.name:
        return LEFT if is_of_the_dead(path) else None
    if path.is_file():
        return CHECK if path.parent.name == "checks" and path.suffix == ".json" else None
    if (path / RUN_RECORD).is_file():
        return RUN
    if (path / EXPERIMENT_RECORD).is_file() and path.parent.name == "experiments":
        return EXPERIMENT
    if (path / MANIFEST).is_file():
        try:
            return str(read_record(path / MANIFEST, {"kind": str}, "")["kind"])
        except UserError:
            return None  # damaged: what it was is not known
    return None


def _needs(folder: Path, store: Path) -> Iterator[Path]:
    """What the plan of an experiment makes, or will: in the store where its folder lies now."""
    plan = read_plan(folder)
    plan = replace(plan, experiment=plan.experiment.model_copy(update={"store": str(store)}))
    return iter([path for task in plan.tasks.values() for path in task.makes])


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


def _inside(folder: Path, seen: set[tuple[int, int]]) -> list[Path]:
    """What a folder holds, in order of names; nothing where it was looked at by another name."""
    if not _is_new(folder, seen):
        return []
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []  # not for us, or gone by now


def _size(path: Path, seen: set[tuple[int, int]]) -> int:
    """The bytes of a file, or of the files in a folder, that were not counted yet."""
    if path.is_symlink() and not path.is_dir():
        return 0
    if path.is_dir():
        return sum(_size(each, seen) for each in _inside(path, seen))
    try:
        return path.stat().st_size if _is_new(path, seen) else 0
    except OSError:
        return 0


def _is_new(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether a file or folder is met for the first time; it has been then."""
    try:
        found = path.stat()
    except OSError:
        return False
    known = (found.st_dev, found.st_ino)
    is_new = known not in seen
    seen.add(known)
    return is_new
