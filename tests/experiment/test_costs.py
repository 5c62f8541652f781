"""What a dry run says: counts that are exact, and speeds that were measured."""

import pytest

from impossible_lms.experiment.costs import costs
from impossible_lms.experiment.run import run_experiment
from impossible_lms.training import cost


@pytest.fixture
def lines(planned):
    return lambda *changes: {line.what: line for line in costs(planned(*changes))}


def test_before_and_after(lines, planned, here, board, monkeypatch):
    monkeypatch.setattr("impossible_lms.experiment.costs.measured_cost", lambda *_: cost.Cost(1000, 3600.0))
    found = lines("publish.namespace=me")
    train = found["train gpt2-no-pos, tiny"]
    tokens = 2 * 6 * 4 * 32
    assert (train.tasks, train.done, train.tokens) == (2, 0, tokens)
    assert train.hours == pytest.approx(tokens / 3600 / 3600)
    assert train.disk == 2 * 1000 * (2 * 4 + 2 * 12)  # two checkpoints, and two states of three arrays
    assert "measured now" in train.note
    assert (found["datasets"].tasks, found["datasets"].done, found["datasets"].disk) == (2, 0, None)
    assert (found["evaluate perplexity"].tasks, found["evaluate learnability"].tasks, found["publish"].tasks) == (
        2,
        1,
        2,
    )

    run_experiment(planned(), here, board)
    found = lines()
    assert all(line.done == line.tasks for line in found.values())
    assert found["train gpt2-no-pos, tiny"].hours == found["datasets"].disk == 0
    more = lines("seeds=[1, 2]", 'languages=["no-reverse", "partial-reverse", "full-reverse"]')
    train = more["train gpt2-no-pos, tiny"]
    assert (train.tasks, train.done, train.tokens) == (6, 2, 2 * tokens)
    assert train.note.endswith("tokens/s, as 2 finished runs had") and more["datasets"].disk > 1000


@pytest.mark.parametrize("model", ["gpt2", "gpt2-no-pos"])
def test_a_measured_cost(recipe, model):
    found = cost.measured_cost(model, "tiny", recipe, 400)
    layers = 4 * (12 * 128 * 128 + 13 * 128)
    assert found.parameters == layers + 400 * 128 + 2 * 128 + (32 * 128 if model == "gpt2" else 0)
    assert found.tokens_per_second > 0
