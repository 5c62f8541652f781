"""The verb of contrasts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impossible_lms.cli.options import Changes, Json
from impossible_lms.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from impossible_lms.evaluation.driver import Evaluation

SEPARATED = """separation: of the pairs `compared`, each of an attested and an impossible language's model, the share in
which the attested one is learnt better: 1 always, 0.5 as often as not, 0 never
low to high: its 95 % interval, over what `interval` names; - where there is too little for one
items: sentences (or other items) that all models were measured on"""


def compare(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Run folders that were measured, folders of `evaluate --output`, or an experiment file; several seeds "
            "of each model make the intervals about other seeds, too."
        ),
    ],
    metric: Annotated[
        str | None,
        typer.Option(help="One metric, sentence-bits part by part; without it, all that have one value a model."),
    ] = None,
    between: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B",
            help="Two languages, two models by others, two architectures, or two steps; B is taken from A. May be "
            "repeated. Without it, every language less its control, and every model by others less every other.",
        ),
    ] = None,
    over_training: Annotated[
        bool, typer.Option("--over-training", help="The areas under the curves, too, as means over training.")
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Of the metric's value: compares the first steps past it, too.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for the table, as Parquet and CSV.")
    ] = None,
    as_json: Json = False,
    changes: Changes = None,
) -> None:
    """Compare models, with intervals and p-values. Paired by seed and item, corrected for their number."""
    from impossible_lms.evaluation.compare import compare as compared
    from impossible_lms.evaluation.compare import write_contrasts
    from impossible_lms.evaluation.registry import get_metric

    if metric is not None:
        get_metric(metric)
    pairs = [_pair(each) for each in between or ()]
    measured = measured_in(source, changes)
    table = compared(measured, pairs, metric=metric, over_training=over_training, threshold=threshold)
    if output:
        if output.exists() and not output.is_dir():
            raise UserError(f"--output {output}: is a file. A folder is expected.")
        write_contrasts(table, output)
    if as_json:
        print(table.to_json(orient="records"))
        return
    shown = _shown(table)
    print(shown.to_string(index=False, float_format=_number, na_rep="-"))
    print("\n".join(_legend(shown, int(table["contrasts"].max()), measured)))
    if table["interval"].str.startswith("items").any():
        print("one seed: where a side has one alone, the interval is over its items, and other seeds may differ.")


def separation(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]SOURCE...",
            help="An experiment file; or several, run folders that were measured, or folders of `evaluate --output`, "
            "each with the name of the human language that its corpus is in: es=es.toml nl=nl.toml.",
        ),
    ],
    attested: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="The attested languages; without it, all controls and the attested orders of noun phrases.",
        ),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="One metric; without it, all that have one value a model.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Of the metric's value: the first steps past it, too.")
    ] = None,
    parallel: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="The human languages whose test sentences are translations of each other, in one order: bits of whole "
            "sentences are compared across them. An experiment with several corpora says so itself.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for the table, as Parquet and CSV.")
    ] = None,
    as_json: Json = False,
    changes: Changes = None,
) -> None:
    """Compare attested with impossible languages. How often one is cheaper, within and across human languages."""
    from impossible_lms.evaluation.compare import write_table
    from impossible_lms.evaluation.registry import get_metric
    from impossible_lms.evaluation.separation import separation as separated

    if metric is not None:
        get_metric(metric)
    if threshold is not None and metric is None:
        raise UserError("--threshold: is one metric's. Name it with --metric.")
    if output and output.exists() and not output.is_dir():
        raise UserError(f"--output {output}: is a file. A folder is expected.")
    found: list[tuple[str, Evaluation]] = []
    alike = _listed(parallel)
    for name, place in map(_named, source):
        if place.endswith(".toml"):
            mine, its_parallel = _by_corpus(place, name, changes or ())
            found, alike = [*found, *mine], [*alike, *its_parallel]
        else:
            found += [(name or each.human, each) for each in measured_in([place], None)]
    if changes and not any(each.endswith(".toml") for each in source):
        raise UserError(f"--set {changes[0]}: changes an experiment file, and none is given.")
    humans = {human for human, _ in found}
    if unknown := [each for each in _listed(parallel) if each not in humans]:
        names = ", ".join(sorted(filter(None, humans)))
        there = f"There are: {names}." if names else "None has one: name them, as in es=es.toml nl=nl.toml."
        raise UserError(f"--parallel {unknown[0]}: no source has this name. {there}")
    table = separated(found, _listed(attested), metric=metric, threshold=threshold, parallel=alike)
    if output:
        write_table(table, output, "separation")
    if as_json:
        print(table.to_json(orient="records"))
        return
    print(_with_steps(table).to_string(index=False, float_format=_number, na_rep="-"))
    print(SEPARATED)


def _by_corpus(file: str, name: str, changes: "Sequence[str]") -> "tuple[list[tuple[str, Evaluation]], Sequence[str]]":
    """What was measured of an experiment, with the names of its corpora (or `name` for one), and which are parallel."""
    from impossible_lms.experiment.config import load_experiment
    from impossible_lms.experiment.plan import Plan
    from impossible_lms.experiment.reporting import findings_of_experiment
    from impossible_lms.report.separated import by_human

    findings = findings_of_experiment(Plan.of(load_experiment(file, changes)), "")
    if name and findings.humans:
        raise UserError(
            f"{name}={file}: names its corpora itself ({', '.join(dict.fromkeys(findings.humans.values()))})."
        )
    return [(human or name, each) for human, each in by_human(findings)], findings.parallel


def _listed(said: str | None) -> list[str]:
    return [each.strip() for each in (said or "").split(",") if each.strip()]


def _named(said: str) -> tuple[str, str]:
    """A source with the name before it; of what has none, one name for all."""
    name, equals, place = said.partition("=")
    if not equals or Path(said).exists():
        return "", said
    if not name or not place:
        raise UserError(f"{said}: a name and a source are expected, as es=runs/no-shuffle.")
    return name, place


def _pair(said: str) -> tuple[str, str]:
    first, comma, second = said.partition(",")
    if not comma or not first.strip() or not second.strip() or "," in second:
        raise UserError(f"--between {said}: two names with a comma between are expected, as token-hop,no-hop.")
    if first.strip() == second.strip():
        raise UserError(f"--between {said}: is the same twice.")
    return first.strip(), second.strip()


def measured_in(source: list[str], changes: list[str] | None) -> "list[Evaluation]":
    """What was measured of an experiment, or of folders."""
    from impossible_lms.evaluation.compare import evaluations_in

    files = [each for each in source if each.endswith(".toml")]
    if files and len(source) > 1:
        raise UserError(f"{files[0]}: an experiment file is compared alone. Leave the others out.")
    if files:
        from impossible_lms.experiment.config import load_experiment
        from impossible_lms.experiment.plan import Plan
        from impossible_lms.experiment.reporting import findings_of_experiment

        return list(findings_of_experiment(Plan.of(load_experiment(files[0], changes or ())), "").evaluations)
    if changes:
        raise UserError(f"--set {changes[0]}: changes an experiment file, and none is given.")
    return [each for folder in source for each in evaluations_in(Path(folder))]


def _shown(table: "pd.DataFrame") -> "pd.DataFrame":
    """The columns that say something here."""
    alike = (table["data"] == table["language"]).all()
    empty = [
        *(["data"] if alike else []),
        *(["groups"] if (table["groups"] == "").all() else []),
        *(["less_step"] if (table["step"] == table["less_step"]).all() else []),
        *(["step"] if (table["step"] == 0).all() else []),
        *(["what"] if (table["what"] == "value").all() else []),
        *(["architecture"] if table["architecture"].nunique() == 1 else []),
        *(["agree"] if table["agree"].isna().all() else []),
    ]
    return _with_steps(table.drop(columns=[*empty, "contrasts", "interval"]))


def _with_steps(table: "pd.DataFrame") -> "pd.DataFrame":
    """Steps as they are read: - for none, and of a model that stands alone, whose revision says none."""
    steps = [name for name in ("step", "less_step") if name in table]
    return table.assign(**{name: [str(step) if step else "-" for step in table[name].fillna(0)] for name in steps})


def _legend(shown: "pd.DataFrame", count: int, measured: "Sequence[Evaluation]") -> "Iterator[str]":
    """How the columns that are shown are read, a line each."""
    kinds = {
        "difference": "value less less_value (no difference: 0)",
        "ratio": "value over less_value (no difference: 1)",
        "ratio of odds": "the odds of value over those of less_value (no difference: 1)",
        "ratio of steps": "one number of steps over the other (no difference: 1)",
    }
    there = {each.partition(",")[0] for each in shown["contrast"]}
    against = "; - where value is a difference itself" if shown["less_value"].isna().any() else ""
    yield f"value, less_value: of what stands in `language`, and of what stands in `less`{against}"
    yield from (f"estimate, where contrast is a {kind}: {said}" for kind, said in kinds.items() if kind in there)
    yield "low to high: the 95 % interval of the estimate; where `no difference` lies in it, none could be shown"
    better = {name: each.metric.direction for each in measured for name in (each.metric.name, each.group)}
    for way in ("lower", "higher"):
        if of := [name for name in better if name in set(shown["metric"]) and better[name] == way]:
            yield f"{way} is better: {', '.join(of)}"
    contrasts = "this one contrast" if count == 1 else f"all {count:,} contrasts"
    yield "p: how often chance alone would give an estimate as far off, if there were no difference;"
    yield f"p_holm: the same, corrected for {contrasts} (Holm 1979)"
    agree = "; agree: seeds that differ in the direction of the estimate" if "agree" in shown else ""
    yield f"paired: what is matched between the two; items: sentences (or other items) that both have{agree}"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.1g}"
