"""`impossible store`: what is in a store, how large each thing is and which experiments need it; and clears it up."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impossible_lms.cli.options import Json
from impossible_lms.errors import UserError
from impossible_lms.progress import amount

if TYPE_CHECKING:
    from impossible_lms.experiment.inventory import Inventory, Item

PARTS = {"checkpoints": "", "training states": "to go on with a run that stopped"}  # of runs
ROWS = 15  # of the largest things, without --all


def store(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="STORE|EXPERIMENT",
            help="A store, or any folder that commands wrote to; or an experiment file, for what it needs.",
        ),
    ] = Path("store"),
    every: Annotated[bool, typer.Option("--all", help="List everything, not only what is largest.")] = False,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean",
            help="Remove, after asking, training states of finished runs, what no experiment of the store needs, and "
            "what killed processes left.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --clean: do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """List what fills a store, and clear it up. How large each thing is, and which experiments need it."""
    from impossible_lms.experiment.inventory import publishes_to, take_inventory
    from impossible_lms.experiment.work import folder_of

    if yes and not clean:
        raise UserError("--yes: only with --clean.")
    if clean and as_json:
        raise UserError("--json: lists what is there, and --clean removes some of it. Leave one out.")
    if folder.is_file() or folder.parent.name == "experiments":
        home = folder_of(folder)
        whole = home.parent.parent
        elsewhere = [
            path for path in publishes_to(home) if path.is_dir() and not path.resolve().is_relative_to(whole.resolve())
        ]
        found = take_inventory(whole, elsewhere).of(home.name)
    else:
        found = take_inventory(folder)
    if as_json:
        print(json.dumps(_record(found), ensure_ascii=False, indent=2))
        return
    _print(found, every)
    if clean:
        _clean(found, yes)


def _print(found: "Inventory", every: bool) -> None:
    """How much there is of each kind, then the largest things."""
    from rich.table import Table

    from impossible_lms.experiment.cleaning import removable
    from impossible_lms.experiment.inventory import OTHER, counted
    from impossible_lms.experiment.kinds import MEANS, RUN
    from impossible_lms.terminal import show

    free = shutil.disk_usage(found.folder).free
    print(f"{found.folder}: {amount(found.size)}; {amount(free)} of the disk are free")
    kinds = Table(box=None, padding=(0, 2, 0, 0))
    kinds.add_column("", no_wrap=True)
    for heading in ("number", "size"):
        kinds.add_column(heading, justify="right", no_wrap=True)
    kinds.add_column("what it is")
    for kind, (number, size) in counted(found.items).items():
        kinds.add_row(kind, f"{number:,}", amount(size), MEANS.get(kind, ""))
        for part, means in PARTS.items() if kind == RUN else ():
            sizes = [size for item in found.items if (size := getattr(item, part.replace("training ", "")))]
            if sizes:
                kinds.add_row(f"  {part}", f"{len(sizes):,}", amount(sum(sizes)), means)
    if found.other:
        kinds.add_row(OTHER, "", amount(found.other), "")
    show(kinds)
    for each in removable(found):
        print(f"{each.what}: {len(each.paths):,}, {amount(each.size)}; --clean removes them. {each.cost}")
    for name, why in found.unread.items():
        print(f"{name}: what it needs is not known, so no thing counts as needed by none. {why}", file=sys.stderr)
    rows = found.items if every else found.items[:ROWS]
    if not rows:
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("largest first")
    table.add_column("kind", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("needed by")
    for item in rows:
        table.add_row(_place(item, found), item.kind, amount(item.size), _needed(item))
    print()
    show(table)
    if len(found.items) > len(rows):
        print(f"{len(found.items) - len(rows):,} more: --all lists them.")


def _place(item: "Item", found: "Inventory") -> str:
    """Where something lies, seen from the folder that was looked through."""
    return Path(os.path.relpath(item.path, found.folder)).as_posix()


def _needed(item: "Item") -> str:
    """The experiments that need something, in words."""
    held = ["in use"] if item.is_held else []
    return ", ".join([*item.needed_by, *(["no experiment"] if item.is_orphan else []), *held])


def _clean(found: "Inventory", yes: bool) -> None:
    """Ask for each kind of what can go, and remove it."""
    from impossible_lms.experiment.cleaning import removable, remove_all

    kinds = removable(found)
    if not kinds:
        print("\nnothing to remove")
        return
    if not yes and not sys.stdin.isatty():
        raise UserError("--clean: asks before it removes anything, and nobody can answer here. Pass --yes.")
    freed = 0
    for kind in kinds:
        print(f"\n{kind.what}: {len(kind.paths):,}, {amount(kind.size)}. {kind.cost}")
        for path, size in kind.paths.items():
            print(f"  {path}  {amount(size)}")
        if yes or typer.confirm("Remove them?"):
            freed += remove_all(kind, found, lambda line: print(line, file=sys.stderr))
    print(f"removed: {amount(freed)}")


def _record(found: "Inventory") -> dict[str, object]:
    """An inventory for machines: sizes are in bytes."""
    items = [
        {
            "path": _place(item, found),
            "kind": item.kind,
            "bytes": item.size,
            "bytes_of_training_states": item.states,
            "bytes_of_checkpoints": item.checkpoints,
            "bytes_freed_by_removal": item.frees,
            "is_finished": item.is_finished,
            "needed_by": list(item.needed_by),
            "is_needed_by_none": item.is_orphan,
            "is_in_use": item.is_held,
        }
        for item in found.items
    ]
    return {"folder": str(found.folder), "bytes": found.size, "items": items, "not_read": found.unread}
