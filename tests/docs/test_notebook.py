"""The notebook of the documentation runs, cell by cell, in a kernel of its own, and is kept as it was written."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.docs.notebook import NOTEBOOK, SMALLER, cells

NETWORK, TIME = "needs-network", "needs-time"


def executed(folder, changes, without):
    """The notebook after all its cells but those with some tags ran in a folder, with changes made to them."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if set(cell.metadata.get("tags", ())) & without:
            cell.source = ""
        for large, small in changes.items():
            cell.source = cell.source.replace(large, small)
    # Without ipywidgets, tqdm warns of them when transformers imports it.
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import sys\nsys.modules['ipywidgets'] = None"))
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def shown(notebook):
    """What each cell shows as HTML, a picture or text, and what went to its streams."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.get("data", {}) for output in outputs], [
        output["text"] for output in outputs if output["output_type"] == "stream"
    ]


def check(notebook):
    data, streams = shown(notebook)
    html = "\n".join(each.get("text/html", "") for each in data)
    for expected in ("partial-reverse", "background:#", "Corpus", "TokenDataset", "Run", "perplexity", "report.html"):
        assert expected in html, expected
    assert any("image/png" in each for each in data)
    assert ": 6 in" in html or ": 100 in" in html  # what a bar of so many steps leaves
    assert not [text for text in streams if "Warning" in text]


def test_the_notebook_runs(tmp_path):
    check(executed(tmp_path, SMALLER, {NETWORK, TIME}))
    assert (tmp_path / "report.html").is_file()


@pytest.mark.slow
def test_the_notebook_runs_as_it_stands(tmp_path):
    notebook = executed(tmp_path, {}, {NETWORK})
    check(notebook)
    assert any("done now" in each.get("text/html", "") for each in shown(notebook)[0])


def test_a_cell_that_fails_says_so(tmp_path):
    with pytest.raises(CellExecutionError) as raised:
        executed(tmp_path, {'"no-shuffle", swap': '"no-shufle", swap'}, {NETWORK, TIME})
    assert "error: unknown language 'no-shufle'" in str(raised.value)
    assert "get_language" not in str(raised.value).partition("error: unknown")[2]  # no traceback


def test_the_notebook_is_kept_without_outputs_and_installs_first():
    first, *others = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert "pip install --quiet impossible-lms" in first["source"] and first["metadata"]["tags"] == [NETWORK]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in [first, *others])
    assert all(any(large in cell["source"] for cell in others) for large in SMALLER)
