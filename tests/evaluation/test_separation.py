"""Separation is the share of pairs counted by hand, with an interval that says what it is over."""

import numpy as np
import pandas as pd
import pytest

from impossible_lms import METRICS, separation
from impossible_lms.errors import UserError
from impossible_lms.evaluation.separation import separated


class Measured:
    """What an evaluation has, without its files."""

    def __init__(self, language, seed, values, control="no-shuffle", items=10, metric="sentence-bits", begins=0):
        self.metric, self.human = METRICS[metric], ""
        self.folder = type("Folder", (), {"name": metric})
        rows = [{"step": 100 * (place + 1), self.metric.value: value} for place, value in enumerate(values)]
        about = {"language": language, "data": language, "architecture": "gpt2", "seed": seed, "items": items}
        shown = dict(self.metric.shown)
        self.notes = {"test_begins": begins}
        self.curve = pd.DataFrame(rows).assign(**about, **shown, fault=None, low=np.nan, high=np.nan)
        self.control = control
        self.steps, self.of = {row["step"]: row[self.metric.value] for row in rows}, range(begins, begins + items)

    def items(self):
        """Every test sentence has the mean of all, but for the last one, which has three bits more."""
        return pd.DataFrame(
            [
                {"step": step, "sentence": place, "whole": value + 3 * (place == max(self.of))}
                for step, value in self.steps.items()
                for place in self.of
            ],
            columns=["step", "sentence", "whole"],
        )


def models(human, seed, attested, impossible, **more):
    """A control and a shuffle of one human language, with values at each step."""
    return [
        (human, Measured("no-shuffle", seed, attested, **more)),
        (human, Measured("even-odd-shuffle", seed, impossible, **more)),
    ]


def of(table, what, pairs="within"):
    return table[(table["what"] == what) & (table["pairs"] == pairs)].iloc[0]


def test_pairs_are_counted():
    assert separated(np.array([1.0, 2.0]), np.array([2.0, 0.5])).tolist() == [[1, 0], [0.5, 0]]


def test_within_and_across_human_languages():
    """Of Spanish 10 against 12, of Dutch 20 against 18: within one of two, across one of two (10 < 18, not 20 < 12)."""
    table = separation(
        [*models("es", 0, [11, 10], [13, 12]), *models("nl", 0, [20, 20], [30, 18])], parallel=["es", "nl"]
    )
    within, across = of(table, "last"), of(table, "last", "across")
    assert within["separation"] == 0.5 and within["compared"] == 2 and within["step"] == 200
    assert across["separation"] == 0.5 and across["compared"] == 2
    assert of(table, "step")["separation"] == 1.0 and of(table, "step")["step"] == 100
    assert of(table, "mean over training")["separation"] == 1.0  # 10.5 < 12.5 and 20 < 24
    assert within["attested"] == within["impossible"] == 2 and within["human_languages"] == 2
    assert within["interval"] == "nothing" and np.isnan(within["low"])  # one seed, and two human languages


def test_published_models_say_their_human_languages_themselves():
    each = [*models("", 0, [1.0], [2.0]), *models("", 0, [1.0], [2.0])]
    for (_, measured), human in zip(each, ("es", "es", "pt", "pt"), strict=True):
        measured.human = human
        measured.curve = measured.curve.assign(architecture=f"gpt2 · {human}")
    table = separation(each, parallel=["es", "pt"])
    assert set(table["architecture"]) == {"gpt2"} and of(table, "last", "across")["compared"] == 2


def test_only_whole_sentences_are_compared_across():
    both = [*models("es", 0, [1.0], [2.0]), *models("nl", 0, [1.0], [2.0])]
    assert set(separation(both)["pairs"]) == {"within"}  # nobody says that these are the same sentences
    assert set(separation(both, parallel=["es", "nl"])["pairs"]) == {"within", "across"}
    perplexities = [
        *models("es", 0, [1.0], [2.0], metric="perplexity"),
        *models("nl", 0, [1.0], [2.0], metric="perplexity"),
    ]
    assert set(separation(perplexities, parallel=["es", "nl"])["pairs"]) == {"within"}


def test_of_parallel_sentences_those_count_that_all_have():
    """Dutch was measured on the first nine alone, and its numbers begin later: the ninth costs it three bits more."""
    both = [*models("es", 0, [1.2], [2.0]), *models("nl", 0, [1.0], [2.0], items=9, begins=40)]
    row = of(separation(both, parallel=["es", "nl"]), "last", "across")
    assert row["items"] == 9 and row["separation"] == 1.0  # 1.2 < 2 + 3/9, and 1 + 3/9 < 2
    with_others = separation([*both, *models("fi", 0, [1.4], [1.3])], parallel=["es", "nl"])
    assert of(with_others, "last", "across")["compared"] == 2  # Finnish was tested on other sentences
    assert of(with_others, "last")["compared"] == 3 and of(with_others, "last")["separation"] == pytest.approx(2 / 3)
    none = [*models("es", 0, [1.0], [2.0]), *models("nl", 0, [1.0], [2.0], items=0)]
    with pytest.raises(UserError, match="no test sentence was measured in all human languages"):
        separation(none, parallel=["es", "nl"])


def test_a_metric_where_more_is_better_and_a_threshold():
    table = separation(models("", 0, [1, 5], [1, 3], metric="surprisal"), metric="surprisal", threshold=2)
    assert of(table, "last")["separation"] == 1.0 and of(table, "step")["separation"] == 0.5
    assert of(table, "first step past 2")["separation"] == 0.5  # both at the second step


def test_the_interval_leaves_out_one_seed_after_the_other():
    """Of three seeds one is the wrong way: the jackknife by hand, with Student's t of two degrees of freedom."""
    values = {0: (1.0, 4.0), 1: (2.0, 5.0), 2: (6.0, 3.0)}
    row = of(separation([each for seed, (a, b) in values.items() for each in models("", seed, [a], [b])]), "last")
    mine, theirs = (np.array([pair[side] for pair in values.values()]) for side in (0, 1))
    share = separated(mine, theirs).mean()
    without = np.array([separated(np.delete(mine, seed), np.delete(theirs, seed)).mean() for seed in range(3)])
    by = 4.302652729911275 * np.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum())
    assert row["separation"] == pytest.approx(share) and row["interval"] == "seeds"
    assert row["low"] == pytest.approx(max(0, share - by)) and row["high"] == pytest.approx(min(1, share + by))


def test_the_interval_is_over_human_languages_where_there_are_three():
    three = [*models("es", 0, [1.0], [2.0]), *models("nl", 0, [1.5], [2.5]), *models("pt", 0, [3.0], [2.0])]
    assert of(separation(three), "last")["interval"] == "human languages"


def test_where_no_pair_disagrees_the_interval_still_has_a_width():
    row = of(separation(models("", 0, [1.0], [2.0])), "last")
    assert row["separation"] == row["high"] == 1.0 and row["interval"] == "models (none disagrees)"
    assert row["low"] == pytest.approx(1 / (1 + 1.959963984540054**2))  # Wilson's, one of one


def orders(**values):
    """Orders of noun phrases with a value each, `_` for `-` in their names."""
    names = [name.replace("_", "-") for name in values]
    return [
        ("", Measured(name, 0, [value], "no-noun-phrase")) for name, value in zip(names, values.values(), strict=True)
    ]


def test_orders_of_noun_phrases_that_there_are_are_attested():
    found = orders(
        no_noun_phrase=1, noun_phrase_N_Adj_Num_Dem=2, noun_phrase_Num_Dem_Adj_N=3, noun_phrase_Dem_Adj_Num_N=1.5
    )
    row = of(separation(found), "last")
    assert (row["attested"], row["impossible"], row["separation"]) == (2, 2, 0.75)


def test_attested_languages_by_name_and_faults():
    found = models("", 0, [1.0], [2.0])
    row = of(separation(found, ["even-odd-shuffle"]), "last")
    assert row["separation"] == 0.0 and row["low"] == 0.0
    with pytest.raises(UserError, match=r"--attested nonsense: not measured\. There are: even-odd-shuffle, no-shuffle"):
        separation(found, ["nonsense"])
    with pytest.raises(UserError, match="attested languages and others are needed"):
        separation(found[:1])
    with pytest.raises(UserError, match="perplexity: not measured"):
        separation(found, metric="perplexity")
