"""Parts of a sentence's cost: they add up to the whole, and two languages are compared part by part."""

import numpy as np
import pandas as pd
import pytest

from impossible_lms import METRICS, compare
from impossible_lms.evaluation.cells import Tables
from impossible_lms.evaluation.contrasts import contrasts
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentence_bits import PARTS, parts_of
from impossible_lms.ragged import Ragged

METRIC = METRICS["sentence-bits"]
ASKED = Request(sample=12, checkpoints="12")


def test_every_predicted_token_has_a_part():
    said = Ragged.of([[0, 5, 9, 5, 5, 0], [0, 9, 8, 0], [9, 5, 0], [0, 5, 0]])
    named = [[PARTS[part] for part in each] for each in parts_of(said, np.array([8, 9]))]
    assert named == [
        ["others", "marker", "after-marker", "others", "others"],
        ["marker", "marker", "after-marker"],  # a marker after another is a marker
        ["after-marker", "others"],  # the first token is not predicted, and still what it is
        ["others", "others"],  # nothing runs over from the sentence before
    ]
    assert [part for each in parts_of(said, np.array([], dtype=np.int64)) for part in each] == [3] * 12


def test_parts_are_the_models_own_and_add_up_to_the_sentence(hop_run):
    found = evaluate(METRIC, hop_run, ASKED)
    items, held_out = found.items(), hop_run.dataset().held_out("test")
    tokenizer, scorer = hop_run.dataset().tokenizer, Scorer(hop_run.checkpoints()[-1].load())
    row_of = {sentence: row for row, sentence in enumerate(held_out.table["sentence"])}
    tokens = held_out.tokens.take(np.array([row_of[sentence] for sentence in items["sentence"]]))
    assert held_out.table["affected"].to_numpy()[[row_of[each] for each in items["sentence"]]].all()
    assert items["whole"].to_numpy() == pytest.approx(scorer.sentence_bits(tokens, tokenizer.end_of_text), rel=1e-5)
    assert (items["marker"] + items["after-marker"] + items["others"]).to_numpy() == pytest.approx(items["whole"])
    counted = items[["marker_tokens", "after-marker_tokens", "others_tokens"]]
    assert counted.sum(axis=1).tolist() == (tokens.lengths() + 1).tolist()
    markers = list(tokenizer.markers.values())
    for sentence, item in zip(tokens, items.to_dict("records"), strict=True):
        whole = [tokenizer.end_of_text, *sentence.astype(int).tolist(), tokenizer.end_of_text]
        places = [place for place, token in enumerate(whole) if token in markers]
        prefixes = Ragged.of([whole[:place] for place in places])
        paid = -scorer.next_logprobs(prefixes, np.array([[whole[place]] for place in places])) / np.log(2)
        assert item["marker"] == pytest.approx(paid.sum(), rel=1e-4) and item["marker_tokens"] == len(places)
    assert items["tokens_sha256"].nunique() == len({tuple(sentence) for sentence in tokens})
    curve = found.curve.set_index("part")
    assert list(curve.index) == list(PARTS) and (curve["items"] == 12).all()
    assert curve.loc["whole", "bits"] == pytest.approx(items["whole"].mean())
    assert curve.loc["whole", "bits"] == pytest.approx(curve.loc[list(PARTS[1:]), "bits"].sum())
    assert curve.loc["marker", "tokens"] == pytest.approx(items["marker_tokens"].mean())


def test_a_language_without_number_markers_has_its_own_or_the_whole_alone(run, control_run):
    assert list(evaluate(METRIC, run, ASKED).curve["part"]) == list(PARTS)  # 🅁
    items = evaluate(METRIC, control_run, ASKED).items()
    plain = items.assign(**{"marker_tokens": 0, "marker": 0.0})
    assert METRIC.aggregate(plain)["part"].tolist() == ["whole"]


def of_language(language, seed, paid, tokens, sentences=None, corpus="one"):
    """Tables of a run whose sentences pay so many bits for each part, in such tokens."""
    items = pd.DataFrame(paid, columns=list(PARTS[1:]))
    items = items.assign(whole=items.sum(axis=1), tokens_sha256=tokens, genre="g", step=400, marker_tokens=1)
    items["sentence"] = range(len(items)) if sentences is None else sentences
    curve = pd.DataFrame({"language": [language], "architecture": "gpt2", "seed": seed, "step": 400, "data": language})
    return Tables(curve.assign(fault=None), items, corpus, "no-hop")


@pytest.fixture
def two():
    """Two languages of 40 sentences and three seeds; 30 sentences have the same tokens in both."""
    generator, item = np.random.default_rng(0), np.random.default_rng(1).normal(10, 3, (40, 3))
    here, there = ([f"{name}{each}" if each >= 30 else str(each) for each in range(40)] for name in "ab")
    costs = np.where(np.arange(40)[:, None] >= 30, [0.75, 0.4, 0.75], 0.0)  # the first pays this more
    tables = []
    for seed in range(3):
        noise = generator.normal(0, 0.2, (2, 40, 3))
        tables.append(of_language("token-hop", seed, item + costs + noise[0], here))
        tables.append(of_language("word-hop", seed, item + noise[1], there))
    return tables


def test_two_languages_part_by_part_and_by_the_sentences_of_the_same_tokens(two):
    between = [("token-hop", "word-hop")]
    found = contrasts([("sentence-bits", METRIC, two)], between, by_part=True).set_index("groups")
    assert list(found.index) == [
        f"part {part}{tokens}" for part in sorted(PARTS) for tokens in ("", ", tokens same", ", tokens different")
    ]
    assert (found["contrasts"] == 12).all() and (found["paired"] == "seeds and items").all()
    for part in PARTS:
        whole, same, different = (
            found.loc[f"part {part}{tokens}"] for tokens in ("", ", tokens same", ", tokens different")
        )
        assert (whole["items"], same["items"], different["items"]) == (40, 30, 10)
        assert 40 * whole["estimate"] == pytest.approx(30 * same["estimate"] + 10 * different["estimate"])
        assert same["low"] < 0 < same["high"] and different["low"] > 0
    for tokens in ("", ", tokens same", ", tokens different"):
        parts = sum(found.loc[f"part {part}{tokens}", "estimate"] for part in PARTS[1:])
        assert found.loc[f"part whole{tokens}", "estimate"] == pytest.approx(parts)
    assert found.loc["part marker, tokens different", "estimate"] == pytest.approx(0.75, abs=0.2)


def test_the_parts_are_left_out_where_the_metric_is_not_named(two):
    (row,) = contrasts([("sentence-bits", METRIC, two)], [("token-hop", "word-hop")]).to_dict("records")
    assert row["groups"] == "part whole" and row["contrasts"] == 1


def test_only_sentences_of_both_are_told_apart_and_only_where_both_kinds_are_there(two):
    between = [("token-hop", "word-hop")]
    fewer = [
        each._replace(
            items=each.items[each.items["sentence"] > 4] if each.curve["language"][0] == "token-hop" else each.items
        )
        for each in two
    ]
    found = contrasts([("sentence-bits", METRIC, fewer)], between, by_part=True).set_index("groups")
    assert found.loc["part whole, tokens same", "items"] == 25  # five are in one language alone
    alike = [each._replace(items=each.items.assign(tokens_sha256="x")) for each in two]
    assert len(contrasts([("sentence-bits", METRIC, alike)], between, by_part=True)) == 4
    apart = [each._replace(corpus=str(each.curve["language"][0])) for each in two]  # nothing is in both
    assert len(contrasts([("sentence-bits", METRIC, apart)], between, by_part=True)) == 4


def test_one_sentence_of_other_tokens_has_no_interval(two):
    one = [each._replace(items=each.items[each.items["sentence"] < 31]) for each in two[:2]]
    found = contrasts([("sentence-bits", METRIC, one)], [("token-hop", "word-hop")], by_part=True).set_index("groups")
    row = found.loc["part whole, tokens different"]
    assert row["items"] == 1 and pd.isna(row["low"]) and pd.isna(row["p"]) and row["contrasts"] == 8


def test_the_command_compares_what_was_measured(hop_run, no_hop_run, impossible, tmp_path):
    for each in (hop_run, no_hop_run):
        evaluate(METRIC, each, ASKED)
    table = compare([hop_run, no_hop_run], metric="sentence-bits")
    assert {"part marker, tokens same", "part marker, tokens different"} & set(table["groups"]) or len(table) == 4
    code, out, _ = impossible("compare", hop_run.folder, no_hop_run.folder, "--metric", "sentence-bits")
    assert code == 0 and "part after-marker" in out
