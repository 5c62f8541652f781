"""What the names of published models say, and what they do not."""

import shutil

import pytest

from impossible_lms import evaluate
from impossible_lms.evaluation.tables import read_evaluations
from impossible_lms.models.model_name import said_by
from impossible_lms.models.published import PublishedRun, open_run
from impossible_lms.publishing.repository import publish


@pytest.mark.parametrize(
    ("name", "language", "human"),
    [
        ("partial-reverse-gpt2-no-pos", "partial-reverse", ""),
        ("no-shuffle-gpt2-seed41", "no-shuffle", ""),
        ("es-no-reverse-gpt2", "no-reverse", "es"),
        ("zh-hans-local-shuffle-w7-gpt2-no-pos-seed3", "local-shuffle-w7", "zh-hans"),
        ("de-token-hop-VERB.Number-gpt2@checkpoint-500", "token-hop-VERB.Number", "de"),
        ("swap-neighbours-gpt2", "swap-neighbours-gpt2", ""),  # the card says it
        ("their-llama", "their-llama", ""),  # a language whose code is not here
        ("no-reverse", "no-reverse", ""),
        ("pythia-70m", "pythia-70m", ""),
        ("pythia-70m@step1000", "pythia-70m@step1000", ""),
        ("a-model-of-no-reverse", "a-model-of-no-reverse", ""),  # no architecture of ours
    ],
)
def test_a_name_says_its_language_and_its_corpus(name, language, human):
    assert said_by(name)[:2] == (language, human)


def test_a_card_of_ours_says_the_language_and_what_stands_before_it_is_the_corpus(run, dataset, tmp_path):
    """A language of one's own may be called `my-partial-reverse`: by its name alone it would be of a corpus `my`."""
    _, folder = publish(run, "cache", "me", cache=tmp_path / "hub")
    for language, name, human in (
        ("my-partial-reverse", "my-partial-reverse-gpt2-no-pos", ""),
        ("my-partial-reverse", "es-my-partial-reverse-gpt2-no-pos-seed3", "es"),
        ("partial-reverse", "my-partial-reverse-gpt2-no-pos", "my"),
        ("partial-reverse", "something-else", ""),
    ):
        home = tmp_path / language / f"models--me--{name}"
        shutil.copytree(folder, home)
        for card in home.glob("snapshots/*/README.md"):
            card.write_text(card.read_text().replace("- partial-reverse\n", f"- {language}\n", 1))
        opened = open_run(home, tmp_path / "out" / language)
        assert isinstance(opened, PublishedRun)
        assert (opened.language, opened.human) == (language, human), name
    # What is measured keeps it: the folder of tables is known without the model.
    found = evaluate("perplexity", opened, data=dataset.folder, sample=10)
    for card in home.glob("snapshots/*/README.md"):
        card.unlink()
    again = open_run(home, opened.folder.parent)
    assert isinstance(again, PublishedRun)
    assert (again.name, again.language, again.human) == ("something-else", "partial-reverse", "")
    (read,), _ = read_evaluations(again)
    assert read.human == "" and not read.is_foreign and found[0].curve["language"].iloc[0] == "partial-reverse"


@pytest.mark.parametrize("card", ["", "---\ntags: 5\n---\n", "---\n[: }\n---\n", "---\ntags:\n- gpt2\n---\nx"])
def test_of_anybodys_card_nothing_is_believed(card, run, tmp_path):
    home = shutil.copytree(run.checkpoints()[-1].folder, tmp_path / "es-no-reverse-gpt2")
    (home / "README.md").write_text(card)
    opened = open_run(home, tmp_path / "out")
    assert isinstance(opened, PublishedRun)
    assert (opened.language, opened.human) == ("no-reverse", "es")
