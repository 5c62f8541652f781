"""The pantry of the pages, made once in each test process, and the shell they are followed in."""

import pytest

from tests.docs.pantry import Pantry
from tests.docs.shell import Shell


@pytest.fixture(scope="session")
def pantry(tmp_path_factory, recipe, pairs):
    """What the pages take for granted."""
    return Pantry(tmp_path_factory.mktemp("pantry"), recipe, pairs)


@pytest.fixture
def shell(tmp_path, monkeypatch, impossible, pantry):
    """A shell in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, impossible, pantry)
    yield shell
    shell.end()
