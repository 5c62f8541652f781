"""The headline and the table of contrasts: words and directions are those of the statistics."""

import pandas as pd
import pytest

from impossible_lms import METRICS
from impossible_lms.evaluation.seeds import OVER_BOTH, OVER_ITEMS
from impossible_lms.report.contrast_grid import contrast_grid
from impossible_lms.report.headline import BETTER, UNSURE, WORSE, headline, verdict_of
from impossible_lms.report.numbers import ratio_told


def row(language="partial-reverse", less="no-reverse", estimate=1.31, low=1.24, high=1.38, **others):
    """A row of a table of contrasts."""
    said = {"metric": "perplexity", "what": "value", "language": language, "architecture": "gpt2", "less": less}
    said |= {
        "data": language,
        "value": 131.0,
        "less_value": 100.0,
        "contrast": "ratio",
        "estimate": estimate,
        "low": low,
        "high": high,
    }
    said |= {"p": 0.001, "p_holm": 0.002, "contrasts": 2, "seeds": 3, "less_seeds": 3, "paired": "seeds", "items": 9}
    return said | {"interval": OVER_BOTH} | others


@pytest.mark.parametrize(
    ("contrast", "metric", "low", "high", "verdict"),
    [
        ("ratio", "perplexity", 1.1, 1.2, WORSE),
        ("ratio", "perplexity", 0.8, 0.9, BETTER),
        ("ratio", "perplexity", 0.9, 1.1, UNSURE),
        ("difference", "surprisal", 0.1, 0.2, BETTER),
        ("difference", "surprisal", -0.2, -0.1, WORSE),
        ("difference", "learnability", 0.1, 0.2, WORSE),
        ("ratio of odds", "generation", 0.5, 0.9, WORSE),
        ("ratio", "perplexity", None, None, UNSURE),
    ],
)
def test_a_direction_is_shown_where_the_interval_leaves_no_difference_out(contrast, metric, low, high, verdict):
    assert verdict_of({"contrast": contrast, "low": low, "high": high}, METRICS[metric]) == verdict


def test_a_difference_is_said_with_its_interval_and_seeds():
    found = headline(pd.DataFrame([row()]), {"perplexity": METRICS["perplexity"]})
    said = "partial-reverse is learnt worse than no-reverse: perplexity 1.31 times as high, 1.24 to 1.38 over 3 seeds."
    assert found.findings == [said.replace("1.38 over", "1.38, over")] and not found.cautions


def test_both_models_of_a_language_share_a_sentence_and_what_is_not_shown_is_said():
    rows = [row(), row(architecture="gpt2-no-pos", estimate=1.2, low=1.1, high=1.3)]
    rows += [row("token-hop", "no-hop", 1.01, 0.97, 1.05, p_holm=0.5)]
    first, second = headline(pd.DataFrame(rows), {"perplexity": METRICS["perplexity"]}).findings
    assert first == (
        "partial-reverse is learnt worse than no-reverse: perplexity 1.31 times as high with positions (1.24 to 1.38) "
        "and 1.20 times without positions (1.10 to 1.30), over 3 seeds."
    )
    assert second == (
        "No difference could be shown between token-hop and no-hop: perplexity 1 % higher with positions "
        "(3 % lower to 5 % higher), over 3 seeds."
    )


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ((0.8, 0.75, 0.88), ("20 % lower", "12 to 25 % lower")),
        ((1.0, 0.968, 1.05), ("the same", "3.2 % lower to 5 % higher")),
        ((3.2, 0.9, 11.0), ("3.20 times as high", "10 % lower to 11 times as high")),
        ((0.0004, 0.0003, 0.04), ("99.96 % lower", "96 to 99.97 % lower")),
        ((0.968,), ("3.2 % lower", "")),
        ((1.5,), ("1.50 times as high", "")),
        ((1.0, 1.0, 1.0), ("the same", "1 to 1")),
    ],
)
def test_ratios_below_one_are_said_as_what_they_are_lower_by(ratio, said):
    assert ratio_told(*ratio) == said


def test_a_lower_perplexity_is_said_as_lower_with_its_interval():
    rows = [row(estimate=0.8, low=0.75, high=0.88), row(architecture="gpt2-no-pos", estimate=0.9, low=0.86, high=0.95)]
    (said,) = headline(pd.DataFrame(rows), {"perplexity": METRICS["perplexity"]}).findings
    assert said == (
        "partial-reverse is learnt better than no-reverse: perplexity 20 % lower with positions (12 to 25 % lower) "
        "and 10 % lower without positions (5 to 14 % lower), over 3 seeds."
    )


def test_of_many_languages_the_ends_are_said():
    names = {"partial-reverse": 1.5, "full-reverse": 1.02, "token-hop": 1.1, "word-hop": 1.2, "even-odd-shuffle": 3.0}
    rows = [row(name, "no-x", value, value - 0.05, value + 0.05) for name, value in names.items()]
    said = headline(pd.DataFrame(rows), {"perplexity": METRICS["perplexity"]}).findings
    assert said[0] == "Learnt worse than their control, by perplexity: 4 of 5 languages."
    assert said[1].startswith("The most: even-odd-shuffle against no-x, perplexity 3 times as high, 2.95 to 3.05")
    assert said[2].startswith("The least: token-hop against no-x") and said[3].endswith(
        "between full-reverse and no-x."
    )


def test_one_seed_and_what_does_not_hold_once_corrected_are_cautions():
    rows = [row(seeds=1, less_seeds=1, interval=OVER_ITEMS, p_holm=0.2)]
    metrics = {"perplexity": METRICS["perplexity"]}
    found = headline(pd.DataFrame(rows), metrics)
    assert found.findings[0].endswith("with one seed.")
    assert found.cautions == [
        "There is one seed of each model: intervals are over its sentences alone, and other seeds may differ.",
        "1 difference does not hold once corrected for the number of all 2 (marked ° in the table of contrasts).",
    ]
    grid = contrast_grid(pd.DataFrame(rows), metrics)
    assert grid is not None and grid.columns == [("perplexity", "ratio")]
    (cell,) = grid.rows[0].models[0][1]
    assert cell is not None and (cell.text, cell.verdict) == ("× 1.31° [1.24, 1.38]", WORSE)


def test_nothing_measured_is_no_headline():
    assert headline(pd.DataFrame(), {}).findings == () and contrast_grid(pd.DataFrame(), {}) is None


def test_models_by_others_are_told_by_their_names_alone():
    rows = [row("one", "other", architecture=name, data="no-shuffle") for name in ("llama", "gpt_neox")]
    table = pd.DataFrame(rows)
    assert not any("in llama" in each for each in headline(table, {"perplexity": METRICS["perplexity"]}).findings)
    grid = contrast_grid(table, {"perplexity": METRICS["perplexity"]})
    assert grid is not None and grid.heading == "model less another"
    (said,) = headline(pd.DataFrame([row(), row(architecture="llama")]), METRICS).findings
    assert "in llama (1.24 to 1.38)" in said
