"""The notebook of the documentation: its cells, and what the tests make smaller in them."""

import json
from typing import Any

from tests.docs.pages import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
# What takes minutes, and in its place what takes seconds.
SMALLER = {"sentences=20000": "sentences=1500", "steps=100": "steps=6", "sample=200": "sample=20"}


def cells() -> list[dict[str, Any]]:
    """Its cells, with their sources in one piece."""
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in found]
