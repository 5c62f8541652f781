"""The documentation runs: its languages from files outside the package, its Python as it stands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from impossible_lms import get_language, read_corpus
from impossible_lms.languages.check import check

ROOT = Path(__file__).parent.parent
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
EXAMPLES = dict(
    zip(
        ("SwapNeighbours", "Cut", "nouns_by_alphabet"),
        PYTHON.findall((ROOT / "docs" / "inventing.md").read_text(encoding="utf-8")),
        strict=True,
    )
)


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
    assert [word for word in said if word in nouns] == nouns and len(said) == len(rows[0]["words"])


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


def test_the_readmes_python(capsys):
    blocks = PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    block = next(block for block in blocks if "read_corpus" in block)
    exec(compile(block, "README.md", "exec"), {})
    kept, sentence = capsys.readouterr().out.strip().split("\n")
    assert int(kept.split()[0]) > 500 and len(sentence) > 10


def test_the_python_of_annotating(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in PYTHON.findall((ROOT / "docs" / "annotating.md").read_text(encoding="utf-8")):
        exec(compile(block, "annotating.md", "exec"), {})
    without, *constituents, words = capsys.readouterr().out.strip().split("\n")
    assert (without, words) == ("0", "3") and len(constituents) == 3
    assert constituents[0].startswith(("S ", "SBARQ ", "SQ "))


def test_the_commands_of_annotating(tmp_path, monkeypatch, capsys):
    """Those that need no model, on a treebank of two sentences."""
    from impossible_lms import cli

    text = (ROOT / "docs" / "annotating.md").read_text(encoding="utf-8")
    commands = [line.split("#")[0].split() for line in text.splitlines() if line.startswith("impossible annotate")]
    assert len(commands) == 3
    monkeypatch.chdir(tmp_path)
    (tmp_path / "treebank").mkdir()
    (tmp_path / "treebank" / "a.mrg").write_text("( (S (NP-SBJ (NN dog)) (VP (VBZ barks))) )\n( (UH Yes) )\n")
    columns = "\t_" * 8 + "\n"
    (tmp_path / "treebank.conllu").write_text(f"1\tdog{columns}2\tbarks{columns}\n1\tYes{columns}\n")
    monkeypatch.setattr("sys.argv", commands[2])
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code == 0
    said = capsys.readouterr().out
    assert said == "both.conllu: 2 read, 2 sentences, 3 words, 3 words without lemma\n"


def test_the_readme_names_every_language_and_verb():
    from impossible_lms import LANGUAGES

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in LANGUAGES:
        assert f"`{name}`" in text or f"`-{name.rpartition('-')[2]}`" in text
    verbs = ("languages", "speak", "annotate", "build", "inspect", "train", "evaluate perplexity", "publish", "check")
    for verb in verbs:
        assert f"impossible {verb}" in text
