"""The scoring engine gives what the model says, however sentences are batched."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impossible_lms.errors import UserError
from impossible_lms.evaluation import scoring
from impossible_lms.evaluation.perplexity import perplexity
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.ragged import Ragged


@pytest.fixture(scope="module")
def scorer(run):
    return Scorer(run.checkpoints()[-1].load())


def one_by_one(scorer, sentence):
    with torch.inference_mode():
        logits = scorer.model(torch.tensor([sentence])).logits[0].double()
    return torch.log_softmax(logits, -1)[torch.arange(len(sentence) - 1), torch.tensor(sentence[1:])].numpy()


@pytest.mark.parametrize("budget", [1, 20, 8192])
def test_equals_the_model_sentence_by_sentence(scorer, monkeypatch, budget):
    monkeypatch.setattr(scoring, "TOKENS_ON_CPU", budget)

    @settings(max_examples=15)
    @given(st.lists(st.lists(st.integers(0, 400), min_size=2, max_size=30), min_size=1, max_size=6))
    def law(sentences):
        scored = scorer.token_logprobs(Ragged.of(sentences, dtype=np.uint16))
        for row, sentence in zip(scored, sentences, strict=True):
            assert np.allclose(row, one_by_one(scorer, sentence), atol=1e-4)

    law()


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 500))
def test_batches_are_like_in_length_and_hold_every_sequence_once(lengths, budget):
    lengths = np.array(lengths, dtype=np.int64)
    groups = scoring.batches(lengths, budget)
    assert sorted(np.concatenate([np.array([], np.int64), *groups])) == list(range(len(lengths)))
    for group in groups:
        width = lengths[group].max()
        assert len(group) == 1 or len(group) * width <= budget
        assert lengths[group].sum() >= 0.9 * len(group) * width or len(group) <= max(1, budget // (4 * width))


def test_perplexity_leaves_out_the_first_token(scorer):
    sentences = [[5, 6, 7, 8], [9, 10]]
    found = perplexity(scorer, Ragged.of(sentences))
    expected = [np.exp(-one_by_one(scorer, sentence).mean()) for sentence in sentences]
    assert np.allclose(found, expected, rtol=1e-5) and found.dtype == np.float64
    assert len(perplexity(scorer, Ragged.of([]))) == 0


def test_a_whole_sentence_costs_its_first_token_and_its_end_too(scorer):
    found = scorer.sentence_bits(Ragged.of([[5, 6, 7], [8]]), 0)
    expected = [-one_by_one(scorer, sentence).sum() / np.log(2) for sentence in ([0, 5, 6, 7, 0], [0, 8, 0])]
    assert np.allclose(found, expected, rtol=1e-5)


def test_candidates_after_a_prefix(scorer):
    prefixes, candidates = [[5, 6, 7], [8], [9, 10]], np.array([[1, 2], [3, 3], [4, 0]])
    found = scorer.next_logprobs(Ragged.of(prefixes), candidates)
    for row, prefix, asked in zip(found, prefixes, candidates, strict=True):
        assert np.allclose(row, [one_by_one(scorer, [*prefix, token])[-1] for token in asked], atol=1e-4)
    with pytest.raises(UserError, match="prefix 1: empty"):
        scorer.next_logprobs(Ragged.of([[1], []]), candidates[:2])


def test_what_cannot_be_scored_is_named(scorer):
    with pytest.raises(UserError, match="sentence 1: fewer than two tokens"):
        perplexity(scorer, Ragged.of([[1, 2], [3]]))
    with pytest.raises(UserError, match="token 401 is outside the model's vocabulary of 401"):
        perplexity(scorer, Ragged.of([[1, 401]]))


def test_a_sentence_that_just_fits_the_positions_is_scored_with_its_end():
    """Of context - 1 tokens: the text's end before it is the first position, and the one after it is only predicted."""
    from impossible_lms.models.architectures import ARCHITECTURES, SIZES, make_config, make_model

    config = make_config(SIZES["tiny"], vocabulary_size=10, context=8, end_of_text=9, dropout=0.0)
    scorer = Scorer(make_model(ARCHITECTURES["gpt2"], config, seed=0).eval())
    assert np.isfinite(scorer.sentence_bits(Ragged.of([np.arange(7)]), 9)).all()
    with pytest.raises(IndexError):
        scorer.sentence_bits(Ragged.of([np.arange(8)]), 9)
