"""Contrasts are what a hand-made computation gives, whatever both sides share, and say what they are made of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from impossible_lms import METRICS
from impossible_lms.errors import UserError
from impossible_lms.evaluation.cells import Tables, cells_of
from impossible_lms.evaluation.contrasts import contrasts
from impossible_lms.evaluation.over_training import curves_of, first_passed, over_training, trapezoids

TABLE = Path(__file__).parent / "tables" / "two-languages.csv"
PERPLEXITY, SURPRISAL = METRICS["perplexity"], METRICS["surprisal"]


def measured(items, language="no-hop", seed=0, architecture="gpt2", corpus="one", control=None):
    """Tables of a run with these items."""
    steps = sorted(set(items["step"]))
    curve = pd.DataFrame({"language": language, "architecture": architecture, "seed": seed, "step": steps})
    return Tables(curve.assign(data=language, fault=None), items.assign(affected=True), corpus, control)


def of_surprisal(values, step=1, sentences=None):
    sentences = range(len(values)) if sentences is None else sentences
    return pd.DataFrame({"step": step, "sentence": sentences, "genre": "g", "difference": values})


@pytest.fixture
def shipped():
    """Two languages with three seeds each, of 24 sentences 16 of which are in both."""
    table = pd.read_csv(TABLE).assign(step=400)
    return [measured(mine, str(language), int(seed)) for (language, seed), mine in table.groupby(["language", "seed"])]


def test_a_contrast_is_the_one_made_by_hand(shipped):
    """Against the analysis of variance of the logarithms by hand: of the same sentences, seeds and genres.

    Of `d`, the table of sentences that both have with the difference of the logarithms of both languages, R's
    `anova(lm(d ~ seed + sentence))` and statsmodels' `anova_lm(ols("d ~ C(seed) + C(sentence)", d).fit())` give the
    mean squares; here without genres.
    """
    both = pd.read_csv(TABLE).query("4 <= sentence < 20").assign(genre="all", step=400)
    tables = [measured(mine, str(name), int(seed)) for (name, seed), mine in both.groupby(["language", "seed"])]
    (row,) = contrasts([("perplexity", PERPLEXITY, tables)]).to_dict("records")
    logs = np.log(both.pivot(index=["seed", "sentence"], columns="language", values="perplexity"))
    d = (logs["token-hop"] - logs["no-hop"]).unstack("sentence").to_numpy()
    rows, columns, mean = d.mean(axis=1, keepdims=True), d.mean(axis=0), d.mean()
    seeds = 16 * ((rows - mean) ** 2).sum() / 2
    sentences = 3 * ((columns - mean) ** 2).sum() / 15
    residual = ((d - rows - columns + mean) ** 2).sum() / 30
    of_statsmodels = [0.238302784473, 0.0549738962143, 0.0536374738528]  # 0.14.5; column mean_sq
    assert [seeds, sentences, residual] == pytest.approx(of_statsmodels) and mean == pytest.approx(0.3681237578235)
    of_seeds, of_items = seeds / 48, max(sentences - residual, 0.3 * residual - seeds) / 48
    x = of_items / of_seeds
    share = 1 / (1 + x)
    degrees = 1 / (1 / (2 * (1 + 0.8 * x**2)) + (1 - share) ** 2 / 15)  # of two seeds' degrees, docs/statistics.md
    reach = stats.t.ppf(0.975, degrees) * np.sqrt(of_seeds + of_items)
    assert (row["language"], row["less"], row["contrast"]) == ("token-hop", "no-hop", "ratio")
    assert (row["paired"], row["items"], row["seeds"], row["agree"]) == ("seeds and items", 16, 3, 3)
    assert [row["estimate"], row["low"], row["high"]] == pytest.approx(np.exp([mean, mean - reach, mean + reach]))


def test_sentences_of_one_side_alone_count_too(shipped):
    (row,) = contrasts([("perplexity", PERPLEXITY, shipped)]).to_dict("records")
    assert row["estimate"] == pytest.approx(row["value"] / row["less_value"])
    table = pd.read_csv(TABLE)
    of_language = np.log(table["perplexity"]).groupby(table["language"]).mean()
    assert row["estimate"] == pytest.approx(np.exp(of_language["token-hop"] - of_language["no-hop"]))
    apart = [each._replace(corpus=str(each.curve["language"][0])) for each in shipped]
    (other,) = contrasts([("perplexity", PERPLEXITY, apart)]).to_dict("records")
    assert (other["paired"], other["items"]) == ("seeds", 0) and other["estimate"] == pytest.approx(row["estimate"])
    assert other["high"] / other["low"] > row["high"] / row["low"]  # sentences of another corpus are others


def test_seeds_that_differ_are_not_paired_and_one_seed_says_so():
    generator = np.random.default_rng(0)
    item = generator.normal(size=60)

    def runs(language, seeds, shift):
        return [measured(of_surprisal(item + shift + generator.normal(0, 0.1)), language, seed) for seed in seeds]

    unlike = contrasts([("surprisal", SURPRISAL, runs("token-hop", (1, 2, 3), 0) + runs("no-hop", (4, 5), 3))])
    (row,) = unlike.to_dict("records")
    assert (row["paired"], row["seeds"], row["less_seeds"], row["interval"]) == ("items", 3, 2, "seeds and items")
    assert pd.isna(row["agree"]) and row["low"] < row["estimate"] < row["high"] < 0
    alone = contrasts([("surprisal", SURPRISAL, runs("token-hop", (1,), 0) + runs("no-hop", (1, 2), 3))])
    (row,) = alone.to_dict("records")
    assert row["seeds"] == row["less_seeds"] == 1 and row["paired"] == "seeds and items"
    assert row["interval"] == "items (one seed: other seeds may differ)"


def test_two_languages_two_architectures_two_steps_and_what_is_not_there():
    generator = np.random.default_rng(1)
    tables = []
    for language in ("token-hop", "word-hop"):
        for architecture in ("gpt2", "gpt2-no-pos"):
            for seed in (0, 1):
                steps = [of_surprisal(generator.normal(size=20), step) for step in (5, 9)]
                tables.append(measured(pd.concat(steps), language, seed, architecture))
    asked = [("token-hop", "word-hop"), ("gpt2", "gpt2-no-pos"), ("9", "5")]
    found = contrasts([("surprisal", SURPRISAL, tables)], asked)
    assert list(zip(found["language"], found["architecture"], found["step"], found["less"], strict=True)) == [
        ("token-hop", "gpt2", 9, "word-hop"),
        ("token-hop", "gpt2-no-pos", 9, "word-hop"),
        ("token-hop", "gpt2", 9, "gpt2-no-pos"),
        ("word-hop", "gpt2", 9, "gpt2-no-pos"),
        *((language, name, 9, "step 5") for language in ("token-hop", "word-hop") for name in ("gpt2", "gpt2-no-pos")),
    ]
    assert (found["contrasts"] == 8).all() and (found["p_holm"] >= found["p"]).all()
    assert found.loc[found["p"].idxmin(), "p_holm"] == pytest.approx(min(1, 8 * found["p"].min()))
    with pytest.raises(
        UserError, match=r"--between no-hop,word-hop: nothing was measured of both. There are: languages"
    ):
        contrasts([("surprisal", SURPRISAL, tables)], [("no-hop", "word-hop")])
    with pytest.raises(UserError, match="--threshold: is one metric's"):
        contrasts([("surprisal", SURPRISAL, tables)] * 2, threshold=1.0)


def test_a_gap_is_set_against_0_and_a_share_against_odds():
    gap = pd.DataFrame({"step": 1, "sentence": range(50), "original_tokens": 5})
    gap["gap"] = np.random.default_rng(2).normal(2, 1, 50)
    runs = [
        measured(gap.assign(gap=gap["gap"] + by), "token-hop", seed, control="no-hop") for seed, by in ((0, 0), (1, 1))
    ]
    (row,) = contrasts([("learnability", METRICS["learnability"], runs)]).to_dict("records")
    assert row["less"] == "no-hop" and pd.isna(row["less_value"]) and row["estimate"] == pytest.approx(row["value"])
    said = pd.DataFrame({"step": [1] * 40, "who": "model", "length": "1-10"})
    runs = [
        measured(said.assign(well_formed=np.arange(40) < right), language, seed)
        for language, rights in (("token-hop", (20, 22)), ("no-hop", (38, 40)))
        for seed, right in enumerate(rights)
    ]
    (row,) = contrasts([("generation", METRICS["generation"], runs)]).to_dict("records")
    assert row["contrast"] == "ratio of odds" and 0 < row["low"] < row["estimate"] < row["high"] and row["items"] == 0


def test_the_area_is_the_mean_over_training():
    assert trapezoids(np.array([0.0, 1.0, 3.0])) == pytest.approx([1 / 6, 1 / 2, 1 / 3])
    item = np.random.default_rng(3).normal(size=30)
    tables = [
        measured(pd.concat([of_surprisal(item + step + seed, step) for step in (0, 1, 3)]), "no-hop", seed)
        for seed in (0, 1)
    ]
    (row,) = over_training(SURPRISAL, tables).to_dict("records")
    assert row["area"] == pytest.approx(item.mean() + 1.5 + 0.5) and row["area_low"] < row["area"] < row["area_high"]
    other = [each._replace(curve=each.curve.assign(language="token-hop", data="token-hop")) for each in tables]
    other = [each._replace(items=each.items.assign(difference=each.items["difference"] - 2)) for each in other]
    found = contrasts([("surprisal", SURPRISAL, tables + other)], over_training=True)
    assert found["what"].tolist() == ["value", "mean over training"]
    assert found["estimate"].tolist() == pytest.approx([-2, -2])


def test_first_steps_past_a_threshold_and_those_that_have_not_come():
    def runs(language, shifts):
        return [
            measured(
                pd.concat([of_surprisal(np.linspace(-0.1, 0.1, 20) + step + by, step) for step in (1, 2, 4, 8)]),
                language,
                seed,
            )
            for seed, by in enumerate(shifts)
        ]

    early, late = runs("no-hop", (0, 0.5, 0)), runs("token-hop", (-1, -9, -1))
    (row,) = over_training(SURPRISAL, early, threshold=3).to_dict("records")
    assert (row["step"], row["each_step"], row["censored"]) == (4, [4, 4, 4], 0)
    (row,) = over_training(SURPRISAL, late, threshold=5.5).to_dict("records")
    assert row["each_step"] == [8, None, 8] and row["censored"] == 1 and pd.isna(row["step"])
    assert row["step_low"] == 1 and pd.isna(row["step_high"])  # seeds so far apart leave the mean open
    cells = curves_of(cells_of(SURPRISAL, early))
    assert first_passed(SURPRISAL, next(iter(cells.values())), 99).each == {0: None, 1: None, 2: None}
    found = contrasts([("surprisal", SURPRISAL, early + late)], threshold=3)
    row = found.iloc[1]
    assert row["what"] == "first step above 3" and row["contrast"] == "ratio of steps, at least"
    assert row["interval"] == "censored: 1 of 3, 0 of 3" and pd.isna(row["low"]) and row["contrasts"] == 1
    early_too = runs("token-hop", (-1, -1.5, -1))
    row = contrasts([("surprisal", SURPRISAL, early + early_too)], threshold=2.5).iloc[1]
    assert row["contrast"] == "ratio of steps" and row["low"] < row["estimate"] < row["high"]


def test_repeated_sentences_and_many_seeds_keep_their_weight():
    drawn = of_surprisal([1.0, 1.0, 4.0], sentences=[7, 7, 9])
    (cell,) = cells_of(SURPRISAL, [measured(drawn), measured(drawn, seed=1)]).values()
    assert cell[0].found.mean == pytest.approx(2) and len(cell) == 2
    found = contrasts(
        [("surprisal", SURPRISAL, [measured(drawn, name, seed) for name in ("token-hop", "no-hop") for seed in (0, 1)])]
    )
    assert found["estimate"].tolist() == [0] and found["p"].tolist() == [1]


def by_others(values, name, architecture, tokenizer="its own", steps=(0,)):
    """Tables of a model by others on `no-shuffle`."""
    (row,) = [
        measured(pd.concat([of_bits(values, step) for step in steps]), name, architecture=architecture, seed=None)
    ]
    return row._replace(curve=row.curve.assign(data="no-shuffle"), is_foreign=True, tokenizer=tokenizer)


def of_bits(values, step):
    tokens = {f"{part}_tokens": 0 for part in ("marker", "after-marker", "others")}
    rows = pd.DataFrame({"step": step, "sentence": range(len(values)), "genre": "g", "whole": values})
    return rows.assign(**tokens, tokens_sha256="one")


def test_models_by_others_are_told_by_their_names_and_compared_by_whole_sentences():
    generator = np.random.default_rng(5)
    bits = generator.normal(40, 10, size=30)
    tables = [
        by_others(bits + 2, "a-model", "llama", "its own", (1000,)),
        by_others(np.append(bits, 400.0), "another", "gpt_neox", "another's", (5, 1000)),
    ]
    metric = METRICS["sentence-bits"]
    (row,) = contrasts([("sentence-bits", metric, tables)]).to_dict("records")
    assert (row["language"], row["less"], row["paired"], row["items"]) == ("a-model", "another", "items", 30)
    assert row["estimate"] == pytest.approx(2) and (row["step"], row["less_step"]) == (1000, 1000)  # 400 is one side's
    (row,) = contrasts([("sentence-bits", metric, tables)], [("gpt_neox", "llama")]).to_dict("records")
    assert (row["language"], row["less"]) == ("another", "a-model") and row["estimate"] == pytest.approx(-2)
    alone = [by_others(bits, "a-model@main", "llama"), by_others(bits + 1, "a-model@step5", "llama", steps=(5,))]
    (row,) = contrasts([("sentence-bits", metric, alone)], [("a-model@step5", "a-model@main")]).to_dict("records")
    assert (row["step"], row["less_step"]) == (5, 0) and row["estimate"] == pytest.approx(1)
    assert row["items"] == 30 and row["low"] <= 1 <= row["high"]


def test_what_is_of_tokens_is_not_compared_across_vocabularies():
    values = np.exp(np.random.default_rng(6).normal(size=20))
    items = pd.DataFrame({"step": 0, "sentence": range(20), "genre": "g", "perplexity": values})
    one, other = (
        measured(items, name, None, architecture)._replace(is_foreign=True, tokenizer=name)
        for name, architecture in (("a-model", "llama"), ("another", "gpt_neox"))
    )
    one, other = (each._replace(curve=each.curve.assign(data="no-shuffle")) for each in (one, other))
    assert contrasts([("perplexity", PERPLEXITY, [one, other])]).empty
    with pytest.raises(UserError, match=r"Where vocabularies differ that is sentence-bits or minimal-pairs"):
        contrasts([("perplexity", PERPLEXITY, [one, other])], [("a-model", "another")])
    alike = [one, other._replace(tokenizer="a-model")]
    assert len(contrasts([("perplexity", PERPLEXITY, alike)], [("a-model", "another")])) == 1
