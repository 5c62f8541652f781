"""What a report says of places on a machine: their last names."""

from pathlib import Path

import pytest

from impossible_lms.report.done import corpus_said
from impossible_lms.report.paths import Placeless


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("impossible run /home/me/english/demo.toml", "impossible run demo.toml"),
        ("--output=/srv/x/y.html, and/or a/b", "--output=y.html, and/or a/b"),
        ("'/data/corpora/babylm' 1/2 http://host/a/b", "'babylm' 1/2 http://host/a/b"),
        ("~/corpora/mine.txt", "mine.txt"),
        (r"C:\Users\me\mine.txt", "mine.txt"),
        ("store/runs/x: damaged", "store/runs/x: damaged"),
        ("perplexity 3/4 of 1,000 (bits / token)", "perplexity 3/4 of 1,000 (bits / token)"),
    ],
)
def test_absolute_paths_are_cut_to_their_last_name(text, said):
    assert Placeless()(text) == said


def test_known_folders_may_have_blanks_in_their_names():
    placeless = Placeless([Path("/mnt/my disk/store/runs/one")])
    assert placeless("/mnt/my disk/store/runs/one/run.json: damaged") == "one/run.json: damaged"
    assert placeless.all_in({"a": ["/mnt/my disk/store/runs/one", 3, None]}) == {"a": ["one", 3, None]}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("grammar:sentences=60000,seed=0", "built-in English (60,000 sentences)"),
        ("/data/babylm/train", "train"),
        ("hub:nilq/babylm-10M", "babylm-10M"),
        ("babylm", "babylm"),
    ],
)
def test_a_corpus_is_called_by_its_name(spec, said):
    assert corpus_said(spec) == said
