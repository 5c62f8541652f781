"""Revisions by other names: by steps or by words, published, and measured again from there."""

import pytest

from impossible_lms import METRICS, Request, evaluate
from impossible_lms.errors import UserError
from impossible_lms.models.published import PublishedRun, open_run
from impossible_lms.models.series import Series, named, series_in, step_of
from impossible_lms.publishing.naming import revision_names
from impossible_lms.training.train import train


@pytest.fixture(scope="module")
def by_words(dataset, recipe, tmp_path_factory):
    words = dataset.words_of_block * recipe.sequences_per_step
    chosen = recipe.model_copy(update={"checkpoint_every": f"words:{int(words * 3.5)}"})
    return train(dataset.folder, tmp_path_factory.mktemp("words") / "run", recipe=chosen, size="tiny")


def test_a_block_has_the_words_of_its_text(dataset):
    texts = [dataset.tokenizer.decode(row) for row in dataset.blocks(dataset_rows(dataset))]
    words = sum(len(text.replace("<|endoftext|>", " ").replace("🅁", "").split()) for text in texts)
    # A word at the border of two blocks is in both.
    assert dataset.words_of_block * len(dataset) == pytest.approx(words, rel=0.05)


def dataset_rows(dataset):
    import numpy as np

    return np.arange(len(dataset))


def test_checkpoints_by_words_are_published_and_measured_by_words(by_words, tmp_path, impossible):
    assert [checkpoint.step for checkpoint in by_words.checkpoints()] == [4, 7, 11, 12]
    names = revision_names(by_words, "chck_{words}")
    assert len(set(names.values())) == 4 and all(step_of(name) > 0 for name in names.values())
    code, _, err = impossible(
        "publish", by_words.folder, "--to", tmp_path, "--namespace", "me", "--revision-format", "chck_{words}"
    )
    assert code == 0, err
    home = tmp_path / "me" / by_words.name
    assert {path.name for path in home.iterdir()} == {*names.values(), "main"}
    card = (home / "main" / "README.md").read_text(encoding="utf-8")
    assert f"Revisions: `{names[4]}` to `{names[12]}`" in card and f'revision="{names[4]}"' in card
    run = open_run(home, tmp_path / "out")
    assert isinstance(run, PublishedRun)
    assert run.series.pattern == "chck_{}" and len(run.checkpoints()) == 4
    data = by_words.dataset().folder
    curve = evaluate(METRICS["perplexity"], run, Request(data=data, sample=5)).curve
    assert curve["step"].tolist() == [step_of(names[step]) for step in (4, 7, 11, 12)]
    alone = open_run(f"{home}@main", tmp_path / "alone")
    assert [(each.revision, each.step) for each in alone.checkpoints()] == [("main", 0)]
    last = evaluate(METRICS["perplexity"], alone, Request(data=data, sample=5)).curve
    assert last["perplexity"].tolist() == curve["perplexity"].tolist()[-1:]


def test_revisions_by_step_in_a_cache(run, tmp_path, monkeypatch):
    from huggingface_hub import constants

    from impossible_lms.publishing.model import model_publication
    from impossible_lms.publishing.repository import publish

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    model_id, _ = publish(model_publication(run, revision_format="step{step}"), "cache", "me", cache=tmp_path / "hub")
    opened = open_run(model_id, tmp_path / "out")
    assert [each.revision for each in opened.checkpoints()] == ["step4", "step8", "step12"]
    assert [each.revision for each in open_run(f"{model_id}@main", tmp_path).checkpoints()] == ["main"]
    with pytest.raises(UserError, match=r"has no revisions chck_\{\}\. It has main, step12, step4, step8\."):
        open_run(f"{model_id}@chck_{{}}", tmp_path).checkpoints()


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ("main", "one {step} or {words}"),
        ("a/{step}", "one {step} or {words}"),
        ("{step}{step}", "one {step} or {words}"),
        ("{loss}", "one {step} or {words}"),
        ("chck_{words}", "checkpoint_every is 4; words are counted with words:1M there"),
    ],
)
def test_formats_that_do_not_serve(run, asked, fault):
    with pytest.raises(UserError) as error:
        revision_names(run, asked)
    assert fault in str(error.value) and str(error.value).startswith(f"--revision-format {asked}: ")


def test_series_are_told_by_names():
    babylm = [f"chck_{count}M" for count in (1, 2, 10, 100)]
    assert series_in([*babylm, "main"], "it") == Series("chck_{}", tuple(babylm))
    pythia = ["main", "step0", "step1", "step512", "step143000"]
    assert series_in(pythia, "it").revisions == ("step0", "step1", "step512", "step143000")
    olmo = ["main", "step1000-tokens4B", "step20000-tokens84B"]
    assert series_in(olmo, "it") == Series("step{}-tokens*", ("step1000-tokens4B", "step20000-tokens84B"))
    assert series_in(["main", "fp16", "v2"], "it") == Series(None, ("main",))
    assert series_in(["main", "epoch1-3k", "refs"], "it").pattern == "epoch{}-*"
    assert series_in(["checkpoint-5", "step1", "step2", "step3"], "it").pattern == "checkpoint-{}"
    assert series_in(["checkpoint-5", "step1", "step2"], "it", "step{}").revisions == ("step1", "step2")
    assert series_in(["checkpoint-5", "main"], "it", "main") == Series(None, ("main",))
    assert named("main") is None and step_of("chck_1B") == 10**9 and step_of("main") == 0
    for names, wanted, fault in (
        (["a", "b"], None, r"no revisions with a number .* It has a, b\. Choose one as it@REVISION"),
        (["main"], "step9", r"has no revision step9\. It has main"),
        (["main"], "step{}", r"has no revisions step\{\}"),
        ([], None, r"It has none\."),
    ):
        with pytest.raises(UserError, match=fault):
            series_in(names, "it", wanted)
