"""Curves by length: stretches of tokens, what lies beyond the training text, and the mean of each."""

import numpy as np
import pandas as pd
import pytest

from impossible_lms import METRICS, by_length
from impossible_lms.errors import UserError
from impossible_lms.evaluation import lengths
from impossible_lms.evaluation.driver import Evaluation


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
    about = {"language": ["no-reverse"], "architecture": "gpt2", "seed": 1, "data": "no-reverse"}
    return Measured(METRICS[metric], folder / "evaluation" / metric, pd.DataFrame(about), {}, {})


def test_each_length_has_its_curve(tmp_path, monkeypatch):
    monkeypatch.setattr(lengths, "_longest", lambda evaluation: 8)
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
