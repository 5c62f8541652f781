"""The verbs of evaluation: evaluate runs under a metric, list the metrics."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impossible_lms.cli.options import Json
from impossible_lms.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from impossible_lms.evaluation.driver import Evaluation
    from impossible_lms.evaluation.metric import Metric

SKIPPED = 3  # exit code: finished, but some checkpoints could not be measured


def evaluate(
    metric: Annotated[
        str, typer.Argument(help="A metric, as `impossible metrics` lists them; several with commas between.")
    ],
    run: Annotated[
        list[str],
        typer.Argument(
            help="Folders made by `impossible train` (several seeds give intervals), or anybody's causal language "
            "models: folder or id, and of several revisions those of @main, @step{} ..."
        ),
    ],
    checkpoints: Annotated[str, typer.Option(help="all, last, every=200, or steps as 100,200.")] = "all",
    data: Annotated[Path | None, typer.Option(help="Another test set of the same tokenizer.")] = None,
    language: Annotated[
        str | None,
        typer.Option(
            help="In place of --data: the sentences of --corpus in this language (no-shuffle: as they are), in the "
            "model's own vocabulary."
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="How many items at most, by genre or category where there are any."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the sample; 0, or as published that of each run.", show_default=False)
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="What items are made from, for metrics that need more than the test set.")
    ] = None,
    control: Annotated[
        str | None, typer.Option(help="A run to compare with, or a published model, for metrics that compare.")
    ] = None,
    control_data: Annotated[
        Path | None, typer.Option(help="A dataset of the control's language, where --control is a published model.")
    ] = None,
    annotator: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="spacy[:pipeline or folder] or stanza[:language or folder], for languages that need annotation.",
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, tf32 (a GPU's: products of 10 bits) or bf16.")] = "fp32",
    as_published: Annotated[
        bool, typer.Option("--as-published", help="As the published scripts did, mistakes included.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="A folder for one figure and one table of all, means over seeds; needed for published models."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the checkpoints of runs. Tables and a figure go into the run folders.

    Exit code 3 means that some checkpoints could not be measured; they are named on stderr and in the table.
    """
    from impossible_lms.evaluation.driver import evaluate as evaluated
    from impossible_lms.evaluation.driver import request_of
    from impossible_lms.evaluation.metric import Request
    from impossible_lms.evaluation.registry import get_metric
    from impossible_lms.models.published import open_run
    from impossible_lms.progress import Console

    wanted = [get_metric(name) for name in dict.fromkeys(metric.split(","))]
    request = Request(
        data,
        checkpoints,
        sample,
        seed,
        precision,
        as_published,
        corpus,
        control,
        annotator,
        None,
        control_data,
        language,
    )
    runs = [open_run(source, output) for source in run]
    curves: dict[str, list[dict[str, Any]]] = {}
    faults = []
    for each in wanted:
        mine = request_of(each, request, wanted)
        found = [evaluated(each, one, mine, progress=Console()) for one in runs]
        for one in found:
            if len(found) > 1 and not as_json:
                print(f"{one.folder.parent.parent.name}:")
            _draw_and_say(each, one, aloud=not as_json)
            faults += [f"{one.folder.parent.parent}: skipped {name}: {why}" for name, why in one.skipped.items()]
        if output:
            _together(found, output)
            if not as_json:
                print(f"all together: {output / each.name}.csv")
        curves[each.name] = [row for one in found for row in json.loads(one.curve.to_json(orient="records"))]
    if as_json:
        print(json.dumps(curves if len(wanted) > 1 else curves[wanted[0].name]))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        raise typer.Exit(SKIPPED)


def _draw_and_say(metric: "Metric", one: "Evaluation", *, aloud: bool) -> None:
    """Draw the figure of one run, and say what was measured."""
    from impossible_lms.documents import upper_first
    from impossible_lms.evaluation.driver import CURVE, SENTENCES
    from impossible_lms.evaluation.sentences import FEWER, SAMPLE, shortfall
    from impossible_lms.report.metric_figures import write_metric_figure

    figure = write_metric_figure(metric, [one.tables], one.folder)
    if not aloud:
        return
    shown = _shown(one)
    if statement := metric.statement(shown):
        print(upper_first(f"{statement}."))
    else:
        print(shown.to_string(index=False, float_format="{:.3f}".format, na_rep="-"))
    others = {name: value for name, value in one.notes.items() if value and name not in (SAMPLE, FEWER)}
    said = "".join(f", {name.replace('_', ' ')}: {value}" for name, value in others.items() if value != statement)
    names = ", ".join(f"{name}.csv" for name in (CURVE, SENTENCES) if (one.folder / f"{name}.csv").is_file())
    print(f"tables: {one.folder / 'items.csv'}, {names}  figure: {figure}{said}")
    if few := shortfall(one.notes):
        print(upper_first(f"{few}."))


def generate(
    run: Annotated[str, typer.Argument(help="A folder made by `impossible train`, or a published model.")],
    checkpoint: Annotated[int | None, typer.Option(min=1, help="The step; that of the last checkpoint.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many sentences.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws: the same gives the same sentences.")] = 0,
    longest: Annotated[int, typer.Option(min=1, help="The most tokens of a sentence.")] = 64,
    as_json: Json = False,
) -> None:
    """Sample sentences from a model. Below each stands what it was made from, where that is known."""
    from impossible_lms.evaluation.sampling import generate as generated
    from impossible_lms.models.published import open_run

    opened = open_run(run, Path())
    there = {each.step: each for each in opened.checkpoints()}
    if checkpoint is not None and checkpoint not in there:
        raise UserError(f"--checkpoint {checkpoint}: none there. {run} has {', '.join(map(str, there))}.")
    table = generated(opened, there[checkpoint or max(there)], count, seed, longest)
    if as_json:
        print(table.to_json(orient="records", force_ascii=False))
        return
    for row in table.itertuples():
        said = "" if row.well_formed else " (not ended)" if not row.ended else " (not well-formed)"
        print(f"{row.text.strip()}{said}")
        if isinstance(row.undone, str) and row.undone.strip() != row.text.strip():
            print(f"    = {row.undone.strip()}")


def words(
    run: Annotated[
        list[str], typer.Argument(help="Folders made by `impossible train`, or published models: folder or id.")
    ],
    corpus: Annotated[str | None, typer.Option(help="The text, as `impossible build --corpus` takes it.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="A sentence in place of a corpus; may be repeated.")] = None,
    checkpoints: Annotated[str, typer.Option(help="all, last, every=200, or steps as 100,200.")] = ("last"),
    frequencies: Annotated[
        str | None, typer.Option(metavar="CORPUS", help="Where words are counted; by default in --corpus.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="A folder for one table a model, as Parquet and CSV; CSV on stdout without.")
    ] = None,
) -> None:
    """Give the surprisal of every word of a text, in bits. A row a word, for any model and checkpoint.

    The space before a word counts towards the word before it, whose end it marks (Pimentel & Meister 2024; Oh & Schuler
    2024). The text is taken as it is, sentence by sentence. The last row of a sentence is its end, <|endoftext|>. Of
    sentences given by --text there are frequencies only with --frequencies.
    """
    import pandas as pd

    from impossible_lms.corpora import corpus_of, read_corpus
    from impossible_lms.evaluation.word_surprisal import word_surprisal
    from impossible_lms.models.published import open_run
    from impossible_lms.progress import Console

    if (corpus is None) == (not text):
        raise UserError("--corpus: a text is needed, from there or from --text, and not from both.")
    read = read_corpus(corpus) if corpus is not None else corpus_of(text or [])
    counted = None if frequencies is None else read_corpus(frequencies)
    runs = [open_run(source, output or Path()) for source in run]
    named = [each.folder.resolve().name for each in runs]
    if twice := {name for name in named if named.count(name) > 1} if output else None:
        raise UserError(f"--output {output}: {min(twice)} is the name of two of the models. Use an output for each.")
    tables = []
    for name, each in zip(named, runs, strict=True):
        table = word_surprisal(each, read, checkpoints=checkpoints, frequencies=counted, progress=Console())
        if table.attrs["too_long"]:
            print(f"{name}: {table.attrs['too_long']:,} sentences are too long for it, and left out", file=sys.stderr)
        if corpus is None:  # a sentence or two are nothing to count words in
            table = table.assign(genre="", **({} if counted else {"frequency": float("nan")}))
        if output:
            _write_tables(table, output / name)
            print(f"{output / name}.csv: {len(table):,} rows")
        else:
            tables.append(table)
    if tables:
        print(pd.concat(tables).to_csv(index=False, lineterminator="\n", float_format="%.3f"), end="")


def metrics(as_json: Json = False) -> None:
    """List the metrics. What each measures, in which unit, of what, and what it needs."""
    from impossible_lms.evaluation.metric import OPTIONS
    from impossible_lms.evaluation.registry import METRICS

    rows = [
        {
            "name": metric.name,
            "measures": metric.summary,
            "unit": metric.unit,
            "better": metric.direction,
            "item": metric.item,
            "options": sorted(OPTIONS[option] for option in metric.options),
        }
        for metric in METRICS.values()
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        print(f"{row['name']}: {row['measures']}")
        print(f"  {row['unit']}, {row['better']} is better; one row a {row['item']}; {' '.join(row['options'])}")


def _shown(found: "Evaluation") -> "pd.DataFrame":
    """The rows of a curve that the figure shows, in its main columns; the tables have the rest."""
    metric, rows = found.metric, found.curve
    for column, group in metric.shown.items():
        rows = rows[(rows[column] == group) | rows["fault"].notna()]
    beside = [name for name in metric.beside if name in rows]
    steps = [] if (rows["step"] == 0).all() else ["step"]  # a model that stands alone says none
    return rows[[*steps, *metric.groups, "items", metric.value, "low", "high", *beside]]


def _together(found: "list[Evaluation]", output: Path) -> None:
    """Write the figure and the table of all runs, and where these are."""
    from impossible_lms.evaluation.compare import write_runs
    from impossible_lms.evaluation.seeds import over_seeds
    from impossible_lms.report.metric_figures import write_metric_figure

    metric, tables = found[0].metric, [one.tables for one in found]
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output}: is a file. A folder is expected.")
    output.mkdir(parents=True, exist_ok=True)
    write_metric_figure(metric, tables, output / metric.name)
    _write_tables(over_seeds(metric, tables), output / metric.name)
    write_runs(output, metric.name, [one.folder for one in found])


def _write_tables(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as Parquet and as CSV, at a path to which the endings are added."""
    from impossible_lms.files import written_beside

    with written_beside(path.with_name(f"{path.name}.parquet")) as part:
        table.to_parquet(part, index=False)
    with written_beside(path.with_name(f"{path.name}.csv")) as part:
        table.to_csv(part, index=False, lineterminator="\n")
