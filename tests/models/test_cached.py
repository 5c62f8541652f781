"""A model in any cache of the Hub is opened by its folder there, and errors say which cache was looked into."""

import pytest
from huggingface_hub import constants

from impossible_lms import load_published
from impossible_lms.errors import UserError
from impossible_lms.models import from_hub
from impossible_lms.models.published import open_run
from impossible_lms.publishing.repository import publish

NAME = "partial-reverse-gpt2-no-pos"


@pytest.fixture(scope="module")
def cached(run, tmp_path_factory):
    """The folder of a model in a cache that is not the Hub's libraries' own."""
    return publish(run, "cache", "me", cache=tmp_path_factory.mktemp("another"))[1]


def test_a_folder_of_a_cache_is_a_published_model(cached, run, tmp_path):
    assert cached.name == f"models--me--{NAME}"
    opened = open_run(cached, tmp_path)
    assert (opened.name, opened.language, opened.folder) == (NAME, "partial-reverse", tmp_path / NAME)
    assert [each.step for each in opened.checkpoints()] == [each.step for each in run.checkpoints()]
    digests = [[each.digests()["model.safetensors"] for each in one.checkpoints()] for one in (opened, run)]
    assert digests[0] == digests[1]
    assert [each.step for each in open_run(f"{cached}@checkpoint-4", tmp_path).checkpoints()] == [4]
    assert load_published(cached, "checkpoint-4").architecture.name == "gpt2-no-pos"
    with pytest.raises(
        UserError, match=r"no revision checkpoint-5 in this cache. There: checkpoint-12, checkpoint-4, "
    ):
        load_published(cached, "checkpoint-5")


def test_words_of_it(cached, impossible):
    code, out, _ = impossible("words", cached, "--text", "He cleans.")
    assert code == 0 and "partial-reverse,gpt2-no-pos,,12," in out


def test_an_id_that_is_not_here_names_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(from_hub, "hub_is_reachable", lambda: False)
    with pytest.raises(
        UserError, match=rf"me/none: neither a folder here nor in the cache {tmp_path}, .* HF_HUB_CACHE"
    ):
        open_run("me/none", tmp_path).checkpoints()


def test_a_name_without_its_owner_is_told_the_id(cached, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cached.parent))
    with pytest.raises(UserError, match=f"^{NAME}: no such folder. A model is named by its whole id: me/{NAME}.$"):
        open_run(NAME)
    with pytest.raises(UserError, match=r"^nothing: no such folder. A run made by"):
        open_run("nothing")
