"""The page: its sections, that it needs nothing beside it, and that text stays text."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from impossible_lms import METRICS
from impossible_lms.errors import UserError
from impossible_lms.models.published import PublishedRun
from impossible_lms.report.colours import LIGHT, on_paper
from impossible_lms.report.findings import Findings, findings_of_runs
from impossible_lms.report.inline_svg import INK
from impossible_lms.report.numbers import ratio_told
from impossible_lms.report.page import write_report
from tests.report.conftest import Page
from tests.report.making import make_runs

SECTIONS = [
    *("found", "perplexity", "surprisal", "sentence-bits", "interventions", "probes", "learnability"),
    *(
        "minimal-pairs",
        "generation",
        "separation",
        "perplexity-cross-tests",
        "training-loss",
        "languages",
        "failed",
        "made",
    ),
]
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg></style></title><iframe src=javascript:alert(1)>",
    "{{ 7 * 7 }} $x$ ' onmouseover='alert(1)",
)


def test_has_a_section_for_all_that_was_measured(page):
    assert [attributes["id"] for attributes in page.all("section")] == SECTIONS
    assert {f"#{name}" for name in SECTIONS[1:]} <= {attributes["href"] for attributes in page.all("a")}


def test_says_what_the_tables_say(page, measured, findings):
    curve = next(one.curve for one in findings.evaluations if one.folder.parents[1] == measured["no-reverse"].folder)
    last = curve.iloc[-1]
    assert f"{last['perplexity']:,.1f} [{last['low']:,.1f}, {last['high']:,.1f}]" in page.text
    assert "one seed, drawn hollow with dots for the 95 % interval over its items (each a sentence" in page.text
    assert "There is one seed of each model" in page.text and "means over" not in page.text
    assert findings.command in page.text and "3 runs, 3 finished" in page.text
    assert measured["token-hop"].record["request"]["dataset"]["request"]["corpus"] in page.source


def test_shows_the_languages_with_their_markers_and_where_tokens_came_from(page):
    said = re.findall("<dd[^>]*>(<span.*)</dd>", page.source)
    assert [re.findall("<mark>(.)</mark>", each) for each in said] == [["R"], ["R"], ["S"]]
    places = [[int(place) for place in re.findall(r"<sub>(\d+)</sub>", each)] for each in said]
    assert places[0] == sorted(places[0]) == list(range(1, len(places[0]) + 1))  # of NoReverse
    assert places[1] != sorted(places[1]) and sorted(places[1]) == places[0]  # of PartialReverse
    text = re.sub("<sub>.*?</sub>|<mark>.</mark>|<[^>]*>", "", said[0])
    assert text == "He cleans his very messy bookshelf."


def test_the_first_screen_says_what_was_found(page, findings):
    contrasts = findings.contrasts
    row = contrasts[(contrasts["metric"] == "perplexity") & (contrasts["language"] == "partial-reverse")].iloc[0]
    said, between = ratio_told(row["estimate"], row["low"], row["high"])
    assert f"perplexity {said}, {between}" in page.text
    assert page.source.index(said) < page.source.index("<figure>") < page.source.index('id="perplexity"')
    assert "built-in English (2,000 sentences) · 3 languages · GPT-2 tiny" in page.text
    assert "steps optimizer steps in all" not in page.text and "optimizer steps in all" in page.text  # of the paper's


def test_no_place_on_this_machine_is_in_the_page(page, measured):
    for folder in {parent for run in measured.values() for parent in run.folder.parents if len(parent.parts) > 2}:
        assert f"{folder}/" not in page.source


def test_needs_nothing_beside_it(page):
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"iframe", "object", "embed", "base", "form", "audio", "video"} and "svg" in tags
    assert not page.values("src")
    assert {link[0] for link in page.values("href") + page.values("xlink:href") if link != "data:,"} == {"#"}
    assert not re.search(r"@import|url\((?!#)", page.source)
    policy = next(each["content"] for each in page.all("meta") if "http-equiv" in each)
    script = page.source.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


def test_ids_are_one_of_a_kind_and_what_is_referred_to_is_there(page):
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    referred = re.findall(r"url\(#([^)]+)\)", page.source)
    referred += [link[1:] for link in page.values("href") + page.values("xlink:href") if link.startswith("#")]
    assert len(referred) > 50 and set(referred) <= set(ids)


def test_figures_take_the_colours_of_the_page(page):
    assert INK not in page.source and "stroke: currentColor" in page.source
    for name in set(re.findall(r"var\((--c[0-9a-f]{6})\)", page.source)):
        light, *dark = re.findall(rf"{name}: (#[0-9a-f]{{6}})", page.source)
        assert light == on_paper(f"#{name.removeprefix('--c')}", LIGHT) and len(dark) == 2 and len(set(dark)) == 1
    drawings = [each for each in page.all("svg") if "aria-hidden" not in each]
    assert len(drawings) > 12 and all(each["role"] == "img" and len(each["aria-label"]) > 40 for each in drawings)


def test_tables_can_be_sorted_from_the_keyboard(page):
    heads = [attributes for attributes in page.all("th") if "aria-sort" in attributes]
    assert len(heads) > 20 and {(each["scope"], each["aria-sort"]) for each in heads} == {("col", "none")}
    assert len(page.all("button")) == len(heads) + 1  # and that of the theme
    assert all(float(key) or True for key in page.values("data-key"))


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_browser_sorts_and_scrolls_nothing_sideways(page, tmp_path):
    probe = """<script>const said = {};
      const table = document.querySelectorAll("#found table.sorts")[1], heads = [...table.tHead.rows[0].cells];
      const column = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[2].dataset.key));
      heads[2].firstChild.click(); said.up = column(); heads[2].firstChild.click(); said.down = column();
      said.way = heads[2].getAttribute("aria-sort");
      document.getElementById("theme").click(); said.theme = document.documentElement.dataset.theme;
      said.wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
      document.body.innerHTML = ""; document.body.append("SAID" + JSON.stringify(said) + "SAID");</script>"""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.source)
    (tmp_path / "page.html").write_text(text.replace("</body>", probe + "</body>"), encoding="utf-8")
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900", f"--user-data-dir={tmp_path}/user"]
    done = subprocess.run(
        ["chromium", *words, "--dump-dom", f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=120
    )
    said = json.loads(done.stdout.split("SAID")[1])
    assert said["up"] == sorted(said["up"]) and said["down"] == said["up"][::-1] and len(set(said["up"])) == 3
    assert said["way"] == "descending" and said["theme"] in ("dark", "light") and said["wide"] is False


def test_hostile_text_stays_text(curve_of, tmp_path):
    perplexity, surprisal, learnability = (METRICS[name] for name in ("perplexity", "surprisal", "learnability"))
    evaluations = [curve_of(perplexity, {1: 9.0, 2: 8.0}, language=payload) for payload in PAYLOADS]
    evaluations += [curve_of(learnability, {1: 1.0}, language=payload) for payload in PAYLOADS]
    evaluations += [curve_of(replace(surprisal, unit=PAYLOADS[0], summary=PAYLOADS[1]), {1: 9.0})]
    interventions = METRICS["interventions"]  # panels of which are named by the language
    evaluations += [curve_of(interventions, {1: 0.5}, language=each, layer=1, position=0) for each in PAYLOADS]
    named = "perplexity<i onload='alert(1)' \"#)"
    evaluations += [curve_of(perplexity, {1: 9.0}), curve_of(perplexity, {1: 9.0}, name=named)]
    runs = [PublishedRun(payload, tmp_path / "none") for payload in PAYLOADS]
    all_of_them = " ".join(PAYLOADS)
    asked = {payload: [payload] for payload in PAYLOADS}
    findings = Findings(all_of_them, runs, evaluations, all_of_them, asked, [(all_of_them, all_of_them)])
    path = write_report(findings, tmp_path / "report.html")[0]
    page = Page(path.read_text(encoding="utf-8"))
    assert all(page.text.count(payload) > 10 for payload in PAYLOADS)
    assert len(page.all("script")) == 1 and not page.all("img") and not page.all("iframe") and not page.all("i")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert len(set(page.values("id"))) == len(page.values("id"))


def test_a_metric_that_is_new_has_its_section(curve_of, tmp_path):
    metric = replace(METRICS["perplexity"], name="novelty", value="novelty", unit="bits of novelty", summary="New")
    metric = replace(metric, heading="", reading="")
    found = [curve_of(metric, {1: 3.0, 2: 2.0}, seed=seed) for seed in (0, 1)]
    paths = write_report(Findings("t", [], found, "c"), tmp_path / "report.html")
    page = Page(paths[0].read_text(encoding="utf-8"))
    assert [each["id"] for each in page.all("section")] == ["found", "novelty", "failed", "made"]
    assert "means over 2 seeds with 95 % intervals over seeds and items, 3 of them" in page.text
    assert "bits of novelty" in page.text
    assert "Not measured: perplexity (" in page.text
    assert {"novelty.pdf", "novelty.svg", "novelty.csv"} <= {path.name for path in paths}


def test_nothing_at_all_is_a_page_too(tmp_path):
    (path,) = write_report(Findings("Empty", [], [], "c"), tmp_path / "report.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert [each["id"] for each in page.all("section")] == ["found", "failed", "made"]
    assert "Nothing was measured yet." in page.text


def test_what_was_asked_is_told_with_its_names(curve_of, tmp_path):
    asked = {"train": {"seeds": [53, 21], "size": None}, "evaluate": [{"metric": "probes"}]}
    findings = Findings("t", [], [curve_of(METRICS["perplexity"], {1: 3.0})], "c", asked)
    page = Page(write_report(findings, tmp_path / "report.html")[0].read_text(encoding="utf-8"))
    assert "What was asked" in page.text
    assert re.search(r"train\.seeds\s*53, 21\s*train\.size\s*–\s*evaluate\.1\.metric\s*probes", page.text)


def test_an_output_that_is_taken_is_refused(findings, tmp_path):
    with pytest.raises(UserError, match=r"--output .*report\.pdf: a file that ends in \.html is expected"):
        write_report(findings, tmp_path / "report.pdf")
    (tmp_path / "mine-figures").mkdir()
    (tmp_path / "mine-figures" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"mine-figures: not a finished figures of a report"):
        write_report(findings, tmp_path / "mine.html")
    assert (tmp_path / "mine-figures" / "thesis.tex").exists() and not (tmp_path / "mine.html").exists()


def test_a_page_is_made_again_where_data_or_a_language_of_the_users_own_are_others(tmp_path):
    file = tmp_path / "mine.py"
    code = 'class Same:\n    """Nothing changes."""\n    def rewrite(self, tokens):\n        return tokens\n'
    file.write_text(code)
    asked: dict[str, Any] = {"architectures": ("gpt2",), "metrics": ("perplexity",), "steps": (50, 100)}
    runs = make_runs(tmp_path, ["no-shuffle", f"{file}:Same"], **asked)
    findings = findings_of_runs([str(each.folder) for each in runs], "command")
    page, written = tmp_path / "report.html", []

    def made():
        write_report(findings, page)
        written.append(page.stat().st_ino)
        return written[-1] != written[-2] if len(written) > 1 else True

    assert made() and not made()
    file.write_text(code.replace("return tokens", "return tokens  # all the same"))
    assert made() and not made()
    file.unlink()
    assert made() and not made()
    runs[0].dataset().folder.rename(tmp_path / "gone")
    assert made() and not made()
