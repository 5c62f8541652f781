"""What a pipe or a file gets is whole, whatever COLUMNS says; a narrow terminal folds and cuts nothing."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from impossible_lms import cli
from impossible_lms.languages import LANGUAGES

COMMANDS = (
    ("languages",),
    ("check", "local-shuffle-w3", "word-order-sov", "--sample", "60"),
    ("speak", "all", "He cleans his very messy bookshelf."),
    ("speak", "nondeterministic-shuffle", "He cleans his very messy bookshelf."),
)
STYLING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(words, columns):
    """What a terminal of so many columns shows."""
    main, other = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "LINES": "50", "TERM": "xterm"}
    command = [sys.executable, "-m", "impossible_lms", *words]
    with subprocess.Popen(command, stdin=other, stdout=other, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(other)
        said = b""
        while process.poll() is None or select.select([main], [], [], 0)[0]:
            if select.select([main], [], [], 0.1)[0]:
                try:
                    said += os.read(main, 1 << 16)
                except OSError:  # Linux says so at the end
                    break
    os.close(main)
    assert process.returncode == 0
    return "".join(f"{line.rstrip()}\n" for line in STYLING.sub("", said.decode()).splitlines())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_pipe_gets_the_same_whatever_the_columns(words, impossible, monkeypatch):
    found = []
    for columns in (None, "30", "40", "400"):
        if columns is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", columns)
        code, out, _ = impossible(*words)
        assert code == 0
        found.append(out)
    assert len(set(found)) == 1 and "…" not in found[0]
    assert all(line == line.rstrip(" ") for line in found[0].splitlines()[: len(LANGUAGES)])


def test_a_pipe_gets_a_line_a_language(impossible, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    _, out, _ = impossible("languages")
    heading, *lines = out.splitlines()
    assert heading.split() == ["language", "family", "what", "it", "does", "example"]
    assert [line.split()[0] for line in lines] == list(LANGUAGES)
    for line, language in zip(lines, LANGUAGES.values(), strict=True):
        assert language.summary in line
    _, out, _ = impossible("speak", "all", "He cleans his very messy bookshelf.")
    assert len(out.splitlines()) == 1 + len(LANGUAGES)


@pytest.mark.parametrize("columns", [30, 80, 250])
def test_a_terminal_cuts_no_name_and_loses_no_column(columns):
    text = in_terminal(("languages",), columns)
    assert max(map(len, text.splitlines())) <= max(columns, max(map(len, LANGUAGES)))
    assert "…" not in text
    together = re.sub(r"\s+", "", text)
    for name, language in LANGUAGES.items():
        assert name in text
        # Folded beside another column, the words of a summary are lines apart.
        assert columns == 80 or re.sub(r"\s+", "", language.summary) in together
        assert all(word in together for word in language.summary.split() if len(word) < 20)


def test_a_narrow_terminal_gets_rows_below_each_other():
    text = in_terminal(("check", "local-shuffle-w3", "--sample", "40"), 40)
    assert "local-shuffle-w3\n" in text and "  affected: 100.0%\n" in text and "  entropy: " in text
    wide = in_terminal(("check", "local-shuffle-w3", "--sample", "40"), 120)
    assert "  affected: 100.0%" not in wide and wide.splitlines()[0].split()[:3] == ["language", "draws", "affected"]


def test_every_verb_writes_tables_through_one_place():
    """A table that a verb prints by itself would be cut in a pipe."""
    for path in Path(cli.__path__[0]).glob("*.py"):
        assert "rich.console" not in path.read_text(encoding="utf-8"), path
