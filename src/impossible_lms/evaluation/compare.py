"""compare: the contrasts of evaluations, or of what is there of any runs."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.contrasts import Measured, contrasts
from impossible_lms.evaluation.driver import TABLES, Evaluation
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.evaluation.tables import read_evaluation, read_evaluations
from impossible_lms.files import read_manifest, read_record, write_record, written_beside
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import RECORD, Run

CONTRASTS = "contrasts"  # name of their table
RUNS = ".runs.json"  # how the file ends that says of which runs a folder of `evaluate --output` is


def compare(
    sources: Evaluation | Run | str | Path | Iterable[Evaluation | Run | str | Path],
    between: Sequence[tuple[str, str]] = (),
    *,
    metric: str | None = None,
    over_training: bool = False,
    threshold: float | None = None,
) -> pd.DataFrame:
    """Contrasts with their intervals and p-values, corrected for their number.

    >>> compare(["runs/token-hop", "runs/no-hop"], [("token-hop", "no-hop")])  # doctest: +SKIP

    Args:
        sources: evaluations (what `evaluate` returns); or runs, of which all that was measured is taken.
        between: pairs of languages, models by others, architectures or steps; every language and its control, and
            every two models by others, if none is named.
        metric: which alone; without one, all that have one value a model. `sentence-bits` is compared part by part
            where it is named.
        over_training: the mean over training (the area under the curve), too.
        threshold: of the metric's value; compares the first steps past it, too.

    Returns the table of `contrasts`. UserError where nothing was measured of both sides.
    """
    found: list[Evaluation] = []
    for source in (sources,) if isinstance(sources, Evaluation | Run | str | Path) else sources:
        if isinstance(source, Evaluation):
            found.append(source)
            continue
        found += evaluations_in(source.folder if isinstance(source, Run) else Path(source))
    table = contrasts(
        measured_of(found, metric),
        between,
        over_training=over_training,
        threshold=threshold,
        by_part=metric is not None,
    )
    if table.empty:
        raise UserError("compare: no language and its control, measured alike, are among the runs. Name --between A,B.")
    return table


def evaluations_in(folder: Path) -> list[Evaluation]:
    """What was measured of a run, of a published model, or of the runs that a folder of `evaluate --output` is of.

    UserError for a folder that is none of these, and for tables that cannot be read.
    """
    if said := [] if (folder / RECORD).is_file() else tables_in(folder):
        return [read_evaluation(each, _opened(each.parent.parent)) for each in said]
    run = _opened(folder)
    found, faults = read_evaluations(run)
    if faults:
        raise UserError(next(iter(faults.values())))
    if not found:
        raise UserError(f"{folder}: not measured. `impossible evaluate METRIC` makes the tables.")
    return found


def write_runs(output: Path, metric: str, tables: Sequence[Path]) -> None:
    """Write into the folder of `evaluate --output` of which tables it is; they are found from there when both move."""
    home = output.resolve()
    said = [{"tables": os.path.relpath(each.resolve(), home), "run": _run_of(each)} for each in tables]
    write_record(output / f"{metric}{RUNS}", {"metric": metric, "tables": said})


def tables_in(folder: Path) -> list[Path]:
    """The tables that `write_runs` named in a folder; UserError where what it wrote is damaged, or gone."""
    mend = f"`impossible evaluate METRIC RUNS --output {folder}` writes it again."
    found = []
    for metric in METRICS:
        path = folder / f"{metric}{RUNS}"
        if not path.is_file() and not (folder / f"{metric}.parquet").is_file():
            continue
        record = read_record(path, {"metric": str, "tables": list}, mend)
        if record["metric"] != metric:
            raise UserError(f"{path}: is of {record['metric']}: files were exchanged. {mend}")
        for each in record["tables"]:
            tables = folder / str(each["tables"])
            if _run_of(tables) != each["run"]:
                raise UserError(f"{path}: {tables} is of another run than it was. {mend}")
            found.append(tables)
    return found


def _run_of(tables: Path) -> object:
    """Which run tables are of, as their record names it."""
    return read_manifest(tables, TABLES)["record"].get("run")


def _opened(folder: Path) -> Run | PublishedRun:
    """The run in a folder, or the published model that was measured into it."""
    if not (folder / RECORD).is_file() and (folder / "evaluation").is_dir():
        return PublishedRun(folder.resolve().name, folder)
    return Run.open(folder)


def write_contrasts(table: pd.DataFrame, folder: Path) -> None:
    """Write contrasts into a folder, as `contrasts.parquet` and `.csv`."""
    write_table(table, folder, CONTRASTS)


def write_table(table: pd.DataFrame, folder: Path, name: str) -> None:
    """Write a table into a folder, as Parquet and CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    with written_beside(folder / f"{name}.parquet") as part:
        table.to_parquet(part, index=False)
    with written_beside(folder / f"{name}.csv") as part:
        table.to_csv(part, index=False, lineterminator="\n")


def measured_of(evaluations: Iterable[Evaluation], metric: str | None = None) -> Measured:
    """Evaluations by metric and by how it was asked, which the name of their folder tells.

    Without a `metric` named, those whose figure shows many values a model are left out: a correction for so many would
    drown the others. UserError where nothing was measured.
    """
    groups: dict[str, list[Evaluation]] = {}
    for each in evaluations:
        if metric in (None, each.metric.name) and not (metric is None and is_manifold(each)):
            groups.setdefault(each.group, []).append(each)
    if not groups:
        what = metric or "any metric that has one value a model"
        raise UserError(f"compare: {what}: not measured. `impossible evaluate` does it.")
    names = [group[0].metric.name for group in groups.values()]
    return [
        (
            group[0].metric.name if names.count(group[0].metric.name) == 1 else folder,
            group[0].metric,
            [each.tables for each in group],
        )
        for folder, group in groups.items()
    ]


def is_manifold(evaluation: Evaluation) -> bool:
    """Whether a metric's figure shows more than one value of a model at a step."""
    return set(evaluation.metric.groups) != set(evaluation.metric.shown)
