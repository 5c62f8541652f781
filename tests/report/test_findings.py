"""What a report reads: tables that are there, what is damaged, what does not belong together."""

import shutil
from dataclasses import replace

import pytest

from impossible_lms import METRICS, publish
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.tables import read_evaluations
from impossible_lms.files import write_record
from impossible_lms.models.published import PublishedRun, open_run
from impossible_lms.models.run import Run
from impossible_lms.report.findings import Findings, findings_of_runs, together
from impossible_lms.report.losses import losses
from impossible_lms.report.numbers import ratio_told
from impossible_lms.report.page import write_report
from impossible_lms.report.provenance import cost_of, mixtures, split
from impossible_lms.report.results import crossed, results_of
from tests.report.conftest import Page
from tests.sealing import resealed


@pytest.fixture
def copied(measured, tmp_path):
    """The run of NoReverse with its tables, one's own to change."""
    shutil.copytree(measured["no-reverse"].folder, tmp_path / "copy")
    return Run.open(tmp_path / "copy")


def test_reads_what_evaluating_gives(measured):
    run = measured["partial-reverse"]
    found, faults = read_evaluations(run)
    names = [
        "generation",
        "learnability",
        "minimal-pairs",
        "perplexity",
        "perplexity-on-no-reverse",
        "probes",
        "sentence-bits",
    ]
    assert [one.folder.name for one in found] == names and not faults
    made = evaluate(METRICS["perplexity"], run, Request(sample=8))
    read = found[3]
    assert read.curve.equals(made.curve) and (read.metric, read.notes, read.skipped) == (
        made.metric,
        made.notes,
        made.skipped,
    )


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "curve.parquet").write_bytes(b"PAR1"), "curve.parquet: 4 bytes"),
        (lambda folder: flip(folder / "curve.parquet"), "its content has changed since it was made"),
        (lambda folder: (folder / "items.csv").unlink(), "items.csv: missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "not a finished evaluation tables"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json: damaged (JSONDecodeError)"),
        (lambda folder: renamed(folder, "tables"), "manifest.json: has no request"),
        (lambda folder: renamed(folder, "perplexty"), "unknown metric 'perplexty'"),
    ],
)
def test_a_damaged_table_is_named(harm, said, copied):
    harm(copied.folder / "evaluation" / "perplexity")
    findings = findings_of_runs([str(copied.folder)], "command")
    (fault,) = findings.failures
    assert fault[0] == str(copied.folder / "evaluation" / "perplexity") and said in fault[1]


def test_what_is_not_damaged_is_shown(copied, measured, tmp_path):
    flip(copied.folder / "evaluation" / "perplexity" / "curve.parquet")
    findings = findings_of_runs([str(copied.folder), str(measured["token-hop"].folder)], "command")
    page = Page(write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8"))
    assert "copy/evaluation/perplexity: " in page.text and "its content has changed since it was made" in page.text
    assert "1 thing is missing or failed: copy/evaluation/perplexity" in page.text
    assert "token-hop" in page.text and "surprisal" in page.values("id")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def renamed(folder, metric):
    """The metric's name in the manifest changed, or taken away."""

    def change(manifest):
        if metric == "tables":
            del manifest["record"]["request"]
        else:
            manifest["record"]["request"]["metric"] = metric

    resealed(folder / "manifest.json", change)


def test_a_run_counts_once_however_often_it_is_named(copied):
    findings = findings_of_runs([str(copied.folder), f"{copied.folder}/../copy"], "command")
    assert len(findings.runs) == 1 and len(findings.evaluations) == 2


def test_a_run_that_is_not_measured_or_not_finished_is_said(copied, tmp_path):
    shutil.rmtree(copied.folder / "evaluation")
    (copied.folder / "finished.json").unlink()
    findings = findings_of_runs([str(copied.folder)], "command")
    page = Page(write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8"))
    assert "copy: not measured" in page.text and "copy: not finished" in page.text
    assert str(copied.folder) not in page.source


def test_what_was_measured_of_a_published_model_is_read(measured, tmp_path):
    made = measured["no-reverse"]
    publish(made, str(tmp_path / "published"), "someone")
    source = next((tmp_path / "published").rglob("checkpoint-12")).parent
    model = open_run(source, tmp_path / "results")
    evaluate(METRICS["perplexity"], model, Request(sample=8, data=made.dataset().folder))
    findings = findings_of_runs([str(model.folder)], "command")
    (run,) = findings.runs
    assert isinstance(run, PublishedRun) and run.language == "no-reverse" and len(findings.evaluations) == 1
    page = Page(write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8"))
    assert {"languages", "perplexity"} <= set(page.values("id"))
    assert not {"perplexity-cross-tests", "training-loss"} & set(page.values("id"))
    assert "trained on the built-in English (train:vocab=2048)" in page.text


def test_a_folder_that_is_neither_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"not a run \(no run\.json\).* Or one of `impossible evaluate --output`"):
        findings_of_runs([str(tmp_path)], "command")


def test_half_precision_is_not_another_seed(curve_of):
    metric = METRICS["perplexity"]
    found = results_of([curve_of(metric, {1: 4.0}), curve_of(metric, {1: 8.0}, name="perplexity-bf16")])
    (alone,) = results_of([curve_of(metric, {1: 8.0}, name="perplexity-sample-200")])
    assert alone.name == "perplexity"
    assert [(one.name, one.table["perplexity"].tolist(), one.table["seeds"].tolist()) for one in found] == [
        ("perplexity", [pytest.approx(4.0)], [1]),
        ("perplexity-bf16", [pytest.approx(8.0)], [1]),
    ]


def test_cross_tests_stand_apart_and_test_sets_of_one_language_have_names(curve_of):
    metric = METRICS["perplexity"]

    def on(folder, data, value):
        one = curve_of(metric, {1: value}, name=f"perplexity-on-{folder}")
        return replace(one, curve=one.curve.assign(data=data))

    found = [curve_of(metric, {1: 4.0}), on("old", "no-hop", 5.0), on("new", "no-hop", 6.0), on("r", "no-reverse", 7.0)]
    (own,), (other,) = results_of(found), crossed(found)
    assert own.table["perplexity"].tolist() == [pytest.approx(4.0)] and other.name == "perplexity"
    assert dict(zip(other.table["data"], other.table["perplexity"].round(9), strict=True)) == {
        "no-hop (old)": 5.0,
        "no-hop (new)": 6.0,
        "no-reverse": 7.0,
    }


def _of(runs):
    return Findings("t", runs, [], "c")


def test_runs_that_do_not_belong_together_are_named(measured, tmp_path):
    run = measured["no-reverse"]
    request = run.record["request"]
    other = Run(tmp_path, run.record | {"request": request | {"seed": 7, "recipe": request["recipe"] | {"steps": 9}}})
    assert not mixtures(_of(list(measured.values())))
    ((name, why),) = mixtures(_of([run, other]))
    assert name == "no-reverse-gpt2-no-pos" and why.startswith("its runs differ in recipe.steps, and are averaged")
    ((_, why),) = mixtures(_of([run, run]))
    assert why.startswith(f"several runs have the seed {run.seed}")


def test_seeds_may_have_orders_of_their_own(measured):
    """An experiment makes a dataset for each seed: the same sentences in another order."""
    run = measured["no-reverse"]
    request = run.record["request"]
    data = request["dataset"]

    def of_seed(seed, **changes):
        shards = {
            name: f"{digest}{seed}" if name.startswith("train-") else digest for name, digest in data["shards"].items()
        }
        ordered = data | {"request": data["request"] | {"seed": seed}, "shards": shards}
        return Run(run.folder, run.record | {"request": request | {"seed": seed, "dataset": ordered | changes}})

    assert not mixtures(_of([of_seed(1), of_seed(2)]))
    other = of_seed(2, request=data["request"] | {"seed": 2, "context": 7})
    ((_, why),) = mixtures(_of([of_seed(1), other]))
    assert why.startswith("its runs differ in dataset.request.context, and")


def test_costs_are_added_up(measured, tmp_path):
    run = measured["no-reverse"]
    (tmp_path / "unread").mkdir()
    facts = (run.finished or {}) | {"hours": 2.5}
    write_record(tmp_path / "unread" / "finished.json", facts | {"kilowatt_hours": None})
    assert "energy not readable" in cost_of([Run(tmp_path / "unread", run.record)])
    write_record(tmp_path / "finished.json", facts | {"kilowatt_hours": 0.5})
    said = cost_of([Run(tmp_path, run.record), Run(tmp_path, run.record), Run(tmp_path / "none", run.record)])
    assert said == "3 runs, 2 finished, 5 hours, 1 kWh in 2 of them"


def test_what_all_share_is_said_once(findings):
    from impossible_lms.report.provenance import provenance_of_runs

    table = provenance_of_runs(findings.runs)
    shared, rest = split(table)
    assert dict(shared)["recipe.steps"] == 12 and "recipe.steps" not in rest
    assert {"run", "language"} <= set(rest) and set(rest) | set(dict(shared)) == set(table)


def test_cross_tests_that_were_asked_otherwise_stand_apart(curve_of):
    metric = METRICS["perplexity"]

    def on(name, value, **asked):
        one = curve_of(metric, {1: value}, name=f"perplexity-on-no-hop-{name}", **asked)
        return replace(one, curve=one.curve.assign(data="no-hop"))

    half = on("bf16", 5.0)
    asked = {"precision": "bf16", "sample": 7}
    resealed(half.folder / "manifest.json", lambda manifest: manifest["record"]["request"].update(asked))
    found = {result.name: result.table for result in crossed([half, on("fp32", 6.0)])}
    assert {name: table["perplexity"].round(9).tolist() for name, table in found.items()} == {
        "perplexity-precision-bf16": [5.0],
        "perplexity": [6.0],
    }
    assert set(found["perplexity"]["data"]) == {"no-hop"}


def test_a_folder_of_evaluate_output_is_read(measured, impossible, tmp_path):
    folder = measured["no-reverse"].folder
    code, _, err = impossible("evaluate", "perplexity", folder, "--sample", "8", "--output", tmp_path / "found")
    assert code == 0, err
    findings = findings_of_runs([str(tmp_path / "found")], "command")
    assert [run.folder for run in findings.runs] == [folder.resolve()] and len(findings.evaluations) == 1


def test_a_published_model_that_is_not_measured_is_said_and_the_rest_made(measured):
    findings = findings_of_runs(["someone/no-hop-gpt2", str(measured["no-reverse"].folder)], "command")
    assert [what for what, _ in findings.failures] == ["someone/no-hop-gpt2"] and len(findings.runs) == 2
    assert "name the folder that `impossible evaluate METRIC MODEL --output FOLDER` wrote" in findings.failures[0][1]


def test_two_experiments_stand_beside_each_other_and_are_compared_within_themselves(measured, tmp_path):
    sources = [str(measured[name].folder) for name in ("partial-reverse", "no-reverse")]
    parts = [(name, findings_of_runs(sources, "command")) for name in ("first", "second")]
    findings = together(parts, "command", "Both")
    (result, *_) = results_of(findings.evaluations)
    assert set(result.table["architecture"]) == {"gpt2-no-pos · first", "gpt2-no-pos · second"}
    assert set(result.table["seeds"]) == {1}
    page = Page(write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8"))
    assert "without positions, first" in page.text and "without positions, second" in page.text
    assert len(findings.runs) == 2 and not mixtures(findings)  # which both experiments have
    drawn = losses(findings)
    assert drawn is not None and set(drawn.table["architecture"]) == set(result.table["architecture"])


def test_a_metric_asked_otherwise_beside_cross_tests_is_what_the_report_begins_with(measured, tmp_path):
    homes = []
    for language in ("no-reverse", "partial-reverse"):
        folder = measured[language].folder
        homes.append(folder.with_name(f"{language}-otherwise"))  # data are found from where it lies
        shutil.copytree(folder, homes[-1], ignore=shutil.ignore_patterns("perplexity"))
        evaluate(METRICS["perplexity"], Run.open(homes[-1]), Request(sample=5, name="perplexity-sample-5"))
    findings = findings_of_runs([str(home) for home in homes], "command")
    names = {each.folder.name for each in findings.evaluations if each.metric.name == "perplexity"}
    assert names == {"perplexity-sample-5", "perplexity-on-no-reverse"}
    assert "perplexity" in set(findings.contrasts["metric"])
    page = write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8")
    row = findings.contrasts[findings.contrasts["metric"] == "perplexity"].iloc[0]
    assert ratio_told(row["estimate"], row["low"], row["high"])[0] in page
