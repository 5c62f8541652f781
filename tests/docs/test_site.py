"""The site builds without complaint, without a network, and its pages load nothing from elsewhere."""

import re
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

# What a browser fetches by itself: not links, which a reader follows.
LOADED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=\"?([^\"> ]+)")
STYLE = re.compile(r"url\(([^)]+)\)|@import\s+[\"']([^\"']+)")
ELSEWHERE = re.compile(r"[\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def loaded_from_elsewhere(site):
    found = []
    for path in site.rglob("*"):
        if path.suffix in (".html", ".css"):
            text = path.read_text(encoding="utf-8")
            pattern = LOADED if path.suffix == ".html" else STYLE
            asked = ["".join(match.groups(default="")) for match in pattern.finditer(text)]
            found += [(path.name, each) for each in asked if ELSEWHERE.match(each)]
    return found


def test_nothing_is_loaded_from_elsewhere(site, tmp_path):
    assert loaded_from_elsewhere(site) == []
    (tmp_path / "a.html").write_text(
        '<link rel="stylesheet" href="https://fonts.googleapis.com/a"><a href="https://b">'
    )
    (tmp_path / "b.html").write_text('<script src=//cdn.org/a.js></script><img src="c.png">')
    (tmp_path / "c.css").write_text("@import 'https://d.org/e.css'; a { background: url(data:x) }")
    assert len(loaded_from_elsewhere(tmp_path)) == 3  # the check can fail


def test_every_verb_and_every_public_name_has_its_place(site):
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for verb in ("build", "train", "evaluate", "hub serve"):
        assert f'id="impossible-{verb.replace(" ", "-")}"' in commands
    assert "<code>--micro-batch</code>" in commands
    training = (site / "reference" / "training.html").read_text(encoding="utf-8")
    assert 'id="impossible_lms.training.train.train"' in training and "Raises" in training


def test_pages_are_found_by_search(site):
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "learnability gap" in index and "differs.html#evaluation" in index
