"""The verbs of publishing from the command line, in this process: what they print, and one line for each fault."""

import json
import shutil

import pytest

from impossible_lms import build_dataset, get_language, read_corpus
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.published import PublishedRun
from impossible_lms.publishing.card import model_card
from impossible_lms.publishing.naming import with_seed
from tests.publishing.conftest import Troubled

REVISIONS = ["checkpoint-4", "checkpoint-8", "checkpoint-12", "main"]


@pytest.fixture(scope="module")
def languages(tmp_path_factory, tokenizer, dataset):
    """A folder with the data in two languages."""
    folder = tmp_path_factory.mktemp("both") / "data"
    shutil.copytree(dataset.folder, folder / "partial-reverse")
    corpus = read_corpus(dataset.record["corpus"])
    build_dataset(corpus, get_language("no-hop"), tokenizer, folder / "no-hop", context=32)
    return folder


def test_card_prints_what_would_be_published(impossible, run):
    assert impossible("card", run.folder, "--namespace", "me") == (0, model_card(run, f"me/{run.name}"), "")


def test_another_seed_stands_beside_the_first_and_never_in_its_place(impossible, run, control_run, tmp_path):
    to = ("--to", tmp_path)
    assert impossible("publish", run.folder, *to)[0] == 0
    other = ("publish", control_run.folder, *to, "--name", run.name)
    code, _, err = impossible(*other)
    assert code == 2 and "Pass --overwrite to replace it, or another --name or --namespace." in err
    name = with_seed(run.name, 14)
    assert impossible(*other[:-1], name)[:2] == (0, f"local/{name}: {tmp_path / 'local' / name}\n")
    assert f"local/{name}" in (tmp_path / "local" / name / "main" / "README.md").read_text(encoding="utf-8")
    assert PublishedRun(f"local/{name}", tmp_path).language == "partial-reverse"


def test_a_dry_run_says_what_would_happen_and_writes_nothing(impossible, run, server, here):
    code, out, err = impossible("publish", run.folder, "--to", "hub:me", "--dry-run")
    assert code == 0, err
    assert [line.split(":")[0] for line in out.splitlines()] == REVISIONS
    assert out.startswith("checkpoint-4: new, 7 files to send, ") and out.splitlines()[0].endswith(" MB")
    assert not (server.store.folder / "models").exists() and not any("/create" in asked for asked in Troubled.asked)


def test_data_in_several_languages_is_one_repository(impossible, languages, tmp_path):
    words = ("publish", languages, "--to", tmp_path / "out", "--name", "babble", "--license", "cc-by-4.0")
    assert impossible(*words)[:2] == (0, f"local/babble: {tmp_path / 'out' / 'local' / 'babble'}\n")
    main = tmp_path / "out" / "local" / "babble" / "main"
    card = (main / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card and "| licence of the corpus | cc-by-4.0 |" in card
    assert "| `no-hop` | the verb's number as 🅂 or 🄿 right after it |" in card and "🅂 = 400, 🄿 = 401" in card
    record = json.loads((main / "no-hop" / "record.json").read_text(encoding="utf-8"))
    assert record == TokenDataset.open(languages / "no-hop").record
    assert {path.name for path in (main / "no-hop").iterdir()} == {
        "record.json",
        "test.parquet",
        "tokenizer",
        "train.parquet",
        "validation.parquet",
    }
    assert impossible(*words)[0] == 0
    assert not list(languages.parent.glob(".*"))


def test_data_of_another_content_is_refused_unless_asked(impossible, languages, dataset, tokenizer, tmp_path):
    words = ("--to", "cache", "--name", "babble", "--namespace", "other")
    assert impossible("publish", dataset.folder, *words)[0] == 0
    corpus = read_corpus("grammar:sentences=400,seed=3")
    data = build_dataset(corpus, get_language("partial-reverse"), tokenizer, tmp_path / "other", context=32)
    code, _, err = impossible("publish", data.folder, *words)
    assert code == 2 and "refs/main: holds another partial-reverse/" in err and "Pass --overwrite" in err
    assert impossible("publish", data.folder, *words, "--overwrite")[0] == 0
    mixed = tmp_path / "mixed"
    shutil.copytree(languages, mixed)
    shutil.copytree(data.folder, mixed / "again")
    assert f"{mixed}: two datasets of one language. Publish them apart" in impossible("publish", mixed, *words)[2]
    shutil.rmtree(mixed / "partial-reverse")
    assert f"{mixed}: datasets of several corpora. Publish them apart" in impossible("publish", mixed, *words)[2]


FAULTS = [
    (["--to", "out", "--private"], "--private: only with --to hub:NAMESPACE."),
    (["--to", "out", "--dry-run"], "--dry-run: only with --to hub:NAMESPACE."),
    (["--to", "cache", "--collection", "x"], "--collection: only with --to hub:NAMESPACE."),
    (["--to", "hub:me", "--namespace", "you"], "--namespace you: --to hub:me names it already."),
    (["--to", "hub:a b"], "--to hub:a b: not a name the Hugging Face Hub takes"),
    (["--to", "hub:me"], "HF_HUB_OFFLINE is set. Unset it to publish to "),
    (["--to", "out", "--license", "mit"], "--license mit: only for data, not for a run."),
]


@pytest.mark.parametrize(("words", "fault"), FAULTS, ids=lambda value: " ".join(value)[:40])
def test_faults_of_publishing_are_one_line(impossible, run, monkeypatch, tmp_path, words, fault):
    monkeypatch.chdir(tmp_path)
    code, out, err = impossible("publish", run.folder, *words)
    assert code == 2 and out == "" and err.startswith("error: ") and fault in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_neither_run_nor_data(impossible, tmp_path, dataset):
    (tmp_path / "empty").mkdir()
    assert "empty: neither a run nor a token dataset. " in impossible("publish", tmp_path / "empty", "--to", "x")[2]
    assert "--name a b: not a name" in impossible("publish", dataset.folder, "--to", "x", "--name", "a b")[2]
