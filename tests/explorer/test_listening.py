"""What a sentence costs models: the sums, the places, and what is expected at them."""

import shutil

import numpy as np
import pytest

from impossible_lms import UserError
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.explorer import listen_html
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.given import given
from impossible_lms.explorer.listening import candidates, compare
from impossible_lms.explorer.models import models_of
from impossible_lms.explorer.space import write_space
from impossible_lms.explorer.speaking import Speaker
from impossible_lms.ragged import Ragged

SENTENCE = "The dog sees the cat."


@pytest.fixture(scope="module")
def models(run, control_run):
    return models_of([run, control_run])


@pytest.fixture(scope="module")
def speaker(tokenizer):
    return Speaker(tokenizer)


def test_bits_are_those_of_the_whole_sentence(models, speaker):
    found = compare(models, speaker, Chosen(s=SENTENCE, model="partial-reverse-gpt2-no-pos", step=8))
    checkpoint = next(each for each in models.get(found.mine.model).checkpoints if each.step == 8)
    end = checkpoint.tokenizer.end_of_text
    expected = Scorer(checkpoint.load()).sentence_bits(Ragged.of([found.mine.ids]), end)[0]
    assert found.mine.total == pytest.approx(expected, rel=1e-4) and len(found.mine.bits) == len(found.mine.tokens) + 1
    assert found.other is found.control is not None and found.control.language == "no-reverse"
    assert found.control.step == 12  # the last; the slider of its own is not moved


def test_a_model_is_loaded_once(models, speaker, monkeypatch):
    compare(models, speaker, Chosen(s=SENTENCE))
    monkeypatch.setattr("impossible_lms.explorer.models.scorer_of", lambda checkpoint: pytest.fail("loaded again"))
    compare(models, speaker, Chosen(s="A cat sleeps."))


def test_the_next_tokens_are_ranked_and_hold_what_comes(models, speaker):
    found = compare(models, speaker, Chosen(s=SENTENCE, at=2))
    assert len(found.expected) == 2
    for cost, place, those in found.expected:
        probabilities = [each.probability for each in those]
        assert probabilities == sorted(probabilities, reverse=True) and sum(each.is_next for each in those) == 1
        came = next(each for each in those if each.is_next)
        assert -np.log2(came.probability) == pytest.approx(cost.bits[place], rel=1e-3)
    assert candidates(models, found.mine, len(found.mine.tokens))[0].rank == 1
    with pytest.raises(UserError, match="none at place 99"):
        compare(models, speaker, Chosen(s=SENTENCE, at=98))


def test_who_listens_beside_is_chosen(models, speaker):
    label = "partial-reverse-gpt2-no-pos"
    alone = compare(models, speaker, Chosen(s=SENTENCE, model=label, other="-"))
    assert alone.other is None and alone.control is not None
    twice = compare(models, speaker, Chosen(s=SENTENCE, model=label, step=4, other=label, other_step=12))
    assert twice.other is not None and twice.other.step == 12 and twice.mine.step == 4
    made = listen_html.compared(twice)
    assert made.count("difference") == 2 and "no-reverse-gpt2-no-pos after 4 steps" in made
    with pytest.raises(UserError, match="not among the models"):
        compare(models, speaker, Chosen(model="../../etc"))


def test_without_models_it_says_how_to_have_some(speaker):
    with pytest.raises(UserError, match="impossible explore RUNS"):
        compare(models_of([]), speaker, Chosen())


def test_what_cannot_be_opened_is_said_at_the_start(tmp_path):
    with pytest.raises(UserError, match="nothing-there"):
        given([str(tmp_path / "nothing-there")])


def test_runs_of_one_name_are_told_apart(run, control_run):
    labels = models_of([run, run, control_run]).labels
    assert len(set(labels)) == 3 and "no-reverse-gpt2-no-pos" in labels


def test_models_in_a_cache_are_measured_without_the_hub(run, tmp_path, tokenizer):
    home = tmp_path / "hub" / "models--me--partial-reverse-gpt2-no-pos"
    (home / "refs").mkdir(parents=True)
    for checkpoint in run.checkpoints():
        shutil.copytree(checkpoint.folder, home / "snapshots" / f"{checkpoint.step:040x}")
        (home / "refs" / checkpoint.revision).write_text(f"{checkpoint.step:040x}")
    (home / "refs" / "checkpoint-99").write_text("f" * 40)
    for source in (tmp_path / "hub", home):
        found = given([str(source)])
        assert found.models.labels == ["partial-reverse-gpt2-no-pos"] and found.models.get("").steps == [4, 8, 12]
    loaded = compare(found.models, Speaker(tokenizer), Chosen(s=SENTENCE, step=4))
    ours = compare(models_of([run]), Speaker(tokenizer), Chosen(s=SENTENCE, step=4))
    assert loaded.mine.bits == ours.mine.bits and loaded.mine.language == "partial-reverse"
    write_space(found, tmp_path / "space")
    assert given([str(tmp_path / "space" / "given" / home.name)]).models.get("").steps == [4, 8, 12]


def test_a_folder_of_runs_is_all_of_them(run, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(run.folder, tmp_path / "runs" / name, ignore=shutil.ignore_patterns("state", "evaluation"))
    for source in (tmp_path, tmp_path / "runs"):
        assert len(given([str(source)]).models) == 2
