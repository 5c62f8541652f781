"""What can be given to the page besides runs: an annotator, ids on the Hub, a vanished run, models of other people."""

import shutil

import pytest

from impossible_lms import UserError, read_corpus
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.answering import guarded
from impossible_lms.explorer.given import given
from impossible_lms.explorer.listening import compare
from impossible_lms.explorer.models import models_of
from tests.corpora.conftest import trained_pipeline
from tests.foreign import foreign
from tests.publishing.conftest import client, served

GRAMMAR = "grammar:sentences=200,seed=1"


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    """The page with a spaCy pipeline of our own, which parses."""
    pytest.importorskip("spacy", reason="needs spacy")
    rows = [row for _, block in read_corpus(GRAMMAR).blocks() for row in block.to_pylist()]
    folder = trained_pipeline(rows, tmp_path_factory.mktemp("parser") / "it", steps=8, with_parser=True)
    return given(annotator=f"spacy:{folder}").speaker


def test_with_an_annotator_word_orders_speak(annotated):
    page = annotated.page(Chosen(s="the dog sees the cat"))
    rows = {row.language: row for row in page.rows}
    assert f"by {annotated.annotator}" in page.verbs and "lexicon" not in page.verbs
    for name in ("no-reorder", "word-order-sov", "no-hop"):
        assert not rows[name].why or "does not keep this sentence" in rows[name].why, rows[name].why
    assert sorted(rows["no-reorder"].text.split()) == ["cat", "dog", "sees", "the", "the"]
    assert not any("--with" in row.why for row in page.rows)


def test_what_an_annotator_does_not_give_is_said(annotated):
    from dataclasses import replace

    from impossible_lms.corpora.example import example
    from impossible_lms.languages import get_language
    from impossible_lms.languages.speak import speak

    spoken = speak(get_language("word-order-sov"), example("Cats walk."), annotated.tokenizer)
    said = annotated.why(get_language("word-order-sov"), spoken)
    assert said == f"needs head, deprel: columns of annotation that {annotated.annotator} does not give"
    assert "impossible explore --with spacy" in replace(annotated, annotator=None).why(
        get_language("word-order-sov"), spoken
    )


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the Hub's client, as it uploads
def test_a_model_is_given_by_its_id_on_the_hub(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    with served(tmp_path / "served") as server:
        hub, repo = client(server, monkeypatch), "me/partial-reverse-gpt2-no-pos"
        hub.create_repo(repo)
        for checkpoint in run.checkpoints()[::2]:
            hub.create_branch(repo, branch=checkpoint.revision)
            hub.upload_folder(repo_id=repo, folder_path=checkpoint.folder, revision=checkpoint.revision)
        hub.upload_folder(repo_id=repo, folder_path=run.checkpoints()[-1].folder)
        found = given([repo])
        assert found.models.labels == ["partial-reverse-gpt2-no-pos"] and found.models.get("").steps == [4, 12]
        ours, theirs = (
            compare(models, found.speaker, Chosen(s="The dog sees the cat.", step=4))
            for models in (models_of([run]), found.models)
        )
        assert theirs.mine.bits == pytest.approx(ours.mine.bits) and theirs.mine.language == "partial-reverse"
        with pytest.raises(UserError, match="me/nothing"):
            given(["me/nothing"])


@pytest.mark.parametrize("kind", ["llama", "gpt_neox", "opt", "bloom"])
def test_models_of_other_people_listen_to_english(kind, tmp_path, run):
    texts = list(read_corpus(GRAMMAR).texts())
    foreign(tmp_path / "theirs", kind, texts)
    found = given([str(tmp_path / "theirs"), str(run.folder)])
    theirs = next(label for label in found.models.labels if "theirs" in label)
    loaded = compare(found.models, found.speaker, Chosen(s="The dog sees the cat.", model=theirs, at=1))
    assert loaded.mine.language == "no-shuffle" and len(loaded.mine.bits) == len(loaded.mine.tokens) + 1
    assert all(0 <= bit < 100 for bit in loaded.mine.bits) and len(loaded.expected[0][2]) >= 10
    assert "".join(" " * token.after_blank + token.text for token in loaded.mine.tokens).strip().endswith("cat.")


def test_a_run_that_vanishes_is_one_line(run, tmp_path, capsys):
    home = shutil.copytree(run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("state", "evaluation"))
    found = given([str(home)])
    found.models.get("").checkpoints  # noqa: B018  they were listed at the start
    shutil.rmtree(home)

    class Listen:
        """Of the view what shows it."""

        def shown(self, chosen):
            return str(compare(found.models, found.speaker, chosen))

    said = guarded(Listen(), Chosen())  # type: ignore[arg-type]
    assert said.startswith('<p class="fault"') and "step-4" not in said and "\n" not in said, said
    assert "Traceback" not in said + capsys.readouterr().err
