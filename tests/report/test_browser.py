"""Pages in headless Chromium: quiet, alone, no wider than their screen, and the first figure near the top."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from impossible_lms.report.findings import findings_of_runs
from impossible_lms.report.page import write_report
from tests.report.making import make_runs

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
# What a page is asked once it is there; as text at its end, for --dump-dom.
PROBE = """<script>
  const said = {errors: window.faults, wide: []};
  said.requests = performance.getEntriesByType("resource").map((each) => each.name);
  const width = document.documentElement.clientWidth;
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
  const scrolls = (element) => element.closest(".table, .scrolls") !== null;
  for (const element of document.body.querySelectorAll("*:not(svg *)"))
    if (!scrolls(element.parentElement) && element.getBoundingClientRect().right > width + 1)
      said.wide.push(element.tagName);
  said.page = document.documentElement.scrollWidth - width;
  document.querySelectorAll("details").forEach((each) => { each.open = false; });
  said.top = document.querySelector("figure").getBoundingClientRect().top;
  said.width = width;
  document.body.innerHTML = ""; document.body.append("SAID" + JSON.stringify(said) + "SAID");
</script>"""
LISTENS = """<script>window.faults = [];
  addEventListener("error", (each) => window.faults.push(String(each.message)), true);</script>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report of one seed, and one of several with an own language, a damaged table and a run that failed half-way."""
    home = tmp_path_factory.mktemp("pages")
    (home / "mine.py").write_text(
        'class SwapNeighbours:\n    """Nothing changes."""\n    def rewrite(self, tokens):\n        return tokens\n'
    )
    one = make_runs(home / "one", ["no-reverse", "partial-reverse"], seeds=(53,))
    several = make_runs(
        home / "two",
        ["no-shuffle", f"{home / 'mine.py'}:SwapNeighbours", "token-hop", "no-hop"],
        ("gpt2",),
        (1, 2),
        metrics=("perplexity", "learnability"),
        steps=(50, 100, 150, 200),
    )
    (several[0].folder / "evaluation" / "perplexity" / "curve.parquet").write_bytes(b"PAR1")
    (several[1].folder / "finished.json").unlink()
    made = {}
    for name, runs in (("one", one), ("several", several)):
        findings = findings_of_runs([str(run.folder) for run in runs], f"impossible report {name}")
        made[name] = write_report(findings, home / f"{name}.html")[0]
    return made


def asked(page: Path, width: int, tmp_path: Path) -> dict[str, object]:
    """What Chromium finds of a page at a width."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', LISTENS, page.read_text(encoding="utf-8"))
    # No window of headless Chromium is narrower than 500 pixels: a frame is.
    (tmp_path / "inner.html").write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", f"--window-size={max(width, 500)},900"]
    frame = f'<iframe src="inner.html" style="width: {width}px; height: 900px; border: 0"></iframe>'
    outer = f"""{frame}<script>onload = () => {{
      document.body.append(frames[0].document.body.textContent); }};</script>"""
    (tmp_path / "outer.html").write_text(outer, encoding="utf-8")
    done = subprocess.run(
        [
            *("chromium", *words, "--allow-file-access-from-files", f"--user-data-dir={tmp_path}/user"),
            *("--virtual-time-budget=10000", "--dump-dom", f"file://{tmp_path}/outer.html"),
        ],
        capture_output=True,
        text=True,
        timeout=180,
    )
    return dict(
        json.loads(done.stdout.split("SAID")[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    )


@pytest.mark.parametrize("name", ["one", "several"])
@pytest.mark.parametrize("width", [390, 1280])
def test_is_quiet_alone_and_no_wider_than_its_screen(name, width, pages, tmp_path):
    said = asked(pages[name], width, tmp_path)
    assert (said["width"], said["errors"], said["requests"], said["page"], said["wide"]) == (width, [], [], 0, [])
    if width == 1280:
        assert float(str(said["top"])) < 900


def test_what_failed_is_said_at_the_top_and_sizes_are_small(pages):
    text = pages["several"].read_text(encoding="utf-8")
    assert "things are missing or failed" in text and text.index("missing or failed") < text.index("<figure>")
    assert all(page.stat().st_size < 1.5e6 for page in pages.values())


def test_own_languages_have_the_colour_of_no_other(pages):
    text = pages["several"].read_text(encoding="utf-8")
    swatches = re.findall(r'var\((--c[0-9a-f]{6})\)"></span>([a-z-]+)', text)
    colours = {name: colour for colour, name in swatches}
    assert "swap-neighbours" in colours and list(colours.values()).count(colours["swap-neighbours"]) == 1
