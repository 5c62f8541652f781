"""What was done, in one line: the corpus, the languages, the models, their seeds and how long they were trained."""

from collections.abc import Iterable, Mapping, Sequence

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.models.architectures import SIZES
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.report.figures import architecture_order, positions_of
from impossible_lms.spec import parse_options

NAMED = 3  # of anything; of more, their number
GRAMMAR = "grammar"


def what_was_done(runs: Sequence[Run | PublishedRun], datasets: Mapping[str, TokenDataset | None]) -> list[str]:
    """The parts of the line, as far as runs and their data say; none where there are no runs."""
    trained = [run for run in runs if isinstance(run, Run)]
    published = [run for run in runs if isinstance(run, PublishedRun)]
    corpora = dict.fromkeys(corpus_said(str(each.record["corpus"])) for each in datasets.values() if each is not None)
    said = [_listed(corpora, "corpora")] if corpora else []
    if datasets:
        said.append(f"{len(datasets)} languages" if len(datasets) > 1 else next(iter(datasets)))
    if trained:
        names = sorted({run.architecture.name for run in trained}, key=architecture_order)
        sizes = dict.fromkeys(_size(run) for run in trained)
        kinds = " and ".join(positions_of(name) for name in names).replace(
            "with positions and without", "with and without"
        )
        said.append(f"{_listed(sizes, 'sizes')} {kinds}")
        seeds = sorted({run.seed for run in trained})
        listed = f" ({', '.join(map(str, seeds))})" if len(seeds) <= 5 else ""
        said.append(f"{len(seeds)} seeds{listed}" if len(seeds) > 1 else f"one seed ({seeds[0]})")
        said.append(_lengths(trained))
    if published:
        said.append(
            f"{len(published)} published models" if len(published) > 1 else f"the published model {published[0].name}"
        )
    return said


def corpus_said(spec: str) -> str:
    """A corpus as it is called: of paths the last name, of the built-in grammar what it is."""
    if spec.partition(":")[0] == GRAMMAR:
        try:
            sentences = parse_options("--corpus", spec, {"sentences": 0, "seed": 0})["sentences"]
        except UserError:
            return spec
        return f"built-in English ({sentences:,} sentences)" if sentences else "built-in English"
    return spec.replace("\\", "/").rstrip("/").rpartition("/")[2] or spec


def _size(run: Run) -> str:
    size = run.record["request"].get("size")
    if size in SIZES:
        layers, width = SIZES[size].layers, SIZES[size].width
        return f"GPT-2 {size} ({layers} layers of width {width})"
    return run.architecture.name


def _lengths(runs: Sequence[Run]) -> str:
    recipes = [run.record["request"]["recipe"] for run in runs]
    steps = sorted({recipe["steps"] for recipe in recipes})
    tokens = {recipe["sequences_per_step"] * recipe["context"] for recipe in recipes}
    said = f"{steps[0]:,} steps" if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,} steps"
    return f"{said} of {tokens.pop():,} tokens" if len(tokens) == 1 else said


def _listed(names: Iterable[str], what: str) -> str:
    there = list(names)
    return ", ".join(there) if len(there) <= NAMED else f"{len(there)} {what}"
