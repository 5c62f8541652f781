"""Results turned, down to the sentences that carry a contrast, and sentences that models say."""

import math

import pytest

from impossible_lms import UserError, read_corpus
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.explorer import tables_html
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.models import models_of
from impossible_lms.explorer.reading import AT_ONCE, read
from impossible_lms.explorer.results import Results
from impossible_lms.models.published import open_run
from impossible_lms.report.findings import Findings
from impossible_lms.report.numbers import ratio_told
from tests.foreign import foreign

KEY = "partial-reverse~no-reverse~gpt2-no-pos"


@pytest.fixture(scope="module")
def models(run, control_run):
    return models_of([run, control_run])


@pytest.fixture(scope="module")
def findings(run, control_run):
    each = [evaluate(get_metric("perplexity"), one, Request(sample=40)) for one in (run, control_run)]
    return Findings("", [run, control_run], each, "")


@pytest.fixture(scope="module")
def results(findings, models):
    return Results(findings, models)


def test_a_contrast_leads_to_the_sentences_that_carry_it(results, findings):
    page = results.page(Chosen(contrast=KEY))
    assert [row.key for row in page.rows] == [KEY] and page.chosen == page.rows[0]
    items = [each.items() for each in findings.evaluations]
    logs = [
        table[(table["step"] == 12) & table["affected"]].set_index("sentence")["perplexity"].map(_log)
        for table in items
    ]
    difference = (logs[0] - logs[1]).dropna()
    expected = difference.sort_values(ascending=difference.mean() < 0).head(8)
    assert [each.difference for each in page.carriers] == pytest.approx(expected.tolist())
    first = page.carriers[0]
    assert first.name == f"sentence {expected.index[0]}" and len(first.sides) == 2
    for side in first.sides:
        assert len(side.bits) == len(side.tokens) + 1 and sum(marker for *_, marker in side.tokens) == 1
    assert first.undone and "🅁" not in first.undone
    made = tables_html.results(page)
    assert f"perplexity {ratio_told(math.exp(first.difference))[0]}" in made
    assert f"{first.sides[0].model}: perplexity " in made and "bits in all" in made
    assert "What differs most: partial-reverse less no-reverse" in made and made.count('role="toolbar"') == 16


def _log(value):
    return math.log(value)


def test_what_is_chosen_is_what_is_shown(results):
    whole, cut = results.page(Chosen()), results.page(Chosen(among=("no-reverse",), at_step=4))
    assert len(whole.values.rows) == 2 and len(cut.values.rows) == 1 and cut.contrasts is None
    assert "no-reverse" in cut.values_csv and "partial-reverse" not in cut.values_csv
    at = results.page(Chosen(at_step=4))
    assert at.contrasts is not None and at.contrasts_csv != whole.contrasts_csv and ",4," in at.contrasts_csv
    assert results.page(Chosen(contrast="../../x")).chosen is None
    with pytest.raises(UserError, match="Nothing was measured of what is chosen"):
        results.page(Chosen(seeds=("9999",)))
    with pytest.raises(UserError, match="Nothing was measured of what was given"):
        Results(Findings("", (), (), ""), models_of([])).page(Chosen())


def test_sizes_are_chosen_apart_and_said_where_they_are_not(findings, models):
    from dataclasses import replace

    bigger = [
        replace(each, record={**each.record, "request": {**each.record["request"], "size": "small"}})
        if each.language == "no-reverse"
        else each
        for each in findings.runs
    ]
    found = Results(replace(findings, runs=bigger), models)
    assert found.kinds == ["gpt2-no-pos small", "gpt2-no-pos tiny"]
    both, one = found.page(Chosen()), found.page(Chosen(scales=("gpt2-no-pos small",)))
    assert len(both.values.rows) == 2 and "gpt2-no-pos small, gpt2-no-pos tiny. Choose one." in both.mixed
    assert "no-reverse" in one.values_csv and "partial-reverse" not in one.values_csv and not one.mixed
    assert "several sizes" in tables_html.results(both) and "several sizes" not in tables_html.results(one)


def test_columns_in_which_nothing_stands_are_left_out(models):
    found = read(models, Findings("", (), (), ""), Chosen(reader="no-reverse-gpt2-no-pos"))
    from dataclasses import replace

    unjudged = replace(found, sentences=[replace(each, bits_a_token=None, undone="") for each in found.sentences])
    made = tables_html.sentences(unjudged)
    assert made.count("<th ") == 2 and "judge</th>" not in made and "well-formed</th>" in made


def test_names_of_others_are_escaped(results):
    page = results.page(Chosen(contrast=KEY))
    from dataclasses import replace

    bad = "<script>alert(1)</script>"
    row = replace(page.rows[0], language=bad)
    sides = [replace(side, model=bad, text=bad) for side in page.carriers[0].sides]
    carriers = [replace(page.carriers[0], undone=bad, sides=sides)]
    assert "<script" not in tables_html.results(replace(page, rows=[row], chosen=row, carriers=carriers))


def test_sentences_are_drawn_judged_and_filtered(models):
    found = read(models, Findings("", (), (), ""), Chosen(reader="no-reverse-gpt2-no-pos"))
    assert found.of == AT_ONCE and len(found.sentences) == AT_ONCE and "the judge is no-reverse" in found.note
    assert found == read(models, Findings("", (), (), ""), Chosen(reader="no-reverse-gpt2-no-pos"))
    other = read(models, Findings("", (), (), ""), Chosen(reader="no-reverse-gpt2-no-pos", sample=1))
    assert [each.pieces for each in other.sentences] != [each.pieces for each in found.sentences]
    well = read(models, Findings("", (), (), ""), Chosen(reader="no-reverse-gpt2-no-pos", form="well-formed"))
    assert len(well.sentences) == found.well_formed and all(each.well_formed for each in well.sentences)
    assert all((each.bits_a_token is not None) == each.well_formed for each in found.sentences)
    assert "bits a token" in tables_html.sentences(found)


def test_sentences_of_an_evaluation_come_first(models, run, control_run):
    one = evaluate(get_metric("generation"), run, Request(sample=30, checkpoints="12", control=control_run.folder))
    findings = Findings("", [run], [one], "")
    first, second, third = (
        read(models, findings, Chosen(reader="partial-reverse-gpt2-no-pos", sample=n)) for n in range(3)
    )
    assert "when generation was evaluated" in first.note and second.of == 10 and third.note.startswith("Sampled now")


def test_what_carries_the_difference_of_two_models_by_others(tmp_path):
    texts = list(read_corpus("grammar:sentences=300,seed=1").texts())
    runs = []
    for name, kind in (("one", "llama"), ("other", "gpt_neox")):
        foreign(tmp_path / name, kind, texts)
        runs.append(open_run(tmp_path / name, tmp_path / "out"))
    asked = Request(corpus="grammar:sentences=40,seed=3", language="no-shuffle", sample=10)
    found = [evaluate(get_metric("sentence-bits"), run, asked) for run in runs]
    page = Results(Findings("", runs, found, ""), models_of(runs)).page(Chosen(contrast="one~other~llama"))
    first = page.carriers[0]
    assert [side.model for side in first.sides] == ["one", "other"] and first.sides[0].text == first.sides[1].text
    assert [sum(side.bits) for side in first.sides] == pytest.approx([side.value for side in first.sides], rel=1e-4)
