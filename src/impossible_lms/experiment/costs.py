"""What an experiment will cost, before it begins: tasks, tokens, disk and hours, each from a speed measured here."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import steps_asked
from impossible_lms.experiment.asked import Model, Wanted
from impossible_lms.experiment.checks import CheckData
from impossible_lms.experiment.miniature import Miniature
from impossible_lms.experiment.plan import Plan
from impossible_lms.experiment.publication import PublishRun
from impossible_lms.experiment.tasks import BuildData, MakeTokenizer, Measure, Task, Train
from impossible_lms.languages.fertility import fertility
from impossible_lms.languages.markers import marker_fault
from impossible_lms.models.run import Run
from impossible_lms.progress import amount
from impossible_lms.spec import parse_options
from impossible_lms.tokenizer import TRAIN, Tokenizer, load_tokenizer
from impossible_lms.training.cost import Cost, measured_cost
from impossible_lms.training.state import KEPT

MARKERS = 2  # at most, in the paper's languages
BYTES = {"fp32": 4, "bf16": 2}
HELD_OUT_SHARE = 0.05  # of a corpus without splits
Say = Callable[[str], None]


@dataclass(frozen=True)
class Line:
    """A line of the plan: what, how many tasks, how many of them are done, and what the others will cost.

    `what` is the tasks' stage as `status` and the log name it, and of training the model, too.
    `tokens` are those trained on, `disk` is in bytes, `hours` are of one device; None where they are not known.
    """

    what: str
    tasks: int
    done: int
    tokens: int | None = None
    disk: int | None = None
    hours: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Costs:
    """The lines of a plan, what a reader should know before it is begun, and the bytes that are free on the disk."""

    lines: list[Line]
    warnings: list[str]
    free: int

    @property
    def hours(self) -> float:
        """All hours that are known."""
        return sum(line.hours or 0 for line in self.lines)

    @property
    def disk(self) -> int:
        """All bytes that are known."""
        return sum(line.disk or 0 for line in self.lines)

    @property
    def unknown(self) -> list[str]:
        """The lines whose hours could not be measured."""
        return [line.what for line in self.lines if line.hours is None and line.done < line.tasks]


def costs(plan: Plan, say: Say = lambda line: None) -> Costs:
    """What is missing of a plan and what it takes, measured on a few of its sentences and fresh models.

    Training has the speed of finished runs of the same model, where there are any. `say` is told what is measured.
    """
    free = shutil.disk_usage(_existing(plan.store.folder)).free
    lines: dict[str, list[tuple[str, Line]]] = {}
    warnings: list[str] = []
    counted: set[str] = set()
    for part in plan.parts:  # one a corpus
        mine, its_warnings = _costs(part, counted, say)
        for line in mine:
            lines.setdefault(line.what, []).append((part.human, line))
        warnings += [f"{part.human}: {each}" if part.human else each for each in its_warnings]
        counted |= part.tasks.keys()
    found = Costs([_over_corpora(each) for each in lines.values()], warnings, free)
    if found.disk > free:
        warnings.append(f"{plan.store.folder}: {amount(found.disk)} will be written, {amount(free)} are free.")
    return found


def _costs(plan: Plan, counted: Set[str], say: Say) -> tuple[list[Line], list[str]]:
    """The lines and warnings of a plan on one corpus, without the tasks that are `counted` already."""
    tasks = [task for name, task in plan.tasks.items() if name not in counted]
    if all(_is_done(task) for task in tasks):
        return list(_lines(plan, tasks, None, say)), []
    with tempfile.TemporaryDirectory(prefix="impossible-costs-") as scratch:
        tokenizer = _tokenizer(plan)
        miniature = Miniature(plan.experiment, plan.recipe, plan.languages, tokenizer, Path(scratch), say)
        lines = list(_lines(plan, tasks, miniature, say))
        if tokenizer is not None:  # one that is trained on the copy alone has another
            said = f"{lines[0].note}, {fertility(miniature.small.beginnings(), tokenizer)}"
            lines[0] = replace(lines[0], note=said)
        return lines, list(_warnings(plan, miniature))


def _over_corpora(lines: Sequence[tuple[str, Line]]) -> Line:
    """A line of all corpora, by their names."""
    if len(lines) == 1:
        return lines[0][1]
    several = [line for _, line in lines]

    def total(name: str) -> Any:
        found = [getattr(line, name) for line in several]
        return None if None in found else sum(found)

    notes = dict.fromkeys(line.note for line in several)
    said = next(iter(notes)) if len(notes) == 1 else "; ".join(f"{of}: {line.note}" for of, line in lines if line.note)
    counts = {name: total(name) for name in ("tasks", "done", "tokens", "disk", "hours")}
    return Line(several[0].what, **counts, note=said)


def _lines(plan: Plan, tasks: Sequence[Task], miniature: Miniature | None, say: Say) -> Iterator[Line]:
    tokenizer = [task for task in tasks if isinstance(task, MakeTokenizer)]
    missing = _done(tokenizer) < len(tokenizer)
    seconds = miniature.tokenizer_seconds if missing and miniature else 0.0
    yield Line("tokenizer", len(tokenizer), _done(tokenizer), hours=seconds / 3600, note=plan.experiment.tokenizer)
    yield _data(plan, [task for task in tasks if isinstance(task, BuildData)], miniature)
    checks = [task for task in tasks if isinstance(task, CheckData)]
    if checks:
        yield Line("check", len(checks), _done(checks), hours=0.0, note="of the data, for each language's metrics")
    yield from _trainings(plan, [task for task in tasks if isinstance(task, Train)], miniature, say)
    yield from _evaluations(plan, [task for task in tasks if isinstance(task, Measure)], miniature)
    published = [task for task in tasks if isinstance(task, PublishRun)]
    if published:
        yield _publishing(plan, published, miniature)


def _data(plan: Plan, builds: Sequence[BuildData], miniature: Miniature | None) -> Line:
    folders = [folder for task in builds for folder in task.folders]
    there = sum(folder.is_dir() for folder in folders)
    done, count = _done(builds), len(builds)
    missing = [each for each in plan.languages if any(not plan.data_of(each, seed).is_dir() for seed in plan.orders)]
    if done == count or miniature is None:
        return Line("data", count, done, disk=0, hours=0.0)
    seconds, size = miniature.data_time(missing)
    if miniature.sentences is None:
        return Line("data", count, done, note="the corpus's size is not known before it is read")
    orders = (len(folders) - there) / len(missing)  # datasets of a language differ in their order alone
    passes = f"{count - done} pass{'es' if count - done > 1 else ''} over about {miniature.sentences:,} sentences"
    note = f"{len(folders) - there:,} datasets, {passes}"
    return Line("data", count, done, disk=int(size * orders), hours=seconds / 3600, note=note)


def _trainings(plan: Plan, trains: Sequence[Train], miniature: Miniature | None, say: Say) -> Iterator[Line]:
    recipe = plan.recipe
    of_run = recipe.steps * recipe.sequences_per_step * recipe.context
    for model in plan.models:
        mine = [task for task in trains if task.model == model.spec]
        missing = [task for task in mine if not task.is_done()]
        said = f"train {model.name}" + (f", {model.size}" if model.size else "")
        if not missing or miniature is None:
            yield Line(said, len(mine), len(mine), 0, 0, 0.0)
            continue
        cost, note = _speed(plan, model, [task.folder for task in mine if task.is_done()], say)
        seconds = of_run / cost.tokens_per_second + cost.seconds_before
        measured = sum(map(recipe.measures_held_out, range(1, recipe.steps + 1)))
        seconds += measured * _dev_tokens(plan, miniature) / cost.held_out_tokens_per_second
        disk = cost.parameters * (BYTES[plan.experiment.dtype] * len(plan.kept) + 12 * KEPT)  # two moments and weights
        yield Line(
            said,
            len(mine),
            len(mine) - len(missing),
            of_run * len(missing),
            disk * len(missing),
            seconds * len(missing) / 3600,
            note,
        )


def _dev_tokens(plan: Plan, miniature: Miniature) -> float:
    """About how many tokens the dev split has, in whole blocks."""
    splits = miniature.corpus.splits
    here = miniature.small.part("dev") if "dev" in splits else miniature.small
    sample = [text for text, _ in zip(here.texts(), range(500), strict=False)]
    if not sample:
        return 0.0
    tokens = (len(miniature.tokenizer.encode(sample).values) + len(sample)) / len(sample)
    sentences = miniature.sentences_of("dev") if "dev" in splits else HELD_OUT_SHARE * (miniature.sentences or 0)
    return tokens * (sentences or 0) // plan.recipe.context * plan.recipe.context


def _speed(plan: Plan, model: Model, finished: Sequence[Path], say: Say) -> tuple[Cost, str]:
    """What training a model takes, with where this is from."""
    records = [found for folder in finished if (found := Run.open(folder).finished)]
    if records:
        speed = sum(record["tokens_per_second"] for record in records) / len(records)
        many = f"{len(records)} finished runs" if len(records) > 1 else "a finished run"
        return Cost(records[0]["parameters"], speed), f"{speed:,.0f} tokens/s, as {many} had"
    cost = measured_cost(model.spec, model.size, plan.recipe, expected_vocabulary(plan), say)
    how = f"{plan.recipe.precision}, {'compiled' if cost.compiled else 'not compiled'}"
    return cost, f"{cost.tokens_per_second:,.0f} tokens/s now ({how})"


def _evaluations(plan: Plan, measures: Sequence[Measure], miniature: Miniature | None) -> Iterator[Line]:
    for name in dict.fromkeys(str(wanted.request.name) for wanted in plan.wanted):
        mine = [task for task in measures if task.request.name == name]
        missing = [task for task in mine if not _is_done(task)]
        if not missing or miniature is None:
            yield Line(f"evaluate {name}", len(mine), len(mine), hours=0.0)
            continue
        wanted = _costliest([each for each in plan.wanted if each.request.name == name])
        checkpoints = len(steps_asked(wanted.request.checkpoints, plan.kept, "a run of this recipe"))
        seconds, note = 0.0, ""
        for model in plan.models:
            count = sum(f"-{model.name}-s" in task.run for task in missing)
            try:
                taken = miniature.measure_time(wanted, model)
            except UserError as error:
                note = f"not measured: {error}"
                break
            seconds += count * (taken.once + taken.each * checkpoints)
        hours = None if note else seconds / 3600
        yield Line(f"evaluate {name}", len(mine), len(mine) - len(missing), hours=hours, note=note)


def _costliest(wanted: Sequence[Wanted]) -> Wanted:
    """One that stands for all: no control, which is compared with nothing."""
    return next((each for each in wanted if not each.language.is_control), wanted[0])


def _publishing(plan: Plan, published: Sequence[PublishRun], miniature: Miniature | None) -> Line:
    where = published[0].publish.to
    done = _done(published)
    disk = 0
    if where != "hub" and miniature is not None:
        of_run = [sum(size for size in _checkpoint_bytes(plan, task)) for task in published if not _is_done(task)]
        disk = sum(of_run)
    return Line("publish", len(published), done, disk=disk, hours=0.0, note=where)


def _checkpoint_bytes(plan: Plan, task: PublishRun) -> Iterator[int]:
    """Of a run's checkpoints, where they are there; before that they are those of training."""
    for folder in sorted((task.folder / "checkpoints").glob("checkpoint-*/")):
        yield sum(file.stat().st_size for file in folder.iterdir())


def _warnings(plan: Plan, miniature: Miniature) -> Iterator[str]:
    """Markers that are rare or missing among the first sentences."""
    for language in plan.languages:
        if not language.family.markers:
            continue
        try:
            shares = miniature.marked(language)
        except UserError:
            continue  # the plan has tried it; too few sentences are kept to say more
        where = f"the first {miniature.size:,} sentences"
        if fault := marker_fault(language, where, shares, miniature.small.beginnings()):
            yield fault


def _done(tasks: Sequence[Task]) -> int:
    return sum(_is_done(task) for task in tasks)


def _is_done(task: Task) -> bool:
    try:
        return task.is_done()
    except UserError:
        return False  # damaged: it will be said when it is run


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.absolute().parents) if each.is_dir())


def _tokenizer(plan: Plan) -> Tokenizer | None:
    """The tokenizer, where it is there; None for one that is to be trained."""
    (made,) = (task for task in plan.tasks.values() if isinstance(task, MakeTokenizer))
    if _is_done(made):
        return made.source.vocabulary()
    spec = plan.experiment.tokenizer
    return None if spec.startswith(TRAIN) else load_tokenizer(spec)


def expected_vocabulary(plan: Plan) -> int:
    """How many ids a model of the plan will have at most, about: those of its tokenizer and markers."""

    def size(spec: str) -> int:
        if spec.startswith(TRAIN):
            return int(parse_options("tokenizer", spec, {"vocab": 4096})["vocab"])
        return load_tokenizer(spec).vocabulary_size

    return max(size(part.experiment.tokenizer) for part in plan.parts) + MARKERS
