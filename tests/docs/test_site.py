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


def built(folder):
    """The site, built in a folder of its own from the same configuration."""
    run = {"cwd": folder, "capture_output": True, "text": True, "check": False}
    made = subprocess.run([sys.executable, ROOT / "docs" / "generated.py", folder / "build" / "docs"], **run)
    assert made.returncode == 0, made.stderr
    asked = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for here in ("paths: [src]", "base_path: [.]"):
        assert here in asked
        asked = asked.replace(here, here.replace("[", f"[{ROOT}/"))
    (folder / "mkdocs.yml").write_text(asked, encoding="utf-8")
    return subprocess.run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], **run)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = built(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


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
    index = (site / "search.json").read_text(encoding="utf-8")
    assert "learnability gap" in index and "differs.html#evaluation" in index


def test_every_page_is_in_the_navigation():
    named = set(re.findall(r"[\w./-]+[.]md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert there | {"notebook.md", "reference/commands.md", "reference/files.md"} == named
