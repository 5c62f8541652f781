"""Minimal pairs: both sentences rewritten with the same draws, unequal token counts apart, BLiMP read as it is."""

import numpy as np
import pytest

from impossible_lms import get_language
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.minimal_pairs import MINIMAL_PAIRS, read_pairs, rewritten_pairs


def test_accuracy_over_all_by_field_and_by_paradigm(run, pairs):
    found = evaluate(MINIMAL_PAIRS, run, Request(corpus=str(pairs), checkpoints="12"))
    items, curve = found.items(), found.curve
    assert len(items) == 8 and (items["correct"] == (items["good_bits"] < items["bad_bits"])).all()
    everything = curve[(curve["field"] == "all") & (curve["tokens"] == "all")].iloc[0]
    assert everything["items"] == 8 and everything["accuracy"] == pytest.approx(items["correct"].mean())
    of_tokens = curve[curve["field"] == "all"].set_index("tokens")["items"]
    assert of_tokens["equal"] + of_tokens["unequal"] == 8 and 0 < of_tokens["equal"] < 8
    assert set(curve["paradigm"]) == {"all", "agreement", "order"}


@pytest.mark.parametrize("name", ["partial-reverse", "nondeterministic-shuffle", "local-shuffle-w3"])
def test_both_sentences_get_the_same_draws(name, pairs, tokenizer):
    table, language = read_pairs(str(pairs)), get_language(name)
    same = table.assign(bad=table["good"])
    good, bad, is_equal = rewritten_pairs(same, language, tokenizer)
    assert is_equal.all() and np.array_equal(good.values, bad.values)
    good, bad, is_equal = rewritten_pairs(table, language, tokenizer)
    assert 0 < is_equal.sum() < len(table)
    plain = [tokenizer.encode(table[side].tolist()).take(is_equal) for side in ("good", "bad")]
    before, after = (
        (one.values != other.values).sum() for one, other in (plain, (good.take(is_equal), bad.take(is_equal)))
    )
    assert before == after > 0  # what differs still stands at one place in both, wherever that is


def test_faults_are_named(run, hop_run, tmp_path, pairs):
    with pytest.raises(
        UserError, match=r"token-hop: needs annotation \(words, lemmas, features\), which BLiMP has not"
    ):
        evaluate(MINIMAL_PAIRS, hop_run, Request(corpus=str(pairs)))
    with pytest.raises(UserError, match="--corpus: needed"):
        evaluate(MINIMAL_PAIRS, run)
    with pytest.raises(UserError, match=r"no .jsonl files"):
        read_pairs(str(tmp_path))
    (tmp_path / "a.jsonl").write_text('{"field": "x"}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"a.jsonl line 1: no pair of BLiMP \(KeyError\('UID'\)\)"):
        read_pairs(str(tmp_path))


def test_blimp_is_read_whole(shared):
    table = read_pairs(str(shared / "data" / "blimp"))
    assert table["paradigm"].nunique() == 67 and len(table) == 67_000
