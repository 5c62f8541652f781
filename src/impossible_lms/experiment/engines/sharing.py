"""Sharing: how many processes of this machine work beside each other, by its GPUs' memory and what a run needs."""

import os
from typing import TYPE_CHECKING

from impossible_lms.experiment.costs import expected_vocabulary
from impossible_lms.models.gpu import smallest_memory
from impossible_lms.training.devices import visible_gpus
from impossible_lms.training.memory import bytes_of_run

if TYPE_CHECKING:
    from impossible_lms.experiment.plan import Plan

MOST_A_GPU = 8  # each is a process with torch, whose tasks also wait for a processor
CORES_A_RUN = 2


def workers_here(plan: "Plan") -> tuple[int, str]:
    """How many processes for a plan's tasks, and a line that says why; one and none where there is no GPU.

    A GPU is shared by as many runs as its memory holds, each with all the sequences it can compute at once, so a model
    that fills the GPU has it to itself. Nor do they share it where each trains on several (`--devices`).
    """
    gpus = visible_gpus()
    if not gpus:
        return 1, ""
    alone = max(1, len(gpus) // plan.devices)
    if plan.devices > 1:
        return alone, ""
    need, memory = _need(plan), smallest_memory(len(gpus))
    cores = max(1, cores_here() // len(gpus) // CORES_A_RUN)
    each = max(1, min(int(memory / need), MOST_A_GPU, cores, -(-len(plan.tasks) // len(gpus))))
    return each * len(gpus), (
        f"{each * len(gpus)} tasks at a time: a run needs about {need / 1e9:,.1f} of a GPU's {memory / 1e9:,.1f} GB; "
        f"GPUs: {len(gpus)}, cores: {cores_here()}. --engine local:N sets another number."
    )


def cores_here() -> int:
    """Of the processor, those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _need(plan: "Plan") -> float:
    """Bytes of a GPU that the largest of a plan's models needs."""
    vocabulary = expected_vocabulary(plan)
    return max(bytes_of_run(model.spec, model.size, plan.recipe, vocabulary) for model in plan.models)
