"""What differs from the training of Kallini et al. (2024): recipe, size of the model, seeds and corpus."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.report.done import corpus_said
from impossible_lms.report.tables import Cell, Table
from impossible_lms.training.recipe import Recipe, load_recipe

PAPER = "paper"  # the recipe
SIZE, SEEDS, CORPUS = "small", "0, 14, 41, 53, 96", "BabyLM, 100 million words"
ASIDE = ("checkpoint_every", "held_out_every")  # decide nothing of what is learnt


def is_of_the_papers_size(run: Run) -> bool:
    """Whether a run's model is as large as those of the paper."""
    return bool(run.record["request"].get("size") == SIZE)


def differs(runs: Sequence[Run | PublishedRun], datasets: Mapping[str, TokenDataset | None]) -> Table | None:
    """One row for each thing that is other than in the paper; None where nothing was trained."""
    trained = [run for run in runs if isinstance(run, Run)]
    if not trained:
        return None
    published = load_recipe(PAPER).model_dump()
    rows = []
    for name, theirs in published.items():
        ours = _values(run.record["request"]["recipe"].get(name) for run in trained)
        if name not in ASIDE and ours != [theirs]:
            rows.append((Recipe.model_fields[name].description or name.replace("_", " "), ours, theirs))
    rows.append(
        (
            "size of the model",
            _values(run.record["request"].get("size") or run.architecture.name for run in trained),
            SIZE,
        )
    )
    rows.append(("seeds", [", ".join(map(str, _values(run.seed for run in trained)))], SEEDS))
    corpora = _values(corpus_said(str(each.record["corpus"])) for each in datasets.values() if each is not None)
    rows.append(("corpus", corpora or ["not known here"], CORPUS))
    shown = [(what, ours, theirs) for what, ours, theirs in rows if [str(each) for each in ours] != [str(theirs)]]
    cells = [
        [Cell(what), Cell(", ".join(_said(each) for each in ours)), Cell(_said(theirs))] for what, ours, theirs in shown
    ]
    return Table("what differs from the paper's training", ["", "here", "in the paper"], cells) if cells else None


def _values(values: Iterable[Any]) -> list[Any]:
    return sorted(dict.fromkeys(values), key=lambda value: (str(type(value)), value))


def _said(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
