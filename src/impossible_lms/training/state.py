"""State: what resuming a run needs, in one folder that is whole or absent; the newest alone is kept."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impossible_lms.files import MANIFEST, folder_beside, read_manifest, verify_files

if TYPE_CHECKING:
    import torch

STATE = "training state"
_NAME = re.compile(r"step-([0-9]+)")


@dataclass(frozen=True)
class Progressed:
    """How far a run has come: steps done, and seconds spent in them."""

    step: int = 0
    seconds: float = 0.0


def save_state(
    folder: Path, progressed: Progressed, model: "torch.nn.Module", optimizer: "torch.optim.Optimizer"
) -> None:
    """Write weights and optimizer to `folder/step-N`, then remove the states before it.

    Data order and dropout are functions of seed and step, so there is nothing else to keep.
    """
    from safetensors.torch import save_file

    moments = {}
    for name, parameter in model.named_parameters():
        for key in ("exp_avg", "exp_avg_sq"):
            moments[f"{name}.{key}"] = optimizer.state[parameter][key].contiguous()
    weights = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}
    target = folder / f"step-{progressed.step}"
    with folder_beside(target, STATE, {"step": progressed.step, "seconds": progressed.seconds}) as part:
        save_file(weights, part / "weights.safetensors")
        save_file(moments, part / "optimizer.safetensors")
    for path in folder.iterdir():
        if path != target and _NAME.fullmatch(path.name):
            shutil.rmtree(path)


def load_state(folder: Path, model: "torch.nn.Module", optimizer: "torch.optim.Optimizer") -> Progressed:
    """Put the newest state in `folder` into model and optimizer; how far it had come (0 steps where there is none)."""
    import torch
    from safetensors.torch import load_file

    newest = _newest(folder)
    if newest is None:
        return Progressed()
    manifest = read_manifest(newest, STATE)
    verify_files(newest, manifest)
    record = manifest["record"]
    weights, moments = load_file(newest / "weights.safetensors"), load_file(newest / "optimizer.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
            optimizer.state[parameter] = {
                "step": torch.tensor(float(record["step"])),
                **{key: moments[f"{name}.{key}"].to(parameter.device) for key in ("exp_avg", "exp_avg_sq")},
            }
    return Progressed(int(record["step"]), float(record["seconds"]))


def _newest(folder: Path) -> Path | None:
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and (path / MANIFEST).is_file()]
    return max(found, key=lambda path: int(path.name.removeprefix("step-")), default=None)
