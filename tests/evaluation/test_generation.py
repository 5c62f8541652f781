"""Generation: sampling with a cache is the model's distribution, well-formedness, and the judge by length."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from impossible_lms import build_dataset, get_language, read_corpus
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.generation import GENERATION, in_form_of
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.sampling import generate, is_well_formed, sampled
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.models.run import Run
from impossible_lms.ragged import Ragged
from impossible_lms.training.train import train


def test_samples_follow_the_models_distribution(run):
    scorer = Scorer(run.checkpoints()[-1].load())
    sentences, has_ended = sampled(scorer, 2000, 1, 0, seed=3)
    again, _ = sampled(scorer, 2000, 1, 0, seed=3)
    assert np.array_equal(sentences.values, again.values) and sentences.lengths().max() == 1
    with torch.inference_mode():
        first = torch.softmax(scorer.model(torch.tensor([[0]])).logits[0, -1], -1).numpy()
    found = np.bincount(sentences.values, minlength=len(first)) / 2000
    likely = first.argsort()[-5:]
    likely = likely[likely != 0]  # an end is no token of a sentence
    error = np.sqrt(first[likely] * (1 - first[likely]) / 2000)
    assert (np.abs(found[likely] - first[likely]) < 4 * error).all() and not has_ended.all()


def test_the_cache_changes_nothing(run):
    scorer = Scorer(run.checkpoints()[-1].load())
    sentences, _ = sampled(scorer, 3, 8, 0, seed=1)
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        ids = torch.zeros(3, 1, dtype=torch.long)
        for _ in range(8):
            logits = scorer.model(ids, use_cache=False).logits[:, -1]
            ids = torch.cat([ids, torch.multinomial(torch.softmax(logits, -1), 1, generator=generator)], 1)
    for row, sentence in zip(ids[:, 1:].tolist(), sentences, strict=True):
        assert row[: len(sentence)] == sentence.tolist()


def test_what_the_language_makes_is_well_formed_and_what_lacks_its_marker_is_not(tokenizer):
    language = get_language("partial-reverse")
    corpus, marked = read_corpus("grammar:sentences=50,seed=1"), tokenizer.with_markers(language.family.markers)
    tokens = language.apply(corpus, tokenizer).tokens
    assert is_well_formed(language, tokens, marked).all()
    marker = marked.markers["🅁"]
    broken = Ragged.of([[5, 6], [marker, 5], [marker, 5, marker, 6], [5, marker, 6]])
    assert is_well_formed(language, broken, marked).tolist() == [False, False, False, True]


@pytest.mark.parametrize("name", ["partial-reverse", "partial-word-reverse", "even-odd-shuffle", "token-hop", "no-hop"])
def test_sentences_in_the_controls_form(name, tokenizer):
    language, corpus = get_language(name), read_corpus("grammar:sentences=60,seed=1")
    control = get_language(language.control)
    marked, of_control = (tokenizer.with_markers(each.family.markers) for each in (language, control))
    made, plain = language.apply(corpus, tokenizer), control.apply(corpus, tokenizer)
    said, lengths = in_form_of(control, language, made.tokens, marked, of_control)
    ordinary = [
        [sentence[sentence < tokenizer.vocabulary_size].tolist() for sentence in tokens]
        for tokens in (said, plain.tokens)
    ]
    assert ordinary[0] == ordinary[1] and is_well_formed(control, said, of_control).all()
    if name.endswith("hop"):
        assert np.array_equal(said.values, plain.tokens.values) and np.array_equal(lengths, said.lengths())
    else:
        assert lengths.tolist() == [len(sentence) for sentence in ordinary[1]]


def test_what_no_control_can_be_had_from_has_no_form(tokenizer):
    sentences = Ragged.of([[5, 6, 7], [8, 9]])
    shuffled, order, control = (
        get_language(name) for name in ("nondeterministic-shuffle", "word-order-sov", "no-reorder")
    )
    for language in (shuffled, order):
        said, lengths = in_form_of(get_language(language.control), language, sentences, tokenizer, tokenizer)
        assert said.lengths().tolist() == [0, 0] and lengths.tolist() == [3, 2]
    said, _ = in_form_of(control, control, sentences, tokenizer, tokenizer)
    assert said.lengths().tolist() == [3, 2]


def test_tables(run, control_run):
    request = Request(control=control_run.folder, sample=30, checkpoints="12")
    found = evaluate(GENERATION, run, request)
    curve, items = found.curve, found.items()
    everything = curve[(curve["length"] == "all") & (curve["step"] == 12)].set_index("who")
    assert everything["items"].to_dict() == {"control": 30, "held-out": 100, "model": 30}
    assert everything.loc["held-out", "well_formed"] == 1
    # Of held-out sentences half are below the median, but for ties and the classes of length.
    assert everything.loc["held-out", "below_median"] == pytest.approx(0.5, abs=0.06)
    mine = items[(items["step"] == 12) & (items["who"] == "model")]
    assert mine["text"].str.len().gt(0).all() and mine["undone"].notna().eq(mine["well_formed"]).all()
    assert mine["well_formed"].mean() == everything.loc["model", "well_formed"]
    assert mine.loc[~mine["well_formed"], "below_90"].eq(False).all()


def test_the_sentences_are_kept_with_what_is_behind_them(run, control_run):
    items = evaluate(GENERATION, run, Request(control=control_run.folder, sample=30, checkpoints="12")).items()
    said = generate(run, run.checkpoints()[-1], count=30)
    mine = items[items["who"] == "model"].reset_index(drop=True)
    columns = ["text", "token_ids", "well_formed", "undone"]
    pd.testing.assert_frame_equal(mine[columns], said[columns])
    tokenizer, inverse = run.dataset().tokenizer, get_language("partial-reverse").inverse
    assert inverse is not None
    for row in said.itertuples():
        ids = [int(token) for token in row.token_ids.split()]
        assert tokenizer.decode(ids) == row.text and len(ids) == row.tokens
        if row.well_formed:
            assert row.undone == tokenizer.decode(inverse(Ragged.of([ids]), tokenizer)[0])
    real = items[items["who"] == "held-out"]
    assert (real["undone"] != real["text"]).all() and not real["undone"].str.contains("🅁").any()
    assert np.allclose(real["bits"], real["bits_a_token"] * (real["tokens"] + 1))


def test_a_control_without_inverse_is_undone_by_leaving_it(hop_run, no_hop_run):
    said = generate(no_hop_run, no_hop_run.checkpoints()[-1], count=40, seed=1)
    assert said.loc[said["well_formed"], "undone"].eq(said.loc[said["well_formed"], "text"]).all()
    hopped = generate(hop_run, hop_run.checkpoints()[-1], count=40, seed=1)
    assert hopped["undone"].notna().eq(hopped["well_formed"]).all()


def test_the_verb_prints_sentences(run, impossible):
    code, out, _ = impossible("generate", run.folder, "--count", 5, "--seed", 3, "--longest", 400)
    table = generate(run, run.checkpoints()[-1], 5, 3, 400)
    for row in table.itertuples():
        assert row.text.strip() in out
        assert not row.well_formed or f"    = {row.undone.strip()}" in out
    assert code == 0 and out.count("(not ended)") == (~table["ended"]).sum()
    code, out, _ = impossible("generate", run.folder, "--count", 2, "--checkpoint", 4, "--json")
    assert code == 0 and [row["tokens"] for row in json.loads(out)] == [
        len(row["token_ids"].split()) for row in json.loads(out)
    ]
    code, _, err = impossible("generate", run.folder, "--checkpoint", 5)
    assert code == 2 and err == f"error: --checkpoint 5: none there. {run.folder} has 4, 8, 12.\n"


def test_hop_languages_are_judged_in_the_form_of_their_control(hop_run, no_hop_run):
    found = evaluate(GENERATION, hop_run, Request(control=no_hop_run.folder, sample=150, checkpoints="12"))
    everything = found.curve[found.curve["length"] == "all"].set_index("who")
    assert everything["below_90"].notna().all() and "not_judged" not in found.notes
    held_out = found.items()[found.items()["who"] == "held-out"]
    assert held_out["bits_a_token"].notna().all() and held_out["well_formed"].all()
    assert everything.loc["held-out", "below_median"] == pytest.approx(0.5, abs=0.06)


def test_a_language_that_does_not_give_its_control_is_not_judged(run, control_run, tokenizer, tmp_path, monkeypatch):
    drawn = replace(get_language("partial-reverse"), inverse=None)
    monkeypatch.setattr(Subject, "language", drawn)
    copied = Run(tmp_path / "run", run.record | {"data": str(run.dataset().folder)})
    shutil.copytree(run.folder, copied.folder, ignore=shutil.ignore_patterns("evaluation"))
    found = evaluate(GENERATION, copied, Request(control=control_run.folder, sample=20, checkpoints="12"))
    assert found.notes["not_judged"] == "no-reverse cannot be had from partial-reverse"
    everything = found.curve[found.curve["length"] == "all"].set_index("who")
    assert everything["below_90"].isna().to_dict() == {"control": False, "held-out": False, "model": True}
    assert found.items().loc[found.items()["who"] == "model", "bits_a_token"].isna().all()
    assert everything["well_formed"].notna().all()


def test_sentences_that_do_not_fit_the_judges_positions_are_left_out_and_counted(tmp_path, tokenizer, recipe):
    short = recipe.model_copy(update={"context": 12, "steps": 4})
    corpus = read_corpus("grammar:sentences=1000,seed=0")
    for name in ("no-reverse", "partial-reverse"):
        build_dataset(corpus, get_language(name), tokenizer, tmp_path / name, context=12)
        train(tmp_path / name, tmp_path / f"run-{name}", recipe=short, model="gpt2", size="tiny")
    run, control = Run.open(tmp_path / "run-partial-reverse"), tmp_path / "run-no-reverse"
    found = evaluate(GENERATION, run, Request(control=control, sample=20, checkpoints="4"))
    lengths = Run.open(control).dataset().held_out("test").tokens.lengths()
    assert found.notes["held_out_too_long"] == int((lengths > 11).sum()) > 0
    items = found.items()
    held_out = items[items["who"] == "held-out"]
    assert len(held_out) == int((lengths <= 11).sum()) and held_out["bits_a_token"].notna().all()
