"""The verbs of whole experiments: init, run, status, demo."""

import json
import shlex
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impossible_lms.cli.options import Changes, Json
from impossible_lms.errors import Interrupted, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from impossible_lms.experiment.engines.choice import Choice
    from impossible_lms.experiment.engines.engine import Engine
    from impossible_lms.experiment.plan import Plan
    from impossible_lms.experiment.run import Outcome

FAILED = 1  # exit code: something of the experiment could not be done


class Shipped(StrEnum):
    """What `init` writes: the experiments that come with this package, or the start of a language."""

    paper = "paper"
    small = "small"
    architectures = "architectures"
    languages = "languages"
    demo = "demo"
    language = "language"


ExperimentFile = Annotated[Path, typer.Argument(help="An experiment file, as `impossible init` writes one.")]


def init(
    which: Annotated[
        Shipped,
        typer.Argument(
            help="paper: all; small: a laptop's; architectures: all on one language; languages: human "
            "ones, on a parallel treebank; demo; language: one of your own."
        ),
    ] = Shipped.small,
    file: Annotated[
        Path | None, typer.Argument(help="The file to write; by default small.toml and so on, for a language mine.py.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The same.")] = None,
) -> None:
    """Write the start of an experiment, or of a language. With comments, and a schema for editors, or a test."""
    from impossible_lms.experiment.files import write_experiment
    from impossible_lms.languages.start import write_language

    if file is not None and output is not None:
        raise UserError(f"--output {output}: {file} is named already. Leave one out.")
    asked = file or output
    if which is Shipped.language:
        written = write_language(asked or Path("mine.py"))
    else:
        written = write_experiment(which.value, asked or Path(f"{which.value}.toml"))
    for path in written:
        print(path)


def run(
    file: ExperimentFile,
    changes: Changes = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print what would be done, how long it will take and how much disk it needs, and stop."
        ),
    ] = False,
    engine: Annotated[
        str, typer.Option(help="local, local:N for N processes, ray, ray:ADDRESS, slurm or slurm:N (job arrays).")
    ] = "local",
    devices: Annotated[int, typer.Option(min=1, help="GPUs that train one model together, by torchrun.")] = 1,
    memory: Annotated[
        float | None, typer.Option(metavar="GIB", help="Memory that Ray and Slurm keep for each task.")
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="An option of sbatch: partition=gpu, train.time=24:00:00. Repeatable."),
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="TASK", help="Do one task of the plan in this process.")] = None,
) -> None:
    """Do what is missing of an experiment. Data, training, evaluation, publishing, and the report.

    The same file again does nothing; a killed experiment goes on. Exit code 1 means that something failed.
    """
    from impossible_lms.experiment.config import load_experiment
    from impossible_lms.experiment.engines.choice import RAY, SLURM, Choice
    from impossible_lms.experiment.plan import Plan

    choice = Choice.of(engine)
    if slurm and choice.name != SLURM:
        raise UserError("--slurm: needs --engine slurm.")
    if only is not None and choice.name == RAY:
        raise UserError("--only: does a task in this process, and --engine ray does none there. Leave one out.")
    plan = Plan.of(load_experiment(file, changes or ()), devices=devices)
    if dry_run:
        _print_costs(plan)
        return
    plan = replace(plan, chunks=choice.parts(len(plan.languages)))
    if only is not None:
        _do_only(plan, only)
    elif choice.name == SLURM:
        _write_arrays(plan, file, changes or (), choice, slurm or (), memory)
    else:
        _run(plan, choice.engine(plan, memory, lambda line: print(line, file=sys.stderr)), file, changes or [])


def status(
    experiment: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="An experiment file, or the experiment's folder in its store.")
    ],
    changes: Changes = None,
    as_json: Json = False,
) -> None:
    """Show how far an experiment is. From any terminal or machine that sees its store, running or not."""
    from impossible_lms.experiment.board import Board
    from impossible_lms.experiment.run import states_of
    from impossible_lms.experiment.work import folder_of, read_plan, status_of
    from impossible_lms.terminal import show, stdout

    folder = folder_of(experiment, changes or ())
    plan = read_plan(folder)
    states = states_of(plan)
    if as_json:
        rows = {
            name: {"state": state.kind, "fault": state.fault, "progress": status_of(folder, name)}
            for name, state in states.items()
        }
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    console = stdout()
    table, summary = Board().overview(plan, states, console.width)
    if sys.stdout.isatty():
        console.print(table)
    else:
        show(table)
    print(summary)
    for name, state in states.items():
        if state.fault:
            print(f"{name}: {state.fault}", file=sys.stderr)


def demo(
    output: Annotated[Path, typer.Option(help="The folder for everything.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Three minutes instead of ten: fewer steps.")] = False,
) -> None:
    """Run a small experiment on the built-in grammar. Twelve models, measured, published and reported."""
    from impossible_lms.experiment.demo import QUICK, run_demo

    _conclude(run_demo(output, print, QUICK if quick else ()))


def _do_only(plan: "Plan", name: str) -> None:
    """Do one task, whose own words go to stderr, and exit with 1 where it failed."""
    from impossible_lms.experiment.only import do_only

    ended = do_only(plan, name)
    if ended.is_interrupted:
        raise Interrupted(f"--only {name}: {ended.fault}")
    if ended.fault is not None:
        raise typer.Exit(FAILED)


def _write_arrays(
    plan: "Plan", file: Path, changes: "Sequence[str]", choice: "Choice", options: "Sequence[str]", memory: float | None
) -> None:
    """Write job arrays of what is missing, and say how to hand them in."""
    from impossible_lms.experiment.engines.slurm import SUBMIT, write_arrays
    from impossible_lms.experiment.work import write_plan

    engine = choice.name if choice.count is None else f"{choice.name}:{choice.count}"
    command = [sys.executable, "-m", "impossible_lms", "run", str(file.resolve()), f"--engine={engine}"]
    command += [f"--devices={plan.devices}", *(f"--set={change}" for change in changes), "--only"]
    arrays = write_arrays(plan, command, options, choice.count, memory)
    if not arrays:
        print(f"{plan.folder}: all {len(plan.tasks)} tasks are done. `impossible report {file}` shows the results.")
        return
    write_plan(plan)
    said = ", ".join(f"{len(array.tasks)} {array.name}" for array in arrays)
    home = plan.folder / "slurm"
    print(f"{home}: job arrays of {said}. Hand them in:\nbash {shlex.quote(str(home / SUBMIT))}")


def _run(plan: "Plan", engine: "Callable[[Path], Engine]", file: Path, changes: list[str]) -> None:
    """Run a plan, write its report, say how it ended, and exit with 1 where something failed."""
    from impossible_lms.experiment.board import Board
    from impossible_lms.experiment.reporting import has_results, report_experiment
    from impossible_lms.experiment.run import run_experiment
    from impossible_lms.report.page import headline_of

    outcome = run_experiment(plan, engine, Board())
    words = [word for change in changes for word in ("--set", change)]
    if has_results(plan):
        page = report_experiment(plan, shlex.join(["impossible", "run", str(file), *words]))
        print(f"{headline_of(page)}report: {page}")
    _conclude(outcome)


def _conclude(outcome: "Outcome") -> None:
    """Say how an experiment ended, and exit with 1 where something failed."""
    print(f"tasks: {outcome.before} done before, {outcome.now} now, {len(outcome.failures)} failed")
    for name, why in outcome.failures.items():
        print(f"{name}: {why}", file=sys.stderr)
    if outcome.failures:
        raise typer.Exit(FAILED)


def _print_costs(plan: "Plan") -> None:
    """What is missing and what it takes on stdout; what is being measured, and warnings, on stderr."""
    from rich.table import Table

    from impossible_lms.experiment.costs import costs
    from impossible_lms.progress import amount, span
    from impossible_lms.terminal import show

    found = costs(plan, lambda line: print(line, file=sys.stderr, flush=True))
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("stage", no_wrap=True)
    for heading in ("tasks", "done", "tokens", "disk", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in found.lines:
        table.add_row(
            line.what,
            f"{line.tasks:,}",
            f"{line.done:,}",
            "" if line.tokens is None else f"{line.tokens:,}",
            "" if line.disk is None else amount(line.disk),
            "not known" if line.hours is None else span(line.hours * 3600),
        )
    show(table)
    for line in found.lines:
        if line.note:
            print(f"{line.what}: {line.note}")
    beside = f", and {', '.join(found.unknown)} on top" if found.unknown else ""
    print(
        f"{plan.folder}: {found.hours:,.2f} hours on this device, one task after the other{beside}; "
        f"{amount(found.disk)} of disk, {amount(found.free)} are free"
    )
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
