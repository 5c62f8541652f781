"""What an experiment will cost, before it begins: tasks, tokens, disk and hours, for the plan that a dry run prints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.corpora.options import path_of
from impossible_lms.experiment.asked import Model
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.tasks import BuildData, MakeTokenizer, Measure, PublishRun, Train
from impossible_lms.models.run import Run
from impossible_lms.spec import parse_options
from impossible_lms.tokenizer import TRAIN, load_tokenizer
from impossible_lms.training.cost import measured_cost
from impossible_lms.training.state import KEPT

MARKERS = 2  # at most, in the paper's languages
BYTES = {"fp32": 4, "bf16": 2}


@dataclass(frozen=True)
class Line:
    """A line of the plan: what, how many tasks, how many of them are done, and what the others will cost.

    `tokens` are those trained on, `disk` is in bytes, `hours` are of one device; None where they are not known.
    """

    what: str
    tasks: int
    done: int
    tokens: int | None = None
    disk: int | None = None
    hours: float | None = None
    note: str = ""


def costs(plan: Plan) -> list[Line]:
    """The lines of a plan. Speeds are those of finished runs of the same model, or measured now for a moment."""
    tasks = list(plan.tasks.values())
    tokenizer = [task for task in tasks if isinstance(task, MakeTokenizer)]
    builds = [task for task in tasks if isinstance(task, BuildData)]
    lines = [
        Line("tokenizer", len(tokenizer), _done(tokenizer), note=plan.experiment.tokenizer),
        Line(
            "datasets",
            sum(len(task.folders) for task in builds),
            _built(builds),
            disk=_data_bytes(plan, builds),
            note="one pass each task",
        ),
        *_trainings(plan, [task for task in tasks if isinstance(task, Train)]),
    ]
    for metric in dict.fromkeys(entry.metric for entry in plan.experiment.evaluate):
        measures = [task for task in tasks if isinstance(task, Measure) and task.metric == metric]
        lines.append(Line(f"evaluate {metric}", len(measures), _done(measures)))
    published = [task for task in tasks if isinstance(task, PublishRun)]
    if published:
        lines.append(Line("publish", len(published), _done(published), note=published[0].publish.to))
    return lines


def _done(tasks: Sequence[MakeTokenizer | Train | Measure | PublishRun]) -> int:
    return sum(task.is_done() for task in tasks)


def _built(builds: Sequence[BuildData]) -> int:
    return sum(folder.is_dir() for task in builds for folder in task.folders)


def _data_bytes(plan: Plan, builds: Sequence[BuildData]) -> int | None:
    """Of the datasets to be built: as large as those that are, else half as large as the text, a token four signs."""
    folders = [folder for task in builds for folder in task.folders]
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in folders if folder.is_dir()]
    missing = len(folders) - len(sizes)
    if not missing:
        return 0
    if sizes:
        return missing * sum(sizes) // len(sizes)
    corpus = path_of(plan.experiment.corpus)
    files = [corpus] if corpus.is_file() else [file for file in corpus.rglob("*") if file.is_file()]
    return missing * sum(file.stat().st_size for file in files) // 2 if files else None


def _trainings(plan: Plan, trains: Sequence[Train]) -> Iterator[Line]:
    recipe = plan.recipe
    of_run = recipe.steps * recipe.sequences_per_step * recipe.context
    for model in plan.models:
        mine = [task for task in trains if task.model == model.spec]
        missing = [task for task in mine if not task.is_done()]
        said = f"train {model.name}" + (f", {model.size}" if model.size else "")
        if not missing:
            yield Line(said, len(mine), len(mine), 0, 0, 0.0)
            continue
        parameters, speed, note = _speed(plan, model, [task.folder for task in mine if task.is_done()])
        checkpoints = min(len(recipe.checkpoints), plan.experiment.keep or len(recipe.checkpoints))
        disk = parameters * (
            BYTES[plan.experiment.dtype] * checkpoints + 12 * KEPT
        )  # states hold weights and two moments
        tokens = of_run * len(missing)
        yield Line(said, len(mine), len(mine) - len(missing), tokens, disk * len(missing), tokens / speed / 3600, note)


def _speed(plan: Plan, model: Model, finished: Sequence[Path]) -> tuple[int, float, str]:
    """A model's parameters and its tokens a second, with where these are from."""
    records = [found for folder in finished if (found := Run.open(folder).finished)]
    if records:
        speed = sum(record["tokens_per_second"] for record in records) / len(records)
        return records[0]["parameters"], speed, f"{speed:,.0f} tokens/s, as {len(records)} finished runs had"
    cost = measured_cost(model.spec, model.size, plan.recipe, _vocabulary(plan))
    return (
        cost.parameters,
        cost.tokens_per_second,
        f"{cost.tokens_per_second:,.0f} tokens/s, measured now, not compiled",
    )


def _vocabulary(plan: Plan) -> int:
    spec = plan.experiment.tokenizer
    if spec.startswith(TRAIN):
        return parse_options("tokenizer", spec, {"vocab": 4096})["vocab"] + MARKERS
    return load_tokenizer(spec).vocabulary_size + MARKERS
