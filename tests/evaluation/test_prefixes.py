"""Sequences in rows: each prefix of a row once, and before it only what stands before it in its sequence."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from impossible_lms.evaluation import scoring
from impossible_lms.evaluation.prefixes import in_rows
from impossible_lms.evaluation.scoring import SHARING, Scorer
from impossible_lms.ragged import Ragged

SENTENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=20)


def seen_from(rows, node):
    """The nodes that a node looks at, in order: those of its row up to itself that have not ended before it."""
    row = int(np.searchsorted(rows.tokens.offsets, node, side="right")) - 1
    first = int(rows.tokens.offsets[row])
    return [other for other in range(first, node + 1) if node - first < rows.ends.values[other]]


@given(SENTENCES, st.integers(0, 30))
def test_a_token_sees_its_own_prefix_and_nothing_else(sentences, width):
    rows = in_rows(Ragged.of(sentences), width)
    assert rows.nodes.lengths().tolist() == [len(sentence) for sentence in sentences]
    for sentence, nodes in zip(sentences, rows.nodes, strict=True):
        for place, node in enumerate(nodes.tolist()):
            seen = seen_from(rows, node)
            assert rows.tokens.values[seen].tolist() == sentence[: place + 1]
            assert rows.depth.values[seen].tolist() == list(range(place + 1))


@given(SENTENCES, st.integers(0, 30))
def test_a_row_holds_each_prefix_once_and_no_more_than_its_width(sentences, width):
    rows = in_rows(Ragged.of(sentences), width)
    for first, end in zip(rows.tokens.offsets, rows.tokens.offsets[1:], strict=False):
        prefixes = [tuple(rows.tokens.values[seen_from(rows, node)]) for node in range(first, end)]
        assert len(set(prefixes)) == len(prefixes)
        longest = max(len(sentence) for sentence in sentences)
        assert 0 < end - first <= max(width, longest)
    if width == 0:
        assert len(rows.tokens) == len(sentences)
    if sum(map(len, sentences)) <= width:
        assert len(rows.tokens) <= 1


def test_all_in_one_row():
    rows = in_rows(Ragged.of([[1, 2, 3], [1, 2], [1, 4], [5]]), 10)
    assert rows.tokens.values.tolist() == [1, 2, 3, 4, 5] and len(rows.tokens) == 1
    assert rows.depth.values.tolist() == [0, 1, 2, 1, 0]
    assert rows.ends.values.tolist()[:3] == [4, 3, 3]


@pytest.mark.parametrize("kind", sorted(SHARING))
def test_architectures_that_share_prefixes_give_what_they_give_without(kind, monkeypatch):
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = AutoConfig.for_model(kind, vocab_size=50, max_position_embeddings=40, **shape)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    generator = np.random.default_rng(0)
    beginnings = generator.integers(0, 50, (4, 20))
    sentences = [
        np.append(beginnings[generator.integers(4)][: generator.integers(1, 20)], generator.integers(0, 50, 19))
        for _ in range(40)
    ]
    read = []
    model.get_input_embeddings().register_forward_hook(lambda module, inputs, output: read.append(inputs[0].numel()))
    shared = Scorer(model).token_logprobs(Ragged.of(sentences))
    read_shared = sum(read)
    monkeypatch.setattr(scoring, "SHARING", frozenset())
    alone = Scorer(model).token_logprobs(Ragged.of(sentences))
    assert np.allclose(shared.values, alone.values, atol=1e-4)
    assert np.array_equal(shared.offsets, alone.offsets)
    assert read_shared < 0.9 * (sum(read) - read_shared)
