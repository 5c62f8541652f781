"""Finished: what `finished.json` records of a run, its totals and what computed it."""

import os
import platform
from typing import Any

from impossible_lms.training.devices import Devices
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.state import Progressed
from impossible_lms.versions import commit, versions


def totals(
    recipe: Recipe, progressed: Progressed, values: dict[str, Any], parameters: int, energy: str, devices: Devices
) -> dict[str, Any]:
    """Steps, time, energy, losses, hardware and versions; `values` are the last step's metrics."""
    joules, tokens = progressed.joules, recipe.steps * recipe.sequences_per_step * recipe.context
    return {
        "steps": recipe.steps,
        "seconds": round(progressed.seconds, 3),
        "hours": round(progressed.seconds / 3600, 4),
        "loss": values["loss"],
        "held_out_loss": values.get("held_out_loss"),
        "parameters": parameters,
        "kilowatt_hours": None if joules is None else round(joules / 3.6e6, 6),
        "energy_source": energy,
        "tokens_per_second": round(tokens / progressed.seconds, 1),
        "hardware": _hardware(devices),
        "versions": software(),
        "commit": commit(),
    }


def software() -> dict[str, str]:
    """The versions of what computes a run."""
    return versions("accelerate", "numpy", "torch", "transformers")


def _hardware(devices: Devices) -> dict[str, Any]:
    import torch

    several = {"devices": devices.count} if devices.count > 1 else {}
    if devices.device.type == "cuda":
        named = torch.cuda.get_device_name(devices.device)
        return {"device": named, "threads": torch.get_num_threads(), **several}
    return {"device": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads(), **several}
