"""State: what resuming a run needs, in folders that are whole or absent; the newest and the one before it are kept.

The one before is there for the day on which the newest turns out damaged: it alone can then go on to the same bits. No
other optimizer state is kept, and checkpoints have none.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, folder_beside, read_manifest, verify_files

if TYPE_CHECKING:
    import torch

STATE = "training state"
KEPT = 2
_NAME = re.compile(r"step-([0-9]+)")
FIELDS = {"step": int, "request": str, "seconds": float, "computed_with": dict}  # of its record
_ARRAYS = ("weights", "exp_avg", "exp_avg_sq")

Snapshot = dict[str, dict[str, "torch.Tensor"]]


@dataclass(frozen=True)
class Progressed:
    """How far a run has come: steps done, the seconds spent in them, and joules where they can be measured."""

    step: int = 0
    seconds: float = 0.0
    joules: float | None = None


def save_state(
    folder: Path, progressed: Progressed, snapshot: Snapshot, request: dict[str, Any], computed_with: dict[str, Any]
) -> None:
    """Write `folder/step-N`, then remove all states but that and the one before.

    Data order and dropout are functions of seed and step, so weights, moments and the step are all there is to keep.

    Args:
        folder: of the run's states.
        progressed: how far the run has come.
        snapshot: `weights`, `exp_avg` and `exp_avg_sq`, each by the parameter's name.
        request: what decides the run's result.
        computed_with: versions, threads and devices, on which the last bit depends.
    """
    from safetensors.torch import save_file

    record = {**asdict(progressed), "request": digest_of(request), "computed_with": computed_with}
    with folder_beside(folder / f"step-{progressed.step}", STATE, record) as part:
        for array in _ARRAYS:
            save_file({name: values.contiguous() for name, values in snapshot[array].items()}, part / _file(array))
    _remove_old(folder)


def load_state(
    folder: Path, request: dict[str, Any], say: Callable[[str], None]
) -> tuple[Progressed, Snapshot, dict[str, Any]] | None:
    """The newest whole state of this run: progress, snapshot, and what it was computed with. None where there is none.

    One that is damaged, unfinished or of another run is named to `say`, set aside under another name, and the one
    before is taken; what a writer that was stopped did not come to remove goes. UserError where there are states and
    none of them is good: a run never begins again unasked.
    """
    from safetensors.torch import load_file

    faults: list[str] = []
    skipped: list[Path] = []
    for step, path in _found(folder):
        try:
            manifest = read_manifest(path, STATE, FIELDS)
            verify_files(path, manifest)
            record = manifest["record"]
            if record["request"] != digest_of(request) or record["step"] != step:
                raise UserError(f"{path}: belongs to another run.")
            snapshot = {array: load_file(path / _file(array)) for array in _ARRAYS}
            progressed = Progressed(step, float(record["seconds"]), record["joules"])
            for bad in skipped:
                bad.rename(bad.with_name(f"damaged-{bad.name}-{bad.stat().st_mtime_ns}"))
            _remove_old(folder)
            return progressed, snapshot, dict(record["computed_with"])
        except (UserError, KeyError, TypeError, ValueError) as error:
            said = str(error) if isinstance(error, UserError) else f"{path}: damaged ({error!r})."
            faults.append(said)
            skipped.append(path)
            say(f"skipped, looking for the state before it: {said}")
    if faults:
        raise UserError(f"{faults[0]} No other state is whole. To begin again, remove {folder}.")
    return None


def newest_step(run: Path) -> int:
    """The step after which a run folder has its newest state, whole or not; 0 where it has none."""
    return max((step for step, _ in _found(run / "state")), default=0)


def _remove_old(folder: Path) -> None:
    """Remove all states but the newest and the one before."""
    for _, path in _found(folder)[KEPT:]:
        shutil.rmtree(path)


def _file(array: str) -> str:
    return f"{array}.safetensors"


def _found(folder: Path) -> list[tuple[int, Path]]:
    """The states there, newest first by number; they appear by renaming, so what is being written is not among them."""
    paths = folder.glob("step-*") if folder.is_dir() else ()
    numbered = [(int(match[1]), path) for path in paths if (match := _NAME.fullmatch(path.name))]
    return sorted(numbered, reverse=True)
