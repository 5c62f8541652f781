"""Curves by length: stretches of tokens, what lies beyond the training text, and the mean of each."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from impossible_lms import METRICS, by_length
from impossible_lms.errors import UserError
from impossible_lms.evaluation import lengths
from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.lengths import over_lengths
from impossible_lms.report.figures import save_figure
from impossible_lms.report.findings import findings_of_runs
from impossible_lms.report.length_figure import length_picture
from impossible_lms.report.paper import paper_figure
from impossible_lms.report.sections import parts_of


class Measured(Evaluation):
    """What an evaluation has, without its files: at each step, sentences of 4, 8, 9 and 40 tokens."""

    def items(self):
        rows = []
        for step in (10, 20):
            for tokens, value in ((4, 2.0), (8, 8.0), (9, 16.0), (40, 32.0)):
                row: dict[str, object] = {
                    "step": step,
                    "sentence": tokens,
                    "genre": "all",
                    "affected": True,
                    "tokens": tokens,
                }
                predicted = tokens + 1  # and the end
                row |= {"perplexity": value, "whole": value * predicted, "others_tokens": predicted}
                rows.append(row | {"marker_tokens": 0, "after-marker_tokens": 0})
        return pd.DataFrame(rows)


def measured(metric, folder):
    about = {"language": ["no-reverse"], "architecture": "gpt2", "seed": 1, "data": "no-reverse", "fault": None}
    return Measured(METRICS[metric], folder / "evaluation" / metric, pd.DataFrame(about), {}, {})


def test_each_length_has_its_curve(tmp_path, monkeypatch):
    monkeypatch.setattr(lengths, "longest_of", lambda evaluation: 8)
    table = by_length(measured("perplexity", tmp_path))
    assert table["tokens"].tolist() == ["2 to 8", "9 to 16", "over 32"] * 2
    assert table["beyond"].tolist() == [False, True, True] * 2 and table["items"].tolist() == [2, 1, 1] * 2
    assert table["perplexity"].tolist() == pytest.approx([4.0, 16.0, 32.0] * 2)  # the geometric mean of 2 and 8
    assert table["low"].iloc[0] < 4.0 < table["high"].iloc[0] and set(table["step"]) == {10, 20}


def test_bits_are_those_of_a_token(tmp_path):
    table = by_length(measured("sentence-bits", tmp_path), [8, 20])
    assert table["tokens"].tolist() == ["2 to 8", "9 to 20", "over 20"] * 2
    assert table["bits"].tolist() == pytest.approx([5.0, 16.0, 32.0] * 2)
    assert table["beyond"].isna().all() and np.isnan(table["low"].iloc[1])  # one sentence has no interval


def test_what_has_no_lengths_is_said(tmp_path):
    with pytest.raises(UserError, match=r"trained on all lengths\. Name edges, or build the data with"):
        by_length(measured("perplexity", tmp_path))
    with pytest.raises(UserError, match=r"by_length: probes has no lengths\. Of perplexity and sentence-bits"):
        by_length(measured("probes", tmp_path), [8])


def test_over_seeds_each_length_has_a_mean_and_what_is_beyond(tmp_path, monkeypatch):
    monkeypatch.setattr(lengths, "longest_of", lambda evaluation: 8)
    one, other = measured("perplexity", tmp_path / "one"), measured("perplexity", tmp_path / "other")
    monkeypatch.setattr(Measured, "tables", property(lambda self: Tables(self.curve, self.items(), "one")))
    one, other = (each for each in (one, replaced(other, seed=2)))
    table = over_lengths([one, other])
    assert table["tokens"].tolist() == ["2 to 8", "9 to 16", "over 32"] * 2
    assert table["beyond"].tolist() == [False, True, True] * 2 and set(table["seeds"]) == {2}
    assert table["perplexity"].tolist() == pytest.approx([4.0, 16.0, 32.0] * 2)
    picture = length_picture(METRICS["perplexity"], table)
    assert len(picture.panels) == 1 and "by length at the last step" in picture.caption
    save_figure(paper_figure(picture), tmp_path / "it.png")
    trained = {"one": 8, "other": 16}
    monkeypatch.setattr(lengths, "longest_of", lambda evaluation: trained[evaluation.folder.parents[1].name])
    with pytest.raises(UserError, match=r"trained on sentences of up to 8 and 16 tokens\. Name the edges"):
        over_lengths([one, other])
    assert set(over_lengths([one, other], [20])["tokens"]) == {"2 to 20", "over 20"}


def test_a_report_shows_the_lengths_that_are_asked_for(run, impossible):
    assert impossible("evaluate", "perplexity", run.folder, "--sample", "30")[0] == 0
    findings = findings_of_runs([str(run.folder)], "impossible report")
    assert not [each for each in parts_of(findings, findings.results, False).sections if "length" in each.title]
    asked = dataclasses.replace(findings, edges=(6, 12))
    (section,) = (each for each in parts_of(asked, asked.results, False).sections if "length" in each.title)
    assert section.title == "By the length of sentences: perplexity" and "Shaded" not in section.reading
    (picture,) = section.pictures
    assert {"7 to 12", "over 12"} <= set(picture.table["tokens"]) <= {"2 to 6", "7 to 12", "over 12"}


def replaced(evaluation, seed):
    return dataclasses.replace(evaluation, curve=evaluation.curve.assign(seed=seed))


def test_the_verb_writes_a_table_and_a_figure(run, tmp_path, impossible):
    code, _, err = impossible("lengths", run.folder)
    assert code == 2 and ("was not measured" in err or "trained on all lengths" in err or "not measured" in err)
    code, _, err = impossible("evaluate", "perplexity", run.folder, "--sample", "30")
    assert code == 0, err
    code, _, err = impossible("lengths", run.folder)
    assert code == 2 and "trained on all lengths. Name edges" in err
    code, out, err = impossible("lengths", run.folder, "--edges", "6,12", "--output", tmp_path / "out")
    assert code == 0 and "7 to 12" in out and "over 12" in out, err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(f"perplexity-by-length.{ending}" for ending in ("csv", "parquet", "png"))
    }
    code, _, err = impossible("lengths", run.folder, "--edges", "6,x")
    assert code == 2 and "--edges 6,x: numbers of tokens from 2 on are expected" in err
