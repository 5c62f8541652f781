"""What a dry run says: counts that are exact, speeds that were measured, and what is missing or will not fit."""

import shutil
from types import SimpleNamespace

import pytest

from impossible_lms import corpus_of, read_corpus
from impossible_lms.experiment import costs as costing
from impossible_lms.experiment.costs import costs
from impossible_lms.experiment.miniature import MeasureTime, Miniature, head_of, sentences_in
from impossible_lms.experiment.run import run_experiment
from impossible_lms.training import cost


@pytest.fixture
def lines(planned):
    return lambda *changes: {line.what: line for line in costs(planned(*changes)).lines}


def test_before_and_after(lines, planned, here, board, monkeypatch):
    monkeypatch.setattr(costing, "measured_cost", lambda *_: cost.Cost(1000, 3600.0, seconds_before=36.0))
    monkeypatch.setattr(Miniature, "measure_time", lambda *_: MeasureTime(once=3600.0, each=360.0))
    found = lines("publish.namespace=me", "recipe.held_out_every=0")
    train = found["train gpt2-no-pos, tiny"]
    tokens = 2 * 6 * 4 * 32
    assert (train.tasks, train.done, train.tokens) == (2, 0, tokens)
    assert train.hours == pytest.approx(tokens / 3600 / 3600 + 2 * 36 / 3600)
    assert train.disk == 2 * 1000 * (2 * 4 + 2 * 12)  # two checkpoints, and two states of three arrays
    assert "3,600 tokens/s now (fp32, not compiled)" in train.note
    data = found["data"]
    assert (data.tasks, data.done) == (1, 0) and data.hours and data.disk
    assert data.note.startswith("2 datasets, 1 pass over about 2,000 sentences")
    of_metrics = [found[f"evaluate {metric}-sample-40"] for metric in ("perplexity", "learnability")]
    assert [line.tasks for line in of_metrics] == [2, 1] and found["publish"].tasks == 2
    assert of_metrics[0].hours == pytest.approx(2 * (1 + 2 * 0.1))  # two runs of two checkpoints each
    assert of_metrics[1].hours == pytest.approx(1.2)

    # One truth: as many tasks as the run has, by the same names.
    tasks = planned("publish.namespace=me").tasks
    assert sum(line.tasks for line in found.values()) == len(tasks)
    stages = {
        f"{word} {rest.rpartition('.')[2]}" if word == "evaluate" else word
        for word, _, rest in (name.partition(".") for name in tasks)
    }
    assert {what.partition(" gpt2")[0] for what in found} == stages, tasks

    run_experiment(planned(), here, board)
    after = lines()
    assert all(line.done == line.tasks for line in after.values())
    assert after["train gpt2-no-pos, tiny"].hours == after["data"].disk == 0
    assert data.disk == pytest.approx(
        sum(file.stat().st_size for file in planned().store.folder.glob("data/*/*/*") if file.is_file()), rel=0.3
    )
    more = lines("seeds=[1, 2]", 'languages=["no-reverse", "partial-reverse", "full-reverse"]')
    train = more["train gpt2-no-pos, tiny"]
    assert (train.tasks, train.done, train.tokens) == (6, 2, 2 * tokens)
    assert train.note.endswith("tokens/s, as 2 finished runs had") and (more["data"].disk or 0) > 1000


def test_every_metric_is_measured_in_miniature_and_said(planned):
    said: list[str] = []
    plan = planned(
        "corpus=grammar:sentences=6000,seed=0",
        "tokenizer=train:vocab=1200",
        'languages=["no-hop", "token-hop"]',
        'evaluate=[{metric="perplexity"}, {metric="surprisal"}, {metric="interventions"}, {metric="learnability"}, '
        '{metric="generation", sample=3}]',
    )
    found = costs(plan, said.append)
    evaluations = {line.what: line for line in found.lines if line.what.startswith("evaluate ")}
    assert len(evaluations) == 5 and all((line.hours or 0) > 0 for line in evaluations.values()), evaluations
    assert found.unknown == [] and found.hours > 0 and found.disk < found.free
    assert {"measuring: the tokenizer", "measuring: data in 2 languages", "measuring: training gpt2-no-pos"} <= set(
        said
    )
    assert "measuring: interventions of gpt2-no-pos" in said


def test_what_will_be_missing_or_will_not_fit_is_a_warning(planned, unmarked, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=9))
    plan = planned(
        f"corpus={unmarked}", "tokenizer=train:vocab=260", 'languages=["no-hop"]', 'evaluate=[{metric="perplexity"}]'
    )
    found = costs(plan)
    first, second = found.warnings
    assert first.startswith("the first 600 sentences in no-hop: no sentence has 🅂 or 🄿. Markers stand for verbs")
    assert "B will be written, 0.0 kB are free" in second
    assert found.unknown == ["evaluate perplexity"]
    line = next(line for line in found.lines if line.what == "evaluate perplexity")
    assert line.hours is None and line.note.startswith("not measured: no affected test sentence")


def test_the_size_of_a_corpus_is_known_without_reading_it(tmp_path):
    assert sentences_in(read_corpus("grammar:sentences=123456,seed=0")) == 123_456
    for name, line in (("a.txt", "She sings a song of {}.\n"), ("b.jsonl", '{{"text": "She sings a song of {}."}}\n')):
        (tmp_path / name).write_text("".join(line.format(number) for number in range(300_000)), encoding="utf-8")
        assert sentences_in(read_corpus(str(tmp_path / name))) == pytest.approx(300_000, rel=0.05)
    assert sentences_in(corpus_of(["a b"] * 7)) == 7
    corpus = read_corpus(str(tmp_path / "a.txt"))
    assert len(list(head_of(corpus, 60).texts())) == 60


@pytest.mark.parametrize("model", ["gpt2", "gpt2-no-pos"])
def test_a_measured_cost(recipe, model):
    said: list[str] = []
    found = cost.measured_cost(model, "tiny", recipe, 400, said.append)
    layers = 4 * (12 * 128 * 128 + 13 * 128)
    assert found.parameters == layers + 400 * 128 + 2 * 128 + (32 * 128 if model == "gpt2" else 0)
    assert found.tokens_per_second > 0 and found.held_out_tokens_per_second > 0
    assert not found.compiled and found.seconds_before == 0 and said == [f"measuring: training {model}"]
