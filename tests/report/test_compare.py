"""impossible compare: contrasts of run folders and of what `evaluate --output` wrote, as told and as written."""

import json

import pandas as pd
import pytest

from impossible_lms import compare
from impossible_lms.evaluation.contrasts import COLUMNS


def test_every_language_less_its_control(impossible, measured, tmp_path):
    folders = [str(run.folder) for run in measured.values()]
    code, out, err = impossible("compare", *folders, "--output", str(tmp_path / "found"))
    assert code == 0, err
    assert "p_holm: the same, corrected for all " in out
    assert "one seed: where a side has one alone" in out
    table = pd.read_parquet(tmp_path / "found" / "contrasts.parquet")
    assert list(table) == list(COLUMNS) and (tmp_path / "found" / "contrasts.csv").is_file()
    found = table[(table["metric"] == "perplexity") & (table["language"] == "partial-reverse")].iloc[0]
    assert found["less"] == "no-reverse" and found["contrast"] == "ratio" and found["items"] > 0
    assert found["estimate"] == pytest.approx(found["value"] / found["less_value"])
    assert set(table["metric"]) == {"perplexity", "learnability", "sentence-bits"}
    assert set(table.loc[table["metric"] == "sentence-bits", "groups"]) == {"part whole"}
    again = compare(folders)
    pd.testing.assert_frame_equal(again.reset_index(drop=True), table, check_dtype=False)


def test_below_the_table_stands_how_its_columns_are_read(impossible, measured):
    folders = [str(run.folder) for run in measured.values()]
    _, out, _ = impossible("compare", *folders, "--metric", "perplexity")
    legend = out[out.index("value, less_value") :].splitlines()
    assert legend == [
        "value, less_value: of what stands in `language`, and of what stands in `less`",
        "estimate, where contrast is a ratio: value over less_value (no difference: 1)",
        "low to high: the 95 % interval of the estimate; where `no difference` lies in it, none could be shown",
        "lower is better: perplexity",
        "p: how often chance alone would give an estimate as far off, if there were no difference;",
        "p_holm: the same, corrected for this one contrast (Holm 1979)",
        "paired: what is matched between the two; items: sentences (or other items) that both have; "
        "agree: seeds that differ in the direction of the estimate",
        "one seed: where a side has one alone, the interval is over its items, and other seeds may differ.",
    ]
    _, out, _ = impossible("compare", *folders, "--metric", "learnability")
    assert "and of what stands in `less`; - where value is a difference itself" in out
    assert "estimate, where contrast is a difference: value less less_value (no difference: 0)" in out
    _, out, _ = impossible("separation", *folders, "--metric", "perplexity")
    assert "low to high: its 95 % interval, over what `interval` names; - where there is too little for one" in out
    assert "the attested one is learnt better: 1 always, 0.5 as often as not, 0 never" in out


def test_what_is_asked_wrongly_is_said_in_one_line(impossible, measured, tmp_path):
    folders = [str(run.folder) for run in measured.values()]
    for words, message in {
        ("--between", "no-reverse"): "--between no-reverse: two names with a comma between are expected",
        ("--between", "a,a"): "--between a,a: is the same twice.",
        ("--metric", "perplexty"): "unknown metric 'perplexty'. Did you mean perplexity",
        (
            "--between",
            "no-hop,word-hop",
        ): "--between no-hop,word-hop: nothing was measured of both. There are: languages",
        ("--threshold", "3"): "--threshold: is one metric's. Name it with --metric.",
    }.items():
        code, out, err = impossible("compare", *folders, *words)
        assert code == 2 and message in err and not out, words
    code, out, err = impossible("compare", str(tmp_path))
    assert code == 2 and "not a run" in err


def test_steps_of_one_run_as_json(impossible, measured):
    folder = str(measured["partial-reverse"].folder)
    _, out, _ = impossible("compare", folder, "--metric", "perplexity", "--between", "12,4", "--json")
    (row,) = json.loads(out)
    assert (row["step"], row["less"], row["seeds"], row["paired"]) == (12, "step 4", 1, "seeds and items")
