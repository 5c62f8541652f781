"""Generation: sampling with a cache is the model's distribution, well-formedness, and the judge by length."""

import numpy as np
import pytest
import torch

from impossible_lms import get_language, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.generation import GENERATION, in_form_of, is_well_formed, sampled
from impossible_lms.evaluation.metric import Request
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.ragged import Ragged


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


def test_english_in_the_controls_form(tokenizer):
    control, english = get_language("no-reverse"), Ragged.of([[5, 6, 7], [8, 9]])
    marked = tokenizer.with_markers(control.family.markers)
    said = in_form_of(control, english, marked)
    assert said.lengths().tolist() == [4, 3]
    assert control.inverse is not None
    assert np.array_equal(control.inverse(said, marked).values, english.values)


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
    assert mine["well_formed"].mean() == everything.loc["model", "well_formed"]
    assert mine.loc[~mine["well_formed"], "below_90"].eq(False).all()


def test_a_language_that_cannot_be_undone_is_refused(hop_run):
    with pytest.raises(UserError, match="token-hop: cannot be undone"):
        evaluate(GENERATION, hop_run)
