"""Perplexity over training: the sample, what is affected apart from what is not, and other languages' test sets."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from impossible_lms import METRICS, build_dataset, get_language, load_tokenizer, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.perplexity import PERPLEXITY
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import sampled_by_genre
from impossible_lms.models.published import PublishedRun
from impossible_lms.ragged import Ragged
from tests.sealing import resealed


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


OF_SENTENCES = [name for name, metric in METRICS.items() if metric.of_test_sentences]


@pytest.mark.parametrize("name", OF_SENTENCES)
def test_beside_the_items_stands_the_text_of_each_sentence(name, hop_run, copied_run, control_run, impossible):
    metric = METRICS[name]
    run = hop_run if metric.name == "surprisal" else copied_run
    control = str(control_run.folder) if "control" in metric.needs else None
    found = evaluate(metric, run, Request(sample=30, checkpoints="last", control=control, name=f"{metric.name}-texts"))
    texts = pd.read_csv(found.folder / "sentences.csv")
    pd.testing.assert_frame_equal(texts, pd.read_parquet(found.folder / "sentences.parquet"), check_dtype=False)
    assert list(texts) == ["sentence", "genre", "text"] and texts["sentence"].is_unique
    assert set(texts["sentence"]) == set(found.items()["sentence"])
    held_out, tokenizer = run.dataset().held_out("test"), run.dataset().tokenizer
    numbers = held_out.table["sentence"].tolist()
    for row in texts.itertuples():
        assert row.text == tokenizer.decode(held_out.tokens[numbers.index(row.sentence)]).strip()
    assert "items.parquet, sentences.parquet, and the same as .csv" in impossible("inspect", found.folder)[1]


def test_tables_of_before_there_were_texts_are_as_good(copied_run):
    before = evaluate(PERPLEXITY, copied_run, Request(sample=30, checkpoints="4"))
    for ending in ("csv", "parquet"):
        (before.folder / f"sentences.{ending}").unlink()
    names = ("sentences.csv", "sentences.parquet")
    resealed(before.folder / "manifest.json", lambda manifest: [manifest["files"].pop(name) for name in names])
    stamp = (before.folder / "manifest.json").stat().st_mtime_ns
    again = evaluate(PERPLEXITY, copied_run, Request(sample=30, checkpoints="4"))
    assert (again.folder / "manifest.json").stat().st_mtime_ns == stamp
    assert again.items().equals(before.items())


def test_the_sample_is_seeded_and_takes_all_where_there_are_fewer(copied_run):
    def sentences(**keywords):
        items = evaluate(PERPLEXITY, copied_run, Request(checkpoints="4", **keywords)).items()
        return items["sentence"].tolist()

    first = sentences(sample=10)
    assert sentences(sample=10, seed=1) != first == sentences(sample=10)
    count = copied_run.dataset().record["counts"]["test"]["affected"]
    found = evaluate(PERPLEXITY, copied_run, Request(checkpoints="4"))
    assert len(found.items()) == count
    assert found.notes["fewer_than_the_sample"] == {"test sentences of grammar that can be measured": count}
    said = f"sample of 2,000: all {count} test sentences of grammar that can be measured"
    asked = evaluate(PERPLEXITY, copied_run, Request(checkpoints="4", sample=2000))
    assert len(asked.items()) == count and asked.curve["note"].tolist() == [said]
    assert evaluate(PERPLEXITY, copied_run, Request(checkpoints="4", sample=10)).curve["note"].tolist() == [None]
    published = sentences(sample=15, as_published=True)
    assert published == sentences(sample=15, as_published=True, seed=copied_run.seed)  # the run's own
    assert len(set(published)) == 15 and set(published) != set(sentences(sample=15, seed=copied_run.seed + 1))


def test_the_published_sample_is_that_of_one_generator_over_the_genres():
    genres = np.repeat(["b", "a"], [30, 50])
    wanted = np.arange(80) % 5 > 0
    rows, fewer = sampled_by_genre(genres, wanted, 30, 7, np.arange(len(genres)), in_one_stream=True)
    generator, expected = np.random.default_rng(7), []
    for of_genre in ([row for row in range(30, 80) if row % 5], [row for row in range(30) if row % 5]):
        expected += [
            of_genre[place] for place in generator.choice(len(of_genre), min(30, len(of_genre)), replace=False)
        ]
    assert rows.tolist() == expected and fewer == {"test sentences of b that can be measured": 24}


def test_the_published_sample_equals_the_reference(shared):
    found = json.loads((shared / "golden" / "published_draws.json").read_text(encoding="utf-8"))
    (files,) = (value for name, value in found.items() if name.startswith("perplexity and surprisal, seed 41"))
    names = sorted(files, reverse=True)
    genres = np.repeat(names, [files[name]["sentences"] for name in names])
    rows, fewer = sampled_by_genre(
        genres, np.ones(len(genres), bool), 1000, 41, np.arange(len(genres)), in_one_stream=True
    )
    first = {name: int(np.flatnonzero(genres == name)[0]) for name in names}
    assert not fewer and rows.tolist() == [
        first[name] + line for name in sorted(files) for line in files[name]["drawn"]
    ]


def test_as_published_a_drawn_sentence_is_neither_cut_nor_passed_over(copied_run, monkeypatch):
    lengths = copied_run.dataset().held_out("test").tokens.lengths()
    short = int(np.median(lengths))
    monkeypatch.setattr(Subject, "context", short)
    usual, published = (
        PERPLEXITY.prepare(Subject(copied_run, Request(sample=20, as_published=which))) for which in (False, True)
    )
    assert usual.notes["too_long"] == (lengths > short).sum()
    assert 0 < published.notes["too_long"] < 20  # of those drawn
    items = published.score(Scorer(copied_run.checkpoints()[0].load()), 4)
    assert len(items) == 20 - published.notes["too_long"] and items["tokens"].max() <= short
    monkeypatch.setattr(Subject, "context", None)  # without positions all are taken
    assert PERPLEXITY.prepare(Subject(copied_run, Request(sample=20, as_published=True))).notes["too_long"] == 0


def test_a_published_model_does_not_say_the_seed_it_was_drawn_from():
    subject = Subject(PublishedRun("them/partial-reverse-gpt2", Path("x")), Request(as_published=True))
    with pytest.raises(UserError, match=r"--seed: needed, for .* and partial-reverse-gpt2 does not say it"):
        _ = subject.seed
    assert Subject(subject.run, Request(as_published=True, seed=41)).seed == 41


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


def test_a_test_set_in_which_nothing_is_affected_names_its_language(copied_run, tokenizer, tmp_path, monkeypatch):
    def nothing_done(tokens):
        return tokens

    nothing_done.markers = ("\N{SQUARED LATIN CAPITAL LETTER R}",)  # type: ignore[attr-defined]
    corpus = read_corpus("grammar:sentences=400,seed=1")
    data = build_dataset(corpus, get_language(nothing_done), tokenizer, tmp_path / "data", context=32)
    with pytest.raises(UserError, match=r"no affected test sentence in nothing-done: it changes none of the \d+ there"):
        evaluate(PERPLEXITY, copied_run, Request(data=data.folder))
    monkeypatch.setattr(Subject, "context", 3)
    with pytest.raises(UserError, match=r"in partial-reverse that fits: all [\d,]+ are longer than the 3 tokens"):
        evaluate(PERPLEXITY, copied_run, Request())


def test_another_vocabulary_is_refused(copied_run, tmp_path):
    corpus = read_corpus("grammar:sentences=400,seed=1")
    other = load_tokenizer("train:vocab=300", corpus.texts())
    data = build_dataset(corpus, get_language("partial-reverse"), other, tmp_path / "other", context=32)
    with pytest.raises(UserError, match="built with another vocabulary than the model of"):
        evaluate(PERPLEXITY, copied_run, Request(data=data.folder))


def test_what_is_too_large_for_a_number_is_refused(copied_run, monkeypatch):
    """Damaged weights gave infinite perplexities, and warnings of numpy's."""
    whole = Scorer.token_logprobs

    def absurd(self, sentences):
        found = whole(self, sentences)
        return Ragged(found.values * 500, found.offsets)

    monkeypatch.setattr(Scorer, "token_logprobs", absurd)
    with pytest.raises(UserError, match=r"sentence \d+ costs [\d,]+ nats a token, and its perplexity is too large"):
        evaluate(PERPLEXITY, copied_run, Request(sample=3, name="large"))
