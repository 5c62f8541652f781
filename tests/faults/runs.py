"""A run to damage, its data, its results and another run beside it, under every command that reads them."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from impossible_lms import METRICS, compare
from impossible_lms.cli.evaluation import _together
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.files import write_record
from impossible_lms.models.run import Run
from impossible_lms.publishing.measured import results_of
from impossible_lms.publishing.model import model_publication
from impossible_lms.report.failures import failures_of
from impossible_lms.report.findings import findings_of_runs
from impossible_lms.report.provenance import provenance_of_evaluations, provenance_of_runs
from impossible_lms.report.results import results_of as results_of_report
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.train import train
from tests.faults.scene import Answer, Scene

SAMPLE = 8


def runs_scene(root: Path, run: Run, other: Run, recipe: Recipe) -> Scene:
    """Copies of two finished runs, both measured: `data`, `run`, the stopped run `cut`, and `results` of both."""
    for name, each in (("mine", run), ("other", other)):
        home = root / name
        shutil.copytree(each.dataset().folder, home / "data")
        for copy in ("run", "cut"):
            shutil.copytree(each.folder, home / copy, ignore=shutil.ignore_patterns("evaluation"))
            write_record(home / copy / "run.json", each.record | {"data": "../data"})
        (home / "cut" / "finished.json").unlink()
        shutil.rmtree(home / "cut" / "checkpoints" / f"checkpoint-{recipe.steps}")
        shutil.rmtree(home / "cut" / "state" / f"step-{recipe.steps}")
        for metric in ("perplexity", "sentence-bits"):
            evaluate(METRICS[metric], Run.open(home / "run"), Request(sample=SAMPLE))
    for home, there in ((root / "mine", root / "other"), (root / "other", root / "mine")):
        for metric in ("perplexity", "sentence-bits"):
            found = [
                evaluate(METRICS[metric], Run.open(each / "run"), Request(sample=SAMPLE)) for each in (home, there)
            ]
            _together(found, home / "results")
    commands: dict[str, Callable[[Scene], Answer]] = {
        "evaluate": _evaluated,
        "evaluate anew": _measured,
        "report": _reported,
        "publish": _published,
        "inspect": _inspected,
        "compare": _compared,
        "compare results": _results_compared,
        "train": partial(_resumed, recipe=recipe),
    }
    reading = {
        "data": ("publish", "inspect", "train", "evaluate"),
        "run": ("report", "publish", "compare", "evaluate anew", "evaluate"),
        "cut": ("train",),
        "results": ("compare results",),
    }
    return Scene(root, commands, reading, changing=("run/evaluation",))


def _evaluated(scene: Scene) -> Answer:
    """What was measured already, read again."""
    found = evaluate(METRICS["perplexity"], Run.open(scene.mine / "run"), Request(sample=SAMPLE))
    rows = {
        str(row["step"]): repr(row.drop("fault").to_dict()) for _, row in found.curve.iterrows() if not row["fault"]
    }
    items = found.items()
    rows |= {f"items of {step}": part.to_csv(index=False) for step, part in items.groupby("step")}
    rows = {
        key: value for key, value in rows.items() if not any(key.endswith(f" {_step(name)}") for name in found.skipped)
    }
    return Answer(rows, list(found.skipped.values()))


def _measured(scene: Scene) -> Answer:
    """One checkpoint after the other measured anew."""
    request = Request(sample=3, seed=1, name="anew")
    parts = scene.mine / "run" / "evaluation" / "parts"
    before = {path.name for path in parts.iterdir()}
    try:
        found = evaluate(METRICS["perplexity"], Run.open(scene.mine / "run"), request)
        whole = found.curve[found.curve["fault"].isna()]
        return Answer(
            {str(row["step"]): repr(row["perplexity"]) for _, row in whole.iterrows()}, list(found.skipped.values())
        )
    finally:
        for path in (*(path for path in parts.iterdir() if path.name not in before), parts.parent / "anew"):
            shutil.rmtree(path, ignore_errors=True)


def _reported(scene: Scene) -> Answer:
    """The tables behind a report's figures and its account of where they come from."""
    findings = findings_of_runs([str(scene.mine / "run")], "impossible report")
    (run,) = findings.runs
    assert isinstance(run, Run)
    values = {"runs": provenance_of_runs(findings.runs).to_csv(), "losses": repr(run.metrics())}
    for result in results_of_report(findings.evaluations):
        values[result.name] = result.table.to_csv()
        values[f"{result.name} from"] = provenance_of_evaluations(result.evaluations).to_csv()
    unfinished = [why for _, why in failures_of(findings) if "not finished" in why]
    if unfinished:  # its account of the run is another, and the page says why
        del values["runs"]
    without = [why for _, why in failures_of(findings) if "no losses" in why]
    if without:
        del values["losses"]
    return Answer(values, [*(why for _, why in findings.failures), *unfinished, *without])


def _published(scene: Scene) -> Answer:
    """Every file of every revision, by its hash."""
    run, scratch = Run.open(scene.mine / "run"), scene.root / "scratch"
    scratch.mkdir()
    try:
        missing = list(results_of(run).missing.values())
        revisions = model_publication(run).revisions("me/it", scratch)
        values = {f"{each.name}/{path}": digest for each in revisions for path, digest in each.digests.items()}
        return Answer({path: digest for path, digest in values.items() if not (missing and "README" in path)}, missing)
    finally:
        shutil.rmtree(scratch)


def _inspected(scene: Scene) -> Answer:
    """All of a dataset."""
    dataset = TokenDataset.open(scene.mine / "data")
    dataset.verify()
    held_out = {split: dataset.held_out(split) for split in ("dev", "test")}
    values = {split: f"{each.tokens.values.tolist()} {each.table.to_csv()}" for split, each in held_out.items()}
    return Answer(
        values | {"record": repr(dataset.record), "first": dataset.tokenizer.decode(held_out["test"].tokens[0])}
    )


def _resumed(scene: Scene, recipe: Recipe) -> Answer:
    """A run that was stopped, taken to its end."""
    home = scene.mine / "resumed"
    said: list[str] = []
    shutil.copytree(scene.mine / "cut", home)
    try:
        run = train(scene.mine / "data", home, recipe=recipe, size="tiny", say=said.append)
        last = run.checkpoints()[-1]
        losses = [{key: line[key] for key in ("step", "loss", "gradient_norm")} for line in run.metrics()]
        faults = [line.replace(str(home), str(scene.mine / "cut")) for line in said if "metrics begin after" in line]
        values = {"weights": last.digests()["model.safetensors"], "losses": repr(losses)}
        return Answer({"weights": values["weights"]} if faults else values, faults)
    except UserError as error:
        raise UserError(str(error).replace(str(home), str(scene.mine / "cut"))) from error
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _step(revision: str) -> str:
    return revision.rpartition("-")[2]


def _compared(scene: Scene) -> Answer:
    """One run against the other, part by part too."""
    folders = [scene.mine / "run", scene.other / "run"]
    tables = {metric: compare(folders, metric=metric) for metric in ("perplexity", "sentence-bits")}
    return Answer({metric: table.to_csv(index=False) for metric, table in tables.items()})


def _results_compared(scene: Scene) -> Answer:
    """The same from the folder of results of both."""
    table = compare([scene.mine / "results"])
    return Answer({"contrasts": table.to_csv(index=False)})
