"""Runs that are measured under every metric, and the page of them."""

import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from impossible_lms import METRICS
from impossible_lms.evaluation.driver import TABLES, Evaluation, evaluate
from impossible_lms.evaluation.metric import Metric, Request
from impossible_lms.files import digest_of, folder_beside, write_record
from impossible_lms.models.run import Run
from impossible_lms.report.findings import Findings, findings_of_runs
from impossible_lms.report.page import write_report

TRIAL = 8  # items

# What is asked of each metric beside a sample; it is measured on the run of PartialReverse, or on that of TokenHop.
ON_HOP = {
    "surprisal": Request(sample=TRIAL),
    "sentence-bits": Request(sample=TRIAL),
    "interventions": Request(corpus="grammar:sentences=1000,seed=0"),
}
PROBED = Request(corpus="grammar:sentences=300,seed=0", sample=15)


class Page(HTMLParser):
    """An HTML page as its tags, each with its attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]


@pytest.fixture(scope="session")
def measured(
    tmp_path_factory: pytest.TempPathFactory, run: Run, control_run: Run, hop_run: Run, pairs: Path
) -> dict[str, Run]:
    """Copies of three runs, by language, with the tables of all metrics. Tests must not change them."""
    folder = tmp_path_factory.mktemp("measured")
    copies = {}
    for each in (run, control_run, hop_run):
        shutil.copytree(each.folder, folder / "runs" / each.language, ignore=shutil.ignore_patterns("evaluation"))
        shutil.copytree(each.dataset().folder, folder / "data" / each.language)
        data = f"../../data/{each.language}"
        write_record(folder / "runs" / each.language / "run.json", each.record | {"data": data})
        copies[each.language] = Run.open(folder / "runs" / each.language)
    mine, control, hop = (copies[name] for name in ("partial-reverse", "no-reverse", "token-hop"))
    for each in copies.values():
        evaluate(METRICS["perplexity"], each, Request(sample=TRIAL))
    for each in (mine, control):
        evaluate(METRICS["sentence-bits"], each, Request(sample=TRIAL))
    for name, request in ON_HOP.items():
        evaluate(METRICS[name], hop, request)
    for name in ("learnability", "generation"):
        evaluate(METRICS[name], mine, Request(sample=TRIAL, control=control.folder))
    evaluate(METRICS["probes"], mine, PROBED)
    evaluate(METRICS["minimal-pairs"], mine, Request(corpus=str(pairs)))
    evaluate(METRICS["perplexity"], mine, Request(sample=TRIAL, data=control.dataset().folder, checkpoints="12"))
    return copies


@pytest.fixture(scope="session")
def findings(measured: dict[str, Run]) -> Findings:
    return findings_of_runs([str(each.folder) for each in measured.values()], "impossible report runs/*")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, findings: Findings) -> list[Path]:
    """The paths of a report of all that is measured."""
    return write_report(findings, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="session")
def page(report: list[Path]) -> Page:
    return Page(report[0].read_text(encoding="utf-8"))


@pytest.fixture
def curve_of(tmp_path: Path) -> Callable[..., Evaluation]:
    """A function that makes the evaluation of a model that there is not, with values by step and a variant's name."""

    def made(metric: Metric, values: dict[int, float], language="no-shuffle", seed=0, name=None, **groups):
        curve = pd.DataFrame({"language": language, "architecture": "gpt2", "seed": seed, "step": list(values)})
        bounds = {"low": [value / 2 for value in values.values()], "high": [value * 2 for value in values.values()]}
        said = {
            "data": language,
            "items": 3,
            metric.value: list(values.values()),
            **bounds,
            "note": None,
            "fault": None,
        }
        folder = tmp_path / digest_of([language, seed])[:16] / "evaluation" / (name or metric.name)
        request = {"metric": metric.name, "checkpoints": {}, "skipped": {}, "corpus": "made"}
        spread = {"perplexity": [0.5, 1.0, 2.0], "learnability": [0.9, 1.0, 1.1], "surprisal": [0.9, 1.0, 1.1]}
        rows = [
            {"step": step, "sentence": sentence, "genre": "made", "affected": True, "moved": value > sentence / 3}
            | {"perplexity": value * by, "difference": value * by, "gap": value * by, "original_tokens": 1, **groups}
            for step, value in values.items()
            for sentence, by in enumerate(spread.get(metric.name, spread["perplexity"]))
        ]
        with folder_beside(folder, TABLES, {"request": request, "notes": {}, "versions": {}}) as part:
            pd.DataFrame(rows).to_parquet(part / "items.parquet", index=False)
        return Evaluation(metric, folder, curve.assign(**said, **groups), {}, {})

    return made
