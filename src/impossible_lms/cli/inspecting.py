"""`impossible inspect`: finds out which command wrote what a path holds, checks every file, and says what is in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from impossible_lms.cli.options import SPLITS, Json
from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST

CACHED = "model in a cache"


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            help="What `build`, `annotate`, `train`, `evaluate` or `publish` wrote, or a folder of such; a model in a "
            "Hugging Face cache (CACHE/models--OWNER--NAME)."
        ),
    ],
    sentences: Annotated[int, typer.Option(min=0, help="Of a dataset: how many test sentences to show.")] = 5,
    as_json: Json = False,
) -> None:
    """Show what an output holds, and check every file of it. Datasets, runs, corpora, tables."""
    kind, record = _record(path)
    if kind == "token dataset":
        _dataset(path, sentences, as_json)
    elif as_json:
        print(json.dumps({"kind": kind, "record": record}, ensure_ascii=False, indent=2))
    else:
        for line in SAYS.get(kind, _files)(path, record):
            print(line)


def _record(path: Path) -> tuple[str, dict[str, Any]]:
    """What a path holds, and its record; every file has been compared with it. UserError where it is nothing known."""
    from impossible_lms.corpora.annotated import KIND as ANNOTATED
    from impossible_lms.files import read_file_manifest, read_manifest, read_record, verify_files
    from impossible_lms.models.cached import cached_folder, cached_revisions, id_of_cached, verify_cached
    from impossible_lms.models.run import RECORD, Run
    from impossible_lms.models.series import step_of

    if (path / RECORD).is_file():
        return "run", Run.open(path).record
    if path.is_file() and path.with_name(f"{path.name}.json").is_file():
        manifest = read_file_manifest(path, ANNOTATED)
        verify_files(path.parent, manifest)
        return ANNOTATED, manifest["record"]
    if (path / MANIFEST).is_file():
        kind = read_record(path / MANIFEST, {"kind": str}, f"Remove {path} and make it again.")["kind"]
        manifest = read_manifest(path, kind)
        verify_files(path, manifest)
        return kind, manifest["record"]
    if not path.exists():
        raise UserError(f"{path}: no such file or folder.")
    if id_of_cached(path) is not None:
        verify_cached(path)
        commits = {each: cached_folder(path, each).name for each in sorted(cached_revisions(path), key=step_of)}
        return CACHED, {"id": id_of_cached(path), "revisions": commits}
    inside = sorted(each.parent for name in (MANIFEST, RECORD) for each in path.glob(f"*/{name}"))
    if inside:
        raise UserError(f"{path}: holds several. Name one of them: {', '.join(each.name for each in inside[:15])}.")
    raise UserError(f"{path}: nothing that `impossible build`, `annotate`, `train` or `evaluate` has finished.")


def _run(path: Path, record: dict[str, Any]) -> Iterator[str]:
    """A run: what it is of, how far it has come, its checkpoints and what was measured."""
    from impossible_lms.models.run import Run
    from impossible_lms.progress import amount, span

    run = Run.open(path)
    request, finished = record["request"], run.finished
    recipe = request["recipe"]
    yield f"{path}: {run.name}, {request.get('size') or 'a configuration of its own'}, seed {run.seed}"
    yield f"data         {record['data']}  {run.language}, blocks of {run.context} tokens"
    tokens = recipe["sequences_per_step"] * recipe["context"]
    yield f"recipe       {recipe['steps']:,} steps of {tokens:,} tokens, peak {recipe['learning_rate']:g}"
    metrics = run.metrics()
    if finished is not None:
        yield f"finished     loss {finished['loss']:.3f} after {span(finished['seconds'])}"
    else:
        yield f"not finished {metrics[-1]['step'] if metrics else 0:,} steps done; the same `impossible train` goes on"
    checkpoints = run.checkpoints() if metrics else []
    for checkpoint in checkpoints:
        checkpoint.verify()
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    yield f"checkpoints  {len(checkpoints)}, every file as its manifest says; {amount(size)} in all"
    measured = sorted(each.parent.name for each in path.glob(f"evaluation/[!.]*/{MANIFEST}"))
    yield f"measured     {', '.join(measured) or 'nothing yet: `impossible evaluate`'}"


def _cached(path: Path, record: dict[str, Any]) -> Iterator[str]:
    """A model in a cache of the Hub: its revisions with their commits and sizes, and what it is."""
    from impossible_lms.models.cached import cached_folder
    from impossible_lms.models.checkpoints import architecture_of
    from impossible_lms.progress import amount

    yield f"{path}: {record['id']}, a model in a cache of the Hub; every file as it is named by its content"
    for name, commit in record["revisions"].items():
        folder = cached_folder(path, name)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        yield f"revision     {name}  commit {commit[:12]}  {architecture_of(folder).name}, {amount(size)}"
    if not record["revisions"]:
        yield "revisions    none whose configuration is there"


def _annotated(path: Path, record: dict[str, Any]) -> Iterator[str]:
    """An annotated corpus: its counts, by what, of what."""
    from impossible_lms.corpora.annotate import summary
    from impossible_lms.corpora.survey import Survey

    yield f"{path}: {summary(record)}; every file as its manifest says"
    found = record["request"]["annotator"]
    by = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found.items() if "sha256" not in key)
    yield f"annotator    {by}"
    for line in Survey.of_record(record["corpus"], record["read"]).said():
        yield f"read         {line}"


def _tables(path: Path, record: dict[str, Any]) -> Iterator[str]:
    """The tables of a metric: of which steps, what its notes say, and the last values."""
    from impossible_lms.evaluation.registry import get_metric

    request = record["request"]
    metric = get_metric(request["metric"])
    count = len(request["checkpoints"])
    yield f"{path}: {metric.name} ({metric.unit}) of {count} checkpoints, every file as its manifest says"
    for name, why in request["skipped"].items():
        yield f"skipped      {name}: {why}"
    for name, value in record["notes"].items():
        if value:
            yield f"{name.replace('_', ' '):<12} {value}"
    names = sorted(each.name for each in path.glob("*.parquet"))
    yield f"tables       {', '.join(names)}, and the same as .csv"


def _files(path: Path, record: dict[str, Any]) -> Iterator[str]:
    """Anything else with a manifest: what is in it."""
    from impossible_lms.progress import amount

    yield f"{path}: every file as its manifest says"
    for file in sorted(each for each in path.iterdir() if each.is_file() and each.name != MANIFEST):
        yield f"  {file.name}  {amount(file.stat().st_size)}"


SAYS = {"run": _run, CACHED: _cached, "annotated corpus": _annotated, "evaluation tables": _tables}


def _dataset(path: Path, sentences: int, as_json: bool) -> None:
    """A token dataset, and some of its sentences."""
    from impossible_lms.corpora.survey import Survey
    from impossible_lms.data.dataset import TokenDataset

    dataset = TokenDataset.open(path)
    held_out = dataset.held_out("test")
    shown = [dataset.tokenizer.decode(tokens) for _, tokens in zip(range(sentences), held_out.tokens, strict=False)]
    if as_json:
        print(json.dumps({"record": dataset.record, "sentences": shown}, ensure_ascii=False, indent=2))
        return
    request, counts = dataset.record["request"], dataset.record["counts"]
    print(f"{path}: {request['language']}, every file as its manifest says")
    print(f"corpus     {dataset.record['corpus']}  sha256 {request['corpus'][:16]}…")
    print(f"tokenizer  {dataset.record['tokenizer']}  {dataset.vocabulary_size:,} ids as {dataset.record['dtype']}")
    if dataset.fertility:
        print(f"fertility  {dataset.fertility}, in the first {dataset.fertility.sentences:,} sentences as they are")
    markers = (
        f"{marker} = {id_} (in {dataset.marked[marker]:.1%} of training sentences)"
        for marker, id_ in dataset.tokenizer.markers.items()
    )
    print(f"markers    {', '.join(markers) or 'none'}")
    for line in Survey.of_record(dataset.record["corpus"], dataset.record["read"]).said():
        print(f"read       {line}")
    tail = counts["tail_tokens"]
    print(
        f"blocks     {counts['blocks']:,} of {dataset.context} tokens, order seed {request['seed']}, {tail} tokens left"
    )
    for split in SPLITS:
        count = counts[split]
        dropped = "".join(f", {number:,} dropped: {reason}" for reason, number in count["dropped"].items())
        numbers = f"{count['sentences']:,} sentences, {count['affected']:,} affected, {count['tokens']:,} tokens"
        print(f"{split:<10} {numbers}{dropped}")
    for text in shown:
        print(f"  {text}")
