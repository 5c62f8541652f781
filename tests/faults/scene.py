"""A scene to damage: a run, its data and results, another run beside it, and what the commands say of them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from impossible_lms import METRICS
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.files import write_record
from impossible_lms.models.run import Run
from impossible_lms.publishing.measured import results_of
from impossible_lms.publishing.model import model_publication
from impossible_lms.report.findings import findings_of_runs
from impossible_lms.report.provenance import provenance_of_evaluations, provenance_of_runs
from impossible_lms.report.results import results_of as results_of_report
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.train import train
from tests.faults.mutations import Mutation, applied

SAMPLE = 8
EQUAL, NAMED, WITHOUT = "equal", "refused in one line", "left out, and named"


@dataclass(frozen=True)
class Answer:
    """What a command gives: the numbers by name, and what it says is left out."""

    values: dict[str, str]
    faults: Sequence[str] = ()


@dataclass
class Scene:
    """`root/mine` is what gets damaged: `run`, `data` and the stopped run `cut`; `root/other` has another of each."""

    root: Path
    recipe: Recipe

    @property
    def mine(self) -> Path:
        return self.root / "mine"

    @property
    def other(self) -> Path:
        return self.root / "other"

    @classmethod
    def of(cls, root: Path, run: Run, other: Run, recipe: Recipe) -> "Scene":
        """Copies of two finished runs, both measured."""
        for name, each in (("mine", run), ("other", other)):
            home = root / name
            shutil.copytree(each.dataset().folder, home / "data")
            for copy in ("run", "cut"):
                shutil.copytree(each.folder, home / copy, ignore=shutil.ignore_patterns("evaluation"))
                write_record(home / copy / "run.json", each.record | {"data": "../data"})
            last = f"{recipe.steps}"
            (home / "cut" / "finished.json").unlink()
            shutil.rmtree(home / "cut" / "checkpoints" / f"checkpoint-{last}")
            shutil.rmtree(home / "cut" / "state" / f"step-{last}")
            evaluate(METRICS["perplexity"], Run.open(home / "run"), Request(sample=SAMPLE))
        shutil.copytree(root / "mine" / "run" / "evaluation", root / "kept")
        return cls(root, recipe)

    @cached_property
    def expected(self) -> dict[str, Answer]:
        """What each command says of what is whole."""
        return {name: command(self) for name, command in COMMANDS.items()}

    def outcome(self, mutation: Mutation) -> str:
        """What comes of a mutation under all commands that read the file; AssertionError where it is no good."""
        names = COMMANDS_OF[mutation.file.relative_to(self.mine).parts[0]]
        expected = self.expected
        try:
            with applied(mutation):
                outcomes = {self._outcome(mutation, name, expected[name]) for name in names}
        finally:  # evaluating writes anew what is damaged
            shutil.rmtree(self.mine / "run" / "evaluation")
            shutil.copytree(self.root / "kept", self.mine / "run" / "evaluation")
        return next(kind for kind in (NAMED, WITHOUT, EQUAL) if kind in outcomes)

    def _outcome(self, mutation: Mutation, name: str, expected: Answer) -> str:
        said = f"{name} after {mutation}"
        try:
            found = COMMANDS[name](self)
        except UserError as error:
            assert "\n" not in str(error), said
            assert self._names(mutation, str(error)), f"{said}: {error}"
            return NAMED
        if found.faults:
            assert any(self._names(mutation, fault) for fault in found.faults), f"{said}: {found.faults}"
        for key, value in found.values.items():
            assert value == expected.values[key], f"{said}: another {key} in silence"
        if not found.faults:
            assert found.values.keys() == expected.values.keys(), f"{said}: {key} missing in silence"
        return WITHOUT if found.faults else EQUAL

    def _names(self, mutation: Mutation, fault: str) -> bool:
        """Whether a message names a file that was changed, or the folder of files that no longer belong together."""
        places = [
            path.relative_to(self.mine if path.is_relative_to(self.mine) else self.other) for path in mutation.places
        ]
        names = [(str(path), path.name, *([str(path.parent)] if len(path.parts) > 2 else [])) for path in places]
        return any(name in fault for group in names for name in group)


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
        values[f"{result.name} from"] = provenance_of_evaluations(findings.evaluations).to_csv()
    return Answer(values, [why for _, why in findings.failures])


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


def _resumed(scene: Scene) -> Answer:
    """A run that was stopped, taken to its end."""
    home = scene.mine / "resumed"
    said: list[str] = []
    shutil.copytree(scene.mine / "cut", home)
    try:
        run = train(scene.mine / "data", home, recipe=scene.recipe, size="tiny", say=said.append)
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


COMMANDS: dict[str, Callable[[Scene], Answer]] = {
    "evaluate": _evaluated,
    "evaluate anew": _measured,
    "report": _reported,
    "publish": _published,
    "inspect": _inspected,
    "train": _resumed,
}
# Those that read a part of a scene; what writes into it comes last.
COMMANDS_OF: dict[str, tuple[str, ...]] = {
    "data": ("publish", "inspect", "train", "evaluate"),
    "run": ("report", "publish", "evaluate anew", "evaluate"),
    "cut": ("train",),
}


def table(outcomes: dict[tuple[str, str], int]) -> str:
    """How often each kind of mutation came to what, as lines."""
    kinds = sorted({kind for kind, _ in outcomes})
    head = f"{'mutation':12}" + "".join(f"{end:>22}" for end in (EQUAL, WITHOUT, NAMED))
    rows = [
        f"{kind:12}" + "".join(f"{outcomes.get((kind, end), 0):22}" for end in (EQUAL, WITHOUT, NAMED))
        for kind in kinds
    ]
    return "\n".join([head, *rows])


__all__ = ["Any", "Answer", "Scene", "table"]
