"""Marker surprisal: both surprisals are the model's own, and languages without markers are refused."""

import numpy as np
import pytest
import torch

from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.surprisal import SURPRISAL
from impossible_lms.models.run import Run


def surprisal(model, context, token):
    with torch.inference_mode():
        logits = model(torch.tensor([context])).logits[0, -1].double()
    return -torch.log_softmax(logits, -1)[token].item() / np.log(2)


def test_both_surprisals_are_the_models(hop_run):
    found = evaluate(SURPRISAL, hop_run, Request(sample=12, checkpoints="12"))
    items, curve = found.items(), found.curve
    assert len(items) == 12 == curve["items"].iloc[0]
    held_out, model = hop_run.dataset().held_out("test"), hop_run.checkpoints()[-1].load()
    row_of = {sentence: row for row, sentence in enumerate(held_out.table["sentence"])}
    for item in items.itertuples():
        tokens = held_out.tokens[row_of[item.sentence]].astype(int).tolist()
        assert tokens[item.place] in hop_run.dataset().tokenizer.markers.values()
        following = [*tokens, hop_run.dataset().tokenizer.end_of_text][item.place + 1]
        before = tokens[: item.place]
        assert item.marker == pytest.approx(surprisal(model, before, tokens[item.place]), abs=1e-4)
        assert item.left_out == pytest.approx(surprisal(model, before, following), abs=1e-4)
    assert np.allclose(items["difference"], items["left_out"] - items["marker"])
    assert curve["difference"].iloc[0] == pytest.approx(items["difference"].mean())


def test_as_published_whole_sentences_fit_the_context_and_a_sample_is_at_most(hop_run, monkeypatch):
    held_out = hop_run.dataset().held_out("test")
    markers = list(hop_run.dataset().tokenizer.markers.values())
    marked = [np.flatnonzero(np.isin(tokens, markers)) for tokens in held_out.tokens]
    first = np.array([places[0] if len(places) else -1 for places in marked])
    context = int(first.max()) - 1  # so short that it matters
    monkeypatch.setattr(Subject, "context", context)
    monkeypatch.setattr(Run, "context", context)
    lengths = held_out.tokens.lengths()
    expected = {False: (first > 0) & (first <= context), True: (first > 0) & (lengths + 1 < context)}
    for as_published, fits in expected.items():
        task = SURPRISAL.prepare(Subject(hop_run, Request(as_published=as_published)))
        assert task.notes["too_long"] == ((first >= 0) & ~fits).sum() > 0
        assert task.notes["fewer_than_the_sample"] == {"test sentences of grammar that can be measured": fits.sum()}
    assert SURPRISAL.prepare(Subject(hop_run, Request(sample=100000))).notes["sample"] == 100000


def test_a_language_without_number_markers_is_refused(run):
    with pytest.raises(
        UserError, match="language partial-reverse: has no number markers 🅂 🄿, which surprisal is about"
    ):
        evaluate(SURPRISAL, run)
