"""The pantry of the pages, made once in each test process."""

import pytest

from tests.docs.pantry import Pantry


@pytest.fixture(scope="session")
def pantry(tmp_path_factory, recipe, pairs):
    """What the pages take for granted."""
    return Pantry(tmp_path_factory.mktemp("pantry"), recipe, pairs)
