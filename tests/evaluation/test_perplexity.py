"""Perplexity over training: the sample, what is affected apart from what is not, and other languages' test sets."""

import numpy as np
import pandas as pd
import pytest

from impossible_lms import build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.perplexity import PERPLEXITY
from impossible_lms.evaluation.sentences import sampled_by_genre


def test_tables_hold_every_checkpoint_and_sentence(copied_run):
    found = evaluate(PERPLEXITY, copied_run, Request(sample=30))
    curve, items = found.curve, found.items()
    assert found.folder == copied_run.folder / "evaluation" / "perplexity" and not found.skipped
    assert curve["step"].tolist() == [4, 8, 12] and (curve["items"] == 30).all()
    assert len(items) == 90 and items.groupby("step")["sentence"].nunique().eq(30).all()
    assert np.isfinite(items["perplexity"]).all() and (items["perplexity"] > 1).all()
    for step, group in items.groupby("step"):
        mean = float(np.exp(np.log(group["perplexity"]).mean()))
        row = curve.set_index("step").loc[step]
        assert row["perplexity"] == pytest.approx(mean) and row["low"] < mean < row["high"]
    assert curve["perplexity"].iloc[-1] < curve["perplexity"].iloc[0]
    csv = pd.read_csv(found.folder / "curve.csv")
    assert np.allclose(csv["perplexity"], curve["perplexity"]) and list(csv) == list(curve)


def test_the_sample_is_seeded_and_takes_all_where_there_are_fewer(copied_run):
    def sentences(**keywords):
        items = evaluate(PERPLEXITY, copied_run, Request(checkpoints="4", **keywords)).items()
        return items["sentence"].tolist()

    first = sentences(sample=10)
    assert sentences(sample=10, seed=1) != first == sentences(sample=10)
    count = copied_run.dataset().record["counts"]["test"]["affected"]
    found = evaluate(PERPLEXITY, copied_run, Request(checkpoints="4"))
    assert len(found.items()) == count
    assert found.notes["fewer_than_the_sample"] == {"test sentences of grammar that serve": count}
    said = f"sample of 2,000: there were {count} test sentences of grammar that serve"
    asked = evaluate(PERPLEXITY, copied_run, Request(checkpoints="4", sample=2000))
    assert len(asked.items()) == count and asked.curve["note"].tolist() == [said]
    assert evaluate(PERPLEXITY, copied_run, Request(checkpoints="4", sample=10)).curve["note"].tolist() == [None]
    published = sentences(sample=150, as_published=True)
    assert len(published) == 150 > len(set(published))  # drawn with replacement


def test_the_published_sample_is_that_of_one_generator_over_the_genres():
    genres = np.repeat(["b", "a"], [30, 50])
    wanted = np.arange(80) % 5 > 0
    rows, _ = sampled_by_genre(genres, wanted, 40, 7, with_replacement=True, in_one_stream=True)
    generator, expected = np.random.default_rng(7), []
    for of_genre in ([row for row in range(30, 80) if row % 5], [row for row in range(30) if row % 5]):
        expected += sorted(of_genre[place] for place in generator.choice(list(range(len(of_genre))), 40, replace=True))
    assert rows.tolist() == expected


def test_on_the_test_set_of_another_language_of_the_family(copied_run, tokenizer, tmp_path):
    corpus = read_corpus("grammar:sentences=2000,seed=0")
    other = build_dataset(corpus, get_language("full-reverse"), tokenizer, tmp_path / "full-reverse", context=32)
    found = evaluate(PERPLEXITY, copied_run, Request(data=other.folder, checkpoints="12", sample=20))
    assert found.folder.name == "perplexity-on-full-reverse"
    assert found.curve.iloc[0][["language", "data"]].tolist() == ["partial-reverse", "full-reverse"]
    assert not (copied_run.folder / "evaluation" / "perplexity").exists()


def test_affected_and_unaffected_apart(hop_run):
    curve = evaluate(PERPLEXITY, hop_run, Request(sample=20)).curve
    assert (curve["items"] == 20).all() and (curve["unaffected_items"] == 20).all()
    items = evaluate(PERPLEXITY, hop_run, Request(sample=20)).items()
    first = items[(items["step"] == curve["step"].iloc[0]) & ~items["affected"]]
    assert np.log(curve["unaffected"].iloc[0]) == pytest.approx(np.log(first["perplexity"]).mean())


def test_another_vocabulary_is_refused(copied_run, tmp_path):
    corpus = read_corpus("grammar:sentences=400,seed=1")
    other = load_tokenizer("train:vocab=300", corpus.texts())
    data = build_dataset(corpus, get_language("partial-reverse"), other, tmp_path / "other", context=32)
    with pytest.raises(UserError, match="built with another vocabulary than the model of"):
        evaluate(PERPLEXITY, copied_run, Request(data=data.folder))
