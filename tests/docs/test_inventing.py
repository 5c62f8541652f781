"""The languages that docs/inventing.md invents do what the page says, from a file and from an installed package."""

import json
import os
import subprocess
import sys

import pytest

from impossible_lms import get_language, read_corpus
from impossible_lms.languages.check import check
from tests.docs.pages import PAGES, blocks_of

PAGE = "docs/inventing.md"
FILES = {block.title: block.text for block in blocks_of(PAGES[PAGE].read_text(encoding="utf-8"), PAGE)}
EXAMPLES = {
    "SwapNeighbours": FILES["mine.py"],
    "Cut": FILES["cut.py"],
    "nouns_by_alphabet": FILES["nouns.py"],
}


@pytest.fixture
def corpus():
    return read_corpus("grammar:sentences=400,seed=2")


@pytest.fixture
def report(corpus, tokenizer, tmp_path):
    def made(name):
        (tmp_path / "mine.py").write_text(EXAMPLES[name], encoding="utf-8")
        return check(get_language(f"{tmp_path / 'mine.py'}:{name}"), corpus, tokenizer)

    return made


def test_swap_neighbours(report):
    found = report("SwapNeighbours")
    assert found.language == "swap-neighbours" and found.deterministic
    assert found.recovered == found.same_tokens == 1 and 0.8 < found.displacement <= 1


def test_cut(report):
    found = report("Cut")
    assert not found.deterministic and found.same_tokens == 1 and 2 < found.added_bits < 5


def test_nouns_by_alphabet(report, corpus, tokenizer, tmp_path):
    found = report("nouns_by_alphabet")
    assert found.language == "nouns-by-alphabet" and found.deterministic
    result = get_language(f"{tmp_path / 'mine.py'}:nouns_by_alphabet").apply(corpus, tokenizer)
    rows = next(corpus.blocks())[1].to_pylist()
    said = tokenizer.decode(result.tokens[0]).split(" ")
    nouns = sorted((w for w, tag in zip(rows[0]["words"], rows[0]["upos"], strict=True) if tag == "NOUN"), reverse=True)
    words = [word.strip(".,?!") for word in said]  # with the spaces of the text
    assert [word for word in words if word in nouns] == nouns and len(said) == len(rows[0]["text"].split(" "))


def test_the_same_through_an_installed_package(corpus, report, tmp_path):
    """The examples as modules of a package laid out as pip lays it out, known by the names of its entry points."""
    site = tmp_path / "site"
    metadata = site / "oddities-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: oddities\nVersion: 1.0\n", encoding="utf-8")
    lines = ["[impossible_lms.languages]"]
    for name, code in EXAMPLES.items():
        (site / f"of_{name.lower()}.py").write_text(code, encoding="utf-8")
        lines.append(f"my-{name.lower()} = of_{name.lower()}:{name}")
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    names = [f"my-{name.lower()}" for name in EXAMPLES]
    options = ["--corpus", corpus.name, "--tokenizer", "train:vocab=400", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "impossible_lms", "check", *names, *options],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    packaged = {row["language"]: row for row in json.loads(done.stdout)}
    for name in EXAMPLES:
        alone = report(name)
        row = packaged[alone.language]
        assert (row["deterministic"], row["recovered"]) == (alone.deterministic, alone.recovered)
        assert row["affected"] == alone.affected > 0.3
