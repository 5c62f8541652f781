"""A model in any cache of the Hub is opened by its folder there, and errors say which cache was looked into."""

import hashlib
import json
import shutil

import pytest
from huggingface_hub import constants

from impossible_lms import evaluate, load_published
from impossible_lms.errors import UserError
from impossible_lms.models import from_hub
from impossible_lms.models.published import open_run
from impossible_lms.publishing.repository import publish
from impossible_lms.report.told import at_steps

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


def test_a_commit_is_a_revision(cached, tmp_path, run):
    commit = (cached / "refs" / "checkpoint-4").read_text(encoding="utf-8").strip()
    assert load_published(cached, commit).revision == commit
    (one,) = open_run(f"{cached}@{commit}", tmp_path).checkpoints()
    assert one.step == 0 and one.folder.name == commit
    assert one.digests()["model.safetensors"] == run.checkpoints()[0].digests()["model.safetensors"]
    with pytest.raises(UserError, match=f"no revision {'0' * 40} in this cache. There: checkpoint-12"):
        load_published(cached, "0" * 40)


@pytest.mark.parametrize("content", ["../../elsewhere", "", "/etc", "74cac03378fb", b"\xff"])
def test_a_ref_that_holds_no_commit_leads_nowhere(cached, tmp_path, content):
    home = shutil.copytree(cached, tmp_path / cached.name, symlinks=True)
    shutil.copytree(cached / "snapshots" / (cached / "refs" / "main").read_text().strip(), tmp_path / "elsewhere")
    ref = home / "refs" / "checkpoint-4"
    ref.write_bytes(content if isinstance(content, bytes) else content.encode())
    for use in (lambda: load_published(home, "checkpoint-4"), lambda: open_run(home, tmp_path / "out").checkpoints()):
        with pytest.raises(UserError, match=rf"^{ref}: holds no commit \(40 hexadecimal digits\). Remove it and "):
            use()
    assert load_published(home, "checkpoint-12").architecture.name == "gpt2-no-pos"
    with pytest.raises(UserError):
        load_published(home, "../refs/checkpoint-12")


def test_inspect_says_what_a_cache_holds_and_finds_what_is_damaged(cached, impossible, tmp_path):
    code, out, _ = impossible("inspect", cached)
    first, *others = out.splitlines()
    assert code == 0 and first.startswith(f"{cached}: me/{NAME}, a model in a cache of the Hub; every file as")
    assert [line.split()[1] for line in others] == ["main", "checkpoint-4", "checkpoint-8", "checkpoint-12"]
    assert "gpt2-no-pos, " in others[0]
    record = json.loads(impossible("inspect", cached, "--json")[1])["record"]
    assert record["id"] == f"me/{NAME}" and record["revisions"]["main"] == record["revisions"]["checkpoint-12"]
    home = tmp_path / cached.name
    shutil.copytree(cached, home, symlinks=True)
    blob = next(path for path in (home / "blobs").iterdir() if path.stat().st_size < 5000)
    content = blob.read_bytes()
    blob.unlink()
    blob.write_bytes(content[:-1] + b"?")
    code, _, err = impossible("inspect", home)
    assert code == 2 and err == (
        f"error: {blob}: damaged: its content is not what it is named by. Remove it and fetch it again.\n"
    )
    blob.unlink()
    by_git = hashlib.sha1(b"blob 6\0hello\n").hexdigest()  # how the Hub names small files
    (home / "blobs" / by_git).write_bytes(b"hello\n")
    assert impossible("inspect", home)[0] == 0
    (home / "blobs" / by_git).write_bytes(b"hullo\n")
    assert by_git in impossible("inspect", home)[2]


def test_a_model_that_stands_alone_is_of_no_step(cached, dataset, impossible, tmp_path):
    home, other = tmp_path / "found", f"{cached}@checkpoint-4"
    words = ("--data", dataset.folder, "--sample", 20, "--output", home)
    code, out, err = impossible("evaluate", "perplexity", f"{cached}@main", *words)
    assert code == 0 and out.splitlines()[0].split() == ["items", "perplexity", "low", "high"], err
    assert "step" in impossible("evaluate", "perplexity", other, *words)[1].splitlines()[0]
    code, _, err = impossible("report", home / f"{NAME}@main", "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert code == 0 and "0 steps" not in page and "step 0" not in page, err
    found = evaluate("perplexity", f"{cached}@main", data=dataset.folder, sample=20, output=home)
    assert "0 steps" not in repr(found) and "partial-reverse, gpt2-no-pos" in repr(found)


def test_steps_in_words():
    assert [at_steps(steps) for steps in ([0], [120, 120], [0, 60, 120])] == [
        "",
        " after 120 steps",
        " at the last step of each model",
    ]
    assert at_steps([0, 60, 1200], "at the last step, {} to {}") == " at the last step, 60 to 1,200"
