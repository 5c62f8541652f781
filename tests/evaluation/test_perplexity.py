"""Perplexity over training: the sample, the tables, and nothing computed twice."""

import shutil

import numpy as np
import pandas as pd
import pytest

from impossible_lms import build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation import perplexity as module
from impossible_lms.evaluation.perplexity import evaluate_perplexity
from impossible_lms.models.run import Run


@pytest.fixture
def copy(run, tmp_path):
    """A run of one's own, beside the same data."""
    shutil.copytree(run.folder, tmp_path / "run")
    return Run(tmp_path / "run", run.record | {"data": str(run.dataset().folder)})


def test_tables_hold_every_checkpoint_and_sentence(copy):
    curve = evaluate_perplexity(copy, sample=30)
    folder = copy.folder / "evaluation" / "perplexity"
    items = pd.read_parquet(folder / "items.parquet")
    assert curve["step"].tolist() == [4, 8, 12] and (curve["sentences"] == 30).all()
    assert len(items) == 90 and items.groupby("step")["sentence"].nunique().eq(30).all()
    assert np.isfinite(items["perplexity"]).all() and (items["perplexity"] > 1).all()
    for step, group in items.groupby("step"):
        mean = float(np.exp(np.log(group["perplexity"]).mean()))
        assert curve.set_index("step").loc[step, "perplexity"] == pytest.approx(mean)
    assert curve["perplexity"].iloc[-1] < curve["perplexity"].iloc[0]
    csv = pd.read_csv(folder / "curve.csv")
    assert np.allclose(csv["perplexity"], curve["perplexity"]) and list(csv) == list(curve)


def test_the_sample_is_seeded_and_takes_all_where_there_are_fewer(copy):
    def sentences(**keywords):
        evaluate_perplexity(copy, **keywords)
        items = pd.read_parquet(copy.folder / "evaluation" / "perplexity" / "items.parquet")
        return items.loc[items["step"] == 4, "sentence"].tolist()

    first = sentences(sample=10)
    assert sentences(sample=10, seed=1) != first == sentences(sample=10)
    assert len(sentences(sample=1000)) == copy.dataset().record["counts"]["test"]["affected"]


def test_nothing_is_computed_twice(copy, monkeypatch):
    first = evaluate_perplexity(copy, sample=10)
    monkeypatch.setattr(module, "_scored", None)
    pd.testing.assert_frame_equal(evaluate_perplexity(copy, sample=10), first)


def test_a_new_checkpoint_is_measured(copy):
    shutil.move(copy.folder / "checkpoints" / "checkpoint-12", copy.folder / "later")
    assert evaluate_perplexity(copy, sample=5)["step"].tolist() == [4, 8]
    shutil.move(copy.folder / "later", copy.folder / "checkpoints" / "checkpoint-12")
    assert evaluate_perplexity(copy, sample=5)["step"].tolist() == [4, 8, 12]


def test_another_vocabulary_is_refused(copy, tmp_path):
    corpus = read_corpus("grammar:sentences=400,seed=1")
    other = load_tokenizer("train:vocab=300", corpus.texts())
    data = build_dataset(corpus, get_language("partial-reverse"), other, tmp_path / "other", context=32)
    with pytest.raises(UserError, match="built with another vocabulary than the model of"):
        evaluate_perplexity(copy, data=data.folder)


def test_a_run_without_checkpoints_says_so(copy):
    shutil.rmtree(copy.folder / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint yet"):
        evaluate_perplexity(copy)
