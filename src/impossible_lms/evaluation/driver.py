"""evaluate: every checkpoint of a run under one metric, into tidy tables; what was done is not done again."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pandas as pd

from impossible_lms import __version__
from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.metric import OPTIONS, AnyCheckpoint, Metric, Prepared, Request, Subject, scorer_of
from impossible_lms.evaluation.sentences import shortfall
from impossible_lms.evaluation.test_sets import with_test_set
from impossible_lms.files import MANIFEST, digest_of, folder_beside, is_made, read_manifest, verify_files
from impossible_lms.locks import lock_beside, remove_lock_of_the_dead, writing
from impossible_lms.models.gpu import tf32
from impossible_lms.models.model_name import OF, Said, is_known, said_by
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress, usual
from impossible_lms.shown import Shown
from impossible_lms.versions import versions

TABLES, PART = "evaluation tables", "evaluation of a checkpoint"  # kinds of artefacts
ITEMS, CURVE = "items", "curve"  # names of the two tables
SENTENCES = "sentences"  # and of the one that says what the items are
SECONDS_FOR_PART = 60.0  # to wait for another process that writes the same checkpoint's
DRAWN, SAID = ".png", ".txt"  # endings of their figure, and of what is said where there is nothing to draw
ON = "-on-"  # stands before the test set in the name of tables that are not of the model's own


@dataclass(frozen=True, repr=False)
class Evaluation(Shown):
    """The results of a metric on a run.

    Attributes:
        metric: which.
        folder: holds the tables `items` and `curve`, each as Parquet and CSV, and a manifest; where items are test
            sentences, `sentences` has the text of each.
        curve: one row a step, or one for each of the metric's groups: `language`, `architecture` and `seed` of the
            model, `data` (the language of the test set), `step`, the groups, `items` (their number), the metric's
            value with `low` and `high`, `note`: what there was where the sample asked for more, and `fault`: why a
            checkpoint was skipped.
        skipped: the checkpoints that could not be measured, and why.
        notes: what the metric notes of its items and of its curve.
    """

    metric: Metric
    folder: Path
    curve: pd.DataFrame
    skipped: dict[str, str]
    notes: dict[str, Any]

    def title(self) -> str:
        return self.metric.name

    def facts(self) -> dict[str, object]:
        last = self.curve[self.curve["fault"].isna()].tail(1)
        found: dict[str, object] = {
            "of": ", ".join(f"{row.language}-{row.architecture}, seed {row.seed}" for row in last.itertuples()),
            "checkpoints": self.curve["step"].nunique() - len(self.skipped),
        }
        return found | ({"skipped": len(self.skipped)} if self.skipped else {}) | {"folder": self.folder}

    @property
    def tables(self) -> Tables:
        """Its tables with what is needed to compare them with others."""
        record = read_manifest(self.folder, TABLES)["record"]
        request = record["request"]
        corpus = request.get("pairs") or request.get("corpus") or request["data"]["request"]["corpus"]
        tokenizer = str(request.get("data", {}).get("request", {}).get("tokenizer", ""))
        return Tables(self.curve, self.items(), str(corpus), record.get("control"), self.is_foreign, tokenizer)

    @property
    def is_foreign(self) -> bool:
        """Whether the model was made by others, and its name says no language: it stands where a language does."""
        if read_manifest(self.folder, TABLES)["record"].get("run") is not None:
            return False
        rows = self.curve[["language", "data"]].dropna()
        if not (rows["language"] != rows["data"]).any():
            return False
        said = self._said
        return not (is_known(str(rows["language"].iloc[0])) if said is None else said.is_known)

    @property
    def group(self) -> str:
        """What tells evaluations that belong together from others: the name of their folder.

        A test set that was made for each of several models by others, of the same sentences in the same language, is
        one for all, if the metric is of whole texts.
        """
        if not (self.is_foreign and self.metric.of_texts):
            return self.folder.name
        asked = read_manifest(self.folder, TABLES)["record"]["request"]
        test = {key: asked["data"]["request"].get(key) for key in ("corpus", "language", "version", "test")}
        alike = {key: asked.get(key) for key in ("precision", "as_published", "corpus", "pairs")}
        return f"{self.metric.name}{ON}{test['language']}-{digest_of([test, alike])[:8]}"

    @property
    def human(self) -> str:
        """The name of the corpus that a published model was trained on, as its card or else its name says; or empty."""
        if read_manifest(self.folder, TABLES)["record"].get("run") is not None:
            return ""
        return (self._said or said_by(self.folder.parents[1].resolve().name)).human

    @property
    def _said(self) -> Said | None:
        """What was said of a published model when it was measured; None where that was not kept."""
        said = read_manifest(self.folder, TABLES)["record"].get("said")
        return Said(**said) if said else None

    @property
    def control(self) -> str | None:
        """The language that the model's is compared with; its own if it is a control, None if it is not known."""
        control = read_manifest(self.folder, TABLES)["record"].get("control")
        return control if isinstance(control, str) else None

    def items(self) -> pd.DataFrame:
        """One row an item and checkpoint."""
        verify_files(self.folder, read_manifest(self.folder, TABLES), names=[f"{ITEMS}.parquet"])
        return pd.read_parquet(self.folder / f"{ITEMS}.parquet")


def request_of(metric: Metric, request: Request, others: Iterable[Metric]) -> Request:
    """The request as a metric takes it that is measured with `others`: without the options that they alone have."""
    theirs = {option for other in others for option in other.options} - set(metric.options)
    theirs -= {"corpus"} if request.language else set()  # it is what the test set is made of
    return replace(request, **{option: getattr(Request(), option) for option in OPTIONS if option in theirs})


def evaluate(
    metric: Metric,
    run: Run | PublishedRun,
    request: Request | None = None,
    *,
    devices: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure the checkpoints of a run; the tables go to `evaluation/<metric>` in its folder.

    Every checkpoint that is done is kept by what was asked and its own hashes (`evaluation/parts`), so that a stopped
    evaluation goes on where it stopped and a run whose training went on costs its new checkpoints alone. Checkpoints
    run beside each other on as many `devices` as there are; without any named, on all GPUs, or on the CPU.

    Raises:
        UserError: an option the metric does not have, no such checkpoint, none that can be read, or a test set that
            does not serve the metric; or another process measures the same.
    """
    request = with_test_set(run, metric, request or Request(), progress or usual())
    for option, flag in OPTIONS.items():
        if getattr(request, option) and option not in metric.options:
            way = "Leave it out."
            if option == "corpus":
                way = "Name the --language, too, in which its sentences are to be measured (no-shuffle: as they are)."
            raise UserError(f"{flag}: {metric.name} does not use it. {way}")
    subject = Subject(run, request, progress or usual())
    checkpoints = subject.checkpoints
    prepared = metric.prepare(subject)
    asked = _asked(metric, subject, prepared)
    parts = run.folder / "evaluation" / "parts"
    homes = tuple(devices or homes_here())
    if request.precision == "tf32" and any(not home.startswith("cuda") for home in homes):
        raise UserError("--precision tf32: a GPU's, and there is none. Use fp32, or bf16.")
    folder = run.folder / "evaluation" / variant(metric, subject)
    with writing(folder):
        with tf32(request.precision == "tf32"):
            done, skipped = _parts(metric, subject, prepared, checkpoints, asked, parts, homes)
        if not done:
            raise UserError(f"{run.folder}: no checkpoint can be measured. {next(iter(skipped.values()))}")
        record_request = asked | {"checkpoints": done, "skipped": skipped}
        if not _is_current(folder, record_request):
            step_of = {checkpoint.revision: checkpoint.step for checkpoint in checkpoints}
            items = pd.concat([_read(parts / key, step_of[name]) for name, key in done.items()])
            faults = {step_of[name]: fault for name, fault in skipped.items()}
            curve = _curve(metric, subject, items, faults, shortfall(prepared.notes))
            notes = dict(prepared.notes) | metric.conclude(curve)
            record = {"run": run.identity, "name": folder.name, "request": record_request, "notes": notes}
            record["control"] = subject.language.control if subject.dataset.language == run.language else None
            if isinstance(run, PublishedRun):
                record["said"] = run.said._asdict()
            record["versions"] = versions("torch", "transformers")
            for path in figure_places(folder):  # of other tables; those that there are, are always of these
                path.unlink(missing_ok=True)
            with folder_beside(folder, TABLES, record) as part:
                tables = {ITEMS: items, CURVE: curve}
                if metric.of_test_sentences:
                    tables[SENTENCES] = _texts(subject, items)
                for name, table in tables.items():
                    table.to_parquet(part / f"{name}.parquet", index=False)
                    table.to_csv(part / f"{name}.csv", index=False, lineterminator="\n")
        notes = read_manifest(folder, TABLES)["record"]["notes"]
        return Evaluation(metric, folder, pd.read_parquet(folder / f"{CURVE}.parquet"), skipped, notes)


def _texts(subject: Subject, items: pd.DataFrame) -> pd.DataFrame:
    """One row a sentence of the items: its number and its text in the language of the test set.

    They stand once in a table of their own, for the items have a row for each checkpoint.
    """
    held_out = subject.held_out
    rows = np.flatnonzero(held_out.table["sentence"].isin(items["sentence"].unique()))
    texts = [subject.tokenizer.decode(held_out.tokens[row]).strip() for row in rows.tolist()]
    return held_out.table.iloc[rows][["sentence", "genre"]].assign(text=texts)


def figure_places(tables: Path) -> tuple[Path, Path]:
    """Where the figure of tables is, and where the sentence in place of one."""
    return tables.with_name(f"{tables.name}{DRAWN}"), tables.with_name(f"{tables.name}{SAID}")


def has_figure(tables: Path) -> bool:
    """Whether either is there."""
    return any(path.is_file() for path in figure_places(tables))


def variant(metric: Metric, subject: Subject) -> str:
    """The folder of the tables: its name in the request, or the metric and what is not as usual about it."""
    if subject.request.name is not None:
        return subject.request.name
    named = {
        f"{ON}{subject.dataset.folder.resolve().name}": not _is_own(subject),
        f"-{subject.request.precision}": subject.request.precision != "fp32",
        "-as-published": subject.request.as_published,
    }
    return metric.name + "".join(name for name, applies in named.items() if applies)


def _is_own(subject: Subject) -> bool:
    """Whether the test set is the model's own.

    A published model does not say what it was trained on: its own is then one in its language, the first that it is
    measured on where there are several.
    """
    run, asked = subject.run, _test_set(subject.dataset.record["request"])
    if run.data_request is not None:
        return asked == _test_set(run.data_request)
    return subject.dataset.language == run.language and _own_so_far(run.folder) in (None, asked)


def _own_so_far(folder: Path) -> dict[str, Any] | None:
    """The test set of the tables in a published model's folder whose names are of none; None where there are none."""
    for path in sorted(folder.glob(f"evaluation/[!.]*/{MANIFEST}")):
        try:
            request = read_manifest(path.parent, TABLES, {"request": {"metric": str, "data": dict}})["record"][
                "request"
            ]
        except UserError:
            continue
        if not path.parent.name.startswith(f"{request['metric']}{ON}"):
            return _test_set(request["data"].get("request"))
    return None


def _test_set(request: dict[str, Any] | None) -> dict[str, Any] | None:
    """What of a dataset's request decides its test set: all but the order of the training sentences."""
    return None if request is None else {key: value for key, value in request.items() if key not in ("seed", "order")}


def _asked(metric: Metric, subject: Subject, prepared: Prepared) -> dict[str, Any]:
    """What decides the values beside the weights; other versions of this package may count otherwise."""
    request = subject.request
    return {
        "metric": metric.name,
        "version": __version__,
        "data": subject.dataset.identity,
        "sample": request.sample,
        "seed": subject.seed,
        "precision": request.precision,
        "as_published": request.as_published,
        **prepared.identity,
    }


def _parts(
    metric: Metric,
    subject: Subject,
    prepared: Prepared,
    checkpoints: Sequence[AnyCheckpoint],
    asked: dict[str, Any],
    parts: Path,
    homes: tuple[str, ...],
) -> tuple[dict[str, str], dict[str, str]]:
    """The checkpoints that are done, with the folders of their parts, and those that are skipped, with reasons."""
    keys: dict[str, str] = {}
    skipped: dict[str, str] = {}
    missing: list[AnyCheckpoint] = []
    for checkpoint in checkpoints:
        try:
            weights, beside = checkpoint.digests(), prepared.beside(checkpoint.step)
        except UserError as error:
            skipped[checkpoint.revision] = str(error)
            continue
        key = digest_of({"asked": asked, "weights": weights, "beside": beside})
        keys[checkpoint.revision] = f"{metric.name}-{key[:24]}"
        if not _is_whole(parts / keys[checkpoint.revision]):
            missing.append(checkpoint)
    free: SimpleQueue[str] = SimpleQueue()
    for home in homes:
        free.put(home)

    def measure(checkpoint: AnyCheckpoint) -> tuple[str, str | None]:
        """Its name, and why it could not be measured."""
        home = free.get()
        try:
            items = prepared.score(scorer_of(checkpoint, home, subject.request.precision), checkpoint.step)
        except UserError as error:
            said, where = str(error), str(checkpoint.folder)
            return checkpoint.revision, said if where in said else f"{where}: {said}"
        else:
            key = keys[checkpoint.revision]
            record = {"request": asked, "checkpoint": checkpoint.revision, "key": key}
            with writing(parts / key, patience=SECONDS_FOR_PART), folder_beside(parts / key, PART, record) as part:
                items.to_parquet(part / f"{ITEMS}.parquet", index=False)
            return checkpoint.revision, None
        finally:
            free.put(home)

    if missing:
        subject.progress.start(f"{metric.name} of {subject.run.name}, checkpoints", len(missing))
    try:
        for count, (name, fault) in enumerate(_on_each(measure, missing, len(homes)), 1):
            if fault is not None:
                skipped[name] = fault
            subject.progress.at(count)
    finally:
        if missing:
            subject.progress.end()
    return {name: key for name, key in keys.items() if name not in skipped}, skipped


def _on_each(measure: Any, missing: Sequence[AnyCheckpoint], workers: int) -> Iterator[tuple[str, str | None]]:
    """The results of `measure`, as they come."""
    if workers == 1:
        yield from map(measure, missing)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([pool.submit(measure, checkpoint) for checkpoint in missing]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def homes_here() -> list[str]:
    """The devices that checkpoints are measured on unless others are named: all GPUs, or the processor."""
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]


def _is_whole(part: Path) -> bool:
    """Whether a checkpoint's part is there and as it was written; a damaged one is made again."""
    try:
        manifest = read_manifest(part, PART)
        verify_files(part, manifest)
    except UserError:
        return False
    remove_lock_of_the_dead(lock_beside(part))
    return bool(manifest["record"].get("key") == part.name)


def _is_current(folder: Path, request: dict[str, Any]) -> bool:
    """Whether the tables there answer the request; older ones are made anew, for a run goes on."""
    try:
        return is_made(folder, TABLES, request)
    except UserError:
        return False


def _read(part: Path, step: int) -> pd.DataFrame:
    items = pd.read_parquet(part / f"{ITEMS}.parquet")
    items.insert(0, "step", step)
    return items


def _curve(
    metric: Metric, subject: Subject, items: pd.DataFrame, faults: dict[int, str], note: str | None
) -> pd.DataFrame:
    rows = []
    for step, of_step in items.groupby("step", sort=True):
        rows.append(metric.aggregate(of_step.reset_index(drop=True)).assign(step=step, fault=None))
    for step, fault in faults.items():
        rows.append(pd.DataFrame({"step": [step], "items": [0], "fault": [fault]}))
    table = pd.concat([row.astype({"fault": object}) for row in rows], ignore_index=True)
    run = subject.run
    human = f"{OF}{run.human}" if isinstance(run, PublishedRun) and run.human else ""
    said = {"language": run.language, "architecture": f"{run.architecture.name}{human}", "seed": run.seed}
    table = table.assign(**said, data=subject.dataset.language, note=pd.Series([note] * len(table), dtype=object))
    first = [*said, "data", "step", *metric.groups, "items", metric.value, "low", "high"]
    others = [name for name in table if name not in (*first, "note", "fault")]
    table = table.sort_values("step", kind="stable", ignore_index=True)
    return table.reindex(columns=[*first, *others, "note", "fault"])
