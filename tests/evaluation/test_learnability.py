"""The learnability gap, on models whose answer is known: uniform ones exactly, and one that has the rule built in."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from impossible_lms import build_dataset, corpus_of, get_language, publish, read_corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import evaluate
from impossible_lms.evaluation.learnability import LEARNABILITY, before_change, steps_until_closed
from impossible_lms.evaluation.metric import Request, Subject
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.statistics import mean_over_items


class Counted(torch.nn.Module):
    """A causal model that predicts by the counts of what followed the same prefix in `sentences`, its training text.

    Trained on a language it has that language's rule built in, whatever it is; with as many counts it is exact.
    """

    def __init__(self, sentences, vocabulary, end):
        super().__init__()
        self.config, self.device, self.end = SimpleNamespace(vocab_size=vocabulary), torch.device("cpu"), end
        self.following: dict[tuple[int, ...], dict[int, int]] = {}
        for sentence in sentences:
            tokens = [end, *sentence, end]
            for place in range(1, len(tokens)):
                counts = self.following.setdefault(tuple(tokens[:place]), {})
                counts[tokens[place]] = counts.get(tokens[place], 0) + 1

    def base_model(self, input_ids, use_cache):
        logits = torch.full((*input_ids.shape, self.config.vocab_size), -40.0)
        for row, tokens in enumerate(input_ids.tolist()):
            for place in range(len(tokens)):
                for token, count in self.following.get(tuple(tokens[: place + 1]), {}).items():
                    logits[row, place, token] = np.log(count)
        return SimpleNamespace(last_hidden_state=logits)

    def forward(self, input_ids, use_cache):
        return SimpleNamespace(logits=self.base_model(input_ids, use_cache).last_hidden_state)

    def get_output_embeddings(self):
        return torch.nn.Identity()


def draws(name, texts, tokenizer, times):
    """Many copies of a few sentences in a language, each with draws of its own, and the bits that they add."""
    language = get_language(name)
    corpus = corpus_of(texts * times)
    tokens = language.apply(corpus, tokenizer).tokens
    marked = tokenizer.with_markers(language.family.markers)
    return tokens, language.added_bits(tokenizer.encode(texts * times), marked), marked


@pytest.mark.parametrize("name", ["partial-reverse", "full-reverse"])
def test_a_model_that_has_the_rule_built_in_has_no_gap(name, tokenizer):
    texts = ["The dog sleeps.", "She sings.", "They see the old house.", "He cleans it."]
    bits = {}
    for each in (name, "no-reverse"):
        tokens, added, marked = draws(each, texts, tokenizer, 1500)
        model = Counted([row.astype(int).tolist() for row in tokens], marked.vocabulary_size, marked.end_of_text)
        test, added_to_test = tokens.take(np.arange(400)), added[:400]
        bits[each] = Scorer(model).sentence_bits(test, marked.end_of_text) - added_to_test
    # Each sentence is one of four: 2 bits, whatever the language.
    assert bits["no-reverse"].mean() == pytest.approx(2, abs=0.1)
    gap = mean_over_items(bits[name] - bits["no-reverse"])
    assert gap.estimate == pytest.approx(0, abs=0.05)


class Uniform(torch.nn.Module):
    """Gives every token the same probability."""

    def __init__(self, vocabulary):
        super().__init__()
        self.config, self.device = SimpleNamespace(vocab_size=vocabulary), torch.device("cpu")
        self.dtype = torch.float32

    def to(self, *places):
        return self

    def base_model(self, input_ids, use_cache):
        return SimpleNamespace(last_hidden_state=torch.zeros(*input_ids.shape, self.config.vocab_size))

    def forward(self, input_ids, use_cache):
        return SimpleNamespace(logits=self.base_model(input_ids, use_cache).last_hidden_state)

    def get_output_embeddings(self):
        return torch.nn.Identity()


def test_uniform_models_have_the_exact_value(run, control_run, monkeypatch):
    size = run.dataset().vocabulary_size
    monkeypatch.setattr("impossible_lms.models.checkpoints.Checkpoint.load", lambda self: Uniform(size))
    subject = Subject(run, Request(control=control_run.folder, sample=40))
    items = LEARNABILITY.prepare(subject).score(Scorer(Uniform(size)), 12)
    # n tokens, a marker and the end are n + 2 predictions; a place of n + 1 is drawn; the control costs the same.
    n = items["original_tokens"].to_numpy()
    assert np.allclose(items["bits"], (n + 2) * np.log2(size)) and np.allclose(items["added"], np.log2(n + 1))
    assert np.allclose(items["gap"], 0)


def test_against_a_language_that_is_only_more_random_uniform_models_are_ahead(tokenizer):
    tokens, added, marked = draws("nondeterministic-shuffle", ["She sings the song."], tokenizer, 3)
    bits = Scorer(Uniform(marked.vocabulary_size)).sentence_bits(tokens, marked.end_of_text)
    control = (tokens.lengths() + 1) * np.log2(marked.vocabulary_size)
    assert np.allclose((bits - added) - control, -added) and (added > 1).all()


def test_tables_and_their_record(run, control_run):
    request = Request(control=control_run.folder, sample=30)
    found = evaluate(LEARNABILITY, run, request)
    items, curve = found.items(), found.curve
    assert curve["step"].tolist() == [4, 8, 12] and (curve["items"] == 30).all() and found.notes["bound"] is False
    last = items[items["step"] == 12]
    row = curve.iloc[-1]
    assert row["gap_per_token"] == pytest.approx(last["gap"].sum() / last["original_tokens"].sum())
    assert row["low"] < row["gap_per_token"] < row["high"] and row["gap"] == pytest.approx(last["gap"].mean())


def test_the_control_may_be_a_published_model(run, control_run, tmp_path):
    name = "no-reverse-gpt2-no-pos"
    publish(control_run, str(tmp_path), "someone")
    published = next(tmp_path.rglob("checkpoint-12")).parent
    assert published.name == name
    data = control_run.dataset().folder
    asked = [Request(control=control_run.folder, sample=30), Request(control=published, control_data=data, sample=30)]
    own, foreign = (
        LEARNABILITY.prepare(Subject(run, request)).score(Scorer(run.checkpoints()[-1].load()), 12) for request in asked
    )
    pd.testing.assert_frame_equal(own, foreign)
    with pytest.raises(UserError, match=r"comes without data. Give a dataset of no-reverse with --control-data"):
        evaluate(LEARNABILITY, run, Request(control=published))
    with pytest.raises(UserError, match="a model of partial-reverse, no-reverse is expected"):
        evaluate(LEARNABILITY, run, Request(control=published, control_data=run.dataset().folder))


@pytest.mark.parametrize(
    ("name", "is_bound"),
    [("token-hop", False), ("word-hop", False), ("constituent-hop", True), ("nondeterministic-shuffle", True)],
)
def test_the_gap_is_a_bound_where_the_control_cannot_be_had(name, is_bound, hop_run, no_hop_run, monkeypatch):
    monkeypatch.setattr(Subject, "language", replace(get_language(name), control="no-hop"))
    task = LEARNABILITY.prepare(Subject(hop_run, Request(control=no_hop_run.folder, sample=5)))
    assert task.notes["bound"] is is_bound


def test_the_original_is_had_from_the_control(run, control_run, tokenizer):
    dataset = control_run.dataset()
    held_out = dataset.held_out("test")
    found = before_change(get_language("no-reverse"), held_out.tokens, dataset.tokenizer)
    texts = list(read_corpus("grammar:sentences=2000,seed=0").texts())
    expected = tokenizer.encode([texts[sentence] for sentence in held_out.table["sentence"]])
    assert np.array_equal(found.values, expected.values)


def test_when_the_gap_closes():
    def closed(gaps):
        curve = pd.DataFrame({"step": [10, 20, 30, 40], "gap_per_token": gaps})
        return next(iter(steps_until_closed(curve).values()))

    assert closed([0.5, 0.05, 0.2, 0.01]) == 40 and closed([0.0, 0.0, 0.0, 0.0]) == 10
    assert closed([0.0, 0.0, 0.0, 0.3]) is None and closed([0.5, None, 0.01, 0.0]) == 30


def test_a_language_that_draws_and_does_not_say_how_much_is_refused(tmp_path):
    (tmp_path / "mine.py").write_text("def drawn(tokens, generator):\n    return tokens\n", encoding="utf-8")
    language = get_language(f"{tmp_path / 'mine.py'}:drawn")
    assert LEARNABILITY.serves(language) == (
        "language drawn: does not say how many bits its draws add. Give it `added_bits`."
    )


def test_other_controls_are_refused(run, control_run, tokenizer, tmp_path):
    with pytest.raises(
        UserError, match=r"needs a model of no-reverse. Name its run, or a published one, with --control"
    ):
        evaluate(LEARNABILITY, run)
    task = LEARNABILITY.prepare(Subject(run, Request(control=control_run.folder, sample=100000)))
    assert task.notes["fewer_than_the_sample"] == {"test sentences that both languages have": 100}
    with pytest.raises(UserError, match="a model of partial-reverse, no-reverse is expected"):
        evaluate(LEARNABILITY, run, Request(control=run.folder))
    corpus = read_corpus("grammar:sentences=400,seed=9")
    other = build_dataset(corpus, get_language("no-reverse"), tokenizer, tmp_path / "other", context=32)
    with pytest.raises(UserError, match="its test set is of another corpus than"):
        evaluate(LEARNABILITY, run, Request(control=control_run.folder, control_data=other.folder))
