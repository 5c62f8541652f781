"""Experiments beside each other: what is set against each other, what is not and why, and both in the same figures."""

import re
import shutil
from dataclasses import replace
from typing import Any

import pytest

from impossible_lms.evaluation.compare import compare
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.report.contrast_grid import contrast_grid
from impossible_lms.report.findings import findings_of_runs, together
from impossible_lms.report.page import write_report
from impossible_lms.report.results import results_of
from impossible_lms.report.side_by_side import SAME_RUNS, side_by_side
from tests.report.conftest import Page
from tests.report.making import make_runs

LANGUAGES = ["no-reverse", "partial-reverse"]


def findings_of(**runs):
    parts = [
        (name, findings_of_runs([str(each.folder) for each in several], "command")) for name, several in runs.items()
    ]
    return together(parts, "command", " and ".join(runs))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs of the same languages: three seeds each, those of the second learnt better; and with another tokenizer."""
    home = tmp_path_factory.mktemp("beside")
    asked: dict[str, Any] = {
        "architectures": ("gpt2",),
        "seeds": (1, 2, 3),
        "metrics": ("perplexity", "learnability", "generation"),
        "steps": (50, 100),
    }
    return {
        "small": make_runs(home / "small", LANGUAGES, **asked),
        "large": make_runs(home / "large", [*LANGUAGES, "no-shuffle"], **asked, level=-0.4),
        "other": make_runs(home / "other", LANGUAGES, **asked, vocabulary=300),
    }


def test_the_same_language_in_both_is_contrasted_as_compare_would(made, tmp_path):
    findings = findings_of(small=made["small"], large=made["large"])
    (pair,) = side_by_side(findings)
    assert (pair.one, pair.other) == ("large", "small")
    perplexity = pair.contrasts[pair.contrasts["metric"] == "perplexity"].set_index("language")
    assert set(perplexity.index) == set(LANGUAGES) and set(perplexity["architecture"]) == {"gpt2"}
    assert (perplexity["high"] < 1).all() and (perplexity["seeds"] == 3).all()
    expected = compare(findings.evaluations, [("gpt2 · large", "gpt2 · small")], metric="perplexity")
    assert perplexity["estimate"].tolist() == expected["estimate"].tolist()
    assert pair.not_set == ["In large alone: no-shuffle."]
    page = Page(write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8"))
    assert "large beside small" in page.text and "less small" in page.text
    said = r"partial-reverse in large is learnt better than the same in small: perplexity [0-9.]+ % lower"
    assert re.search(said, page.text)
    grid = contrast_grid(pair.contrasts, METRICS)
    kinds = dict(grid.columns) if grid else {}
    assert kinds["learnability"] == "difference, bits a token" and kinds["perplexity"] == "ratio"
    assert (tmp_path / "report-figures" / "contrasts-large-less-small.csv").is_file()


def test_what_was_measured_on_other_sentences_is_not_set_against_each_other(made, tmp_path):
    findings = findings_of(small=made["small"], other=made["other"])
    (pair,) = side_by_side(findings)
    assert pair.contrasts.empty
    said = "perplexity: the test sets are of another tokenizer (no-reverse, partial-reverse)."
    assert said in pair.not_set
    page = Page(write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8"))
    assert "Nothing could be set against each other." in page.text and said in page.text


def test_a_run_is_not_set_against_itself(made):
    findings = findings_of(small=made["small"], again=made["small"])
    (pair,) = side_by_side(findings)
    assert pair.contrasts.empty and any(SAME_RUNS in each for each in pair.not_set)


def test_other_samples_of_other_experiments_share_a_figure_and_those_of_one_do_not(made):
    def named(each):
        if each.metric.name != "perplexity" or "large" not in str(each.folder):
            return each
        folder = each.folder.with_name("perplexity-otherwise")
        shutil.copytree(each.folder, folder, dirs_exist_ok=True)
        return replace(each, folder=folder)

    findings = findings_of(small=made["small"], large=made["large"])
    evaluations = [named(each) for each in findings.evaluations]
    assert [each.name for each in results_of(evaluations)] == ["perplexity", "learnability", "generation"]
    (pair,) = side_by_side(replace(findings, evaluations=evaluations))
    assert "perplexity" in set(pair.contrasts["metric"])
    both = [*evaluations, *(each for each in findings.evaluations if each.metric.name == "perplexity")]
    assert [each.name for each in results_of(both)] == [
        "perplexity",
        "perplexity-otherwise",
        "learnability",
        "generation",
    ]
