"""The figures of a report as files: each as PDF, SVG and CSV, with the values that were measured."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from impossible_lms import METRICS
from impossible_lms.evaluation.seeds import OVER_BOTH, over_seeds
from impossible_lms.evaluation.sentence_bits import PARTS
from impossible_lms.evaluation.tables import read_evaluation
from impossible_lms.languages import LANGUAGES
from impossible_lms.report.colours import CONTRAST, DARK, LIGHT, luminance, mixed, on_paper
from impossible_lms.report.figures import (
    OTHERS,
    family_of,
    in_words,
    language_order,
    orders_of,
    positions_of,
    style_of,
)
from impossible_lms.report.findings import Findings
from impossible_lms.report.heat_map import LESS, MORE, STRONGEST, heat_map, written
from impossible_lms.report.metric_figures import metric_picture, sample_said, write_metric_figure
from impossible_lms.report.numbers import number
from impossible_lms.report.page import write_report
from impossible_lms.report.paper import COLUMN, TEXT, paper_figure
from impossible_lms.report.published import published_curves
from impossible_lms.report.results import results_of
from impossible_lms.report.special_figures import SPECIAL, at_the_end, by_field, by_layer, by_part
from impossible_lms.report.tables import last_fields, last_values

FIGURES = [
    *(
        "perplexity",
        "perplexity-last-step",
        "surprisal",
        "sentence-bits",
        "sentence-bits-by-part",
        "interventions",
        "probes",
        "probes-by-layer",
        "learnability",
        "learnability-last-step",
    ),
    *("minimal-pairs", "minimal-pairs-by-field", "generation", "perplexity-cross-tests", "training-loss"),
]


def test_each_figure_is_there_as_pdf_svg_and_csv(report):
    files = {path.name: path for path in report[1:]}
    expected = {f"{name}.{ending}" for name in FIGURES for ending in ("pdf", "svg", "csv")}
    said = {f"{name}.txt" for name in FIGURES}
    assert set(files) == expected | said | {
        "headline.txt",
        "summary.csv",
        "contrasts.csv",
        "runs.csv",
        "evaluations.csv",
        "separation.csv",
    }
    assert {path.parent.name for path in report[1:]} == {"report-figures"}
    for name in FIGURES:
        assert files[f"{name}.pdf"].read_bytes().startswith(b"%PDF")
        root = ET.parse(files[f"{name}.svg"]).getroot()
        texts = [text for each in root.iter("{http://www.w3.org/2000/svg}text") if (text := each.text)]
        assert len(texts) > 3  # text is text, not outlines
        assert len(pd.read_csv(files[f"{name}.csv"])) > 0


def test_csv_holds_what_was_measured(report, findings):
    own = [one for one in findings.evaluations if one.folder.name == "perplexity"]
    curves, expected = [one.curve for one in own], over_seeds(METRICS["perplexity"], [one.tables for one in own])
    path = next(path for path in report if path.name == "perplexity.csv")
    found = pd.read_csv(path)
    expected["each"] = expected["each"].map(str)
    pd.testing.assert_frame_equal(found[list(expected)], expected, check_dtype=False)
    unaffected = pd.concat(curves).sort_values(["language", "step"])["unaffected"]
    assert found["unaffected"].tolist() == pytest.approx(unaffected.tolist(), nan_ok=True)


def test_the_same_findings_give_the_same_bytes(curve_of, tmp_path):
    findings = Findings("t", [], [curve_of(METRICS["perplexity"], {1: 3.0, 2: 2.0})], "c")
    first, again = (write_report(findings, tmp_path / name / "report.html") for name in ("first", "again"))
    assert [path.name for path in again] == [path.name for path in first] and len(first) == 7
    for old, new in zip(first, again, strict=True):
        assert old.read_bytes() == new.read_bytes(), old.name


def test_captions_say_where_there_were_fewer_than_asked_for(curve_of):
    def said(count, language):
        note = None if count is None else f"sample of 50: all {count} pairs of A"
        return curve_of(METRICS["perplexity"], {1: 3.0, 2: 2.0}, language).curve.assign(note=note)

    assert sample_said([said(None, "no-hop")]) == ""
    curves = [said(4, "token-hop"), said(4, "no-hop"), said(7, "word-hop"), said(None, "no-shuffle")]
    assert sample_said(curves) == (
        "Sample of 50: all 4 pairs of A (in no-hop, token-hop); sample of 50: all 7 pairs of A (in word-hop)."
    )
    many = [said(count, "no-hop") for count in range(1, 6)]
    assert sample_said(many).endswith("3 pairs of A (in no-hop); 2 more in the tables.")


def test_values_at_the_last_step_stand_in_the_order_of_the_languages_with_their_notes(findings, curve_of):
    from matplotlib.figure import Figure

    metric = METRICS["learnability"]
    gaps = {"full-reverse": -1.0, "partial-reverse": 2.0, "token-hop": 0.5}
    (result,) = results_of([curve_of(metric, {1: 9.0, 2: gap}, language=name) for name, gap in reversed(gaps.items())])
    (panel,) = at_the_end(result).panels
    axes = Figure().subplots()
    panel.draw(axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["partial-reverse", "full-reverse", "token-hop"]
    told = "lower is better: full-reverse -1 (-1.10 to -0.905)"
    assert "after 2 steps" in panel.alt and told.split(" (")[0] in panel.alt
    measured = next(result for result in results_of(findings.evaluations) if result.name == "learnability")
    row = at_the_end(measured).table.iloc[0]
    assert row["bound"] == "no" and row["steps_until_below_0.1_bits_a_token"]


def test_pairs_by_field_and_probes_by_layer(findings):
    results = {result.name: result for result in results_of(findings.evaluations)}
    fields = by_field(results["minimal-pairs"]).table
    assert (
        set(fields["field"]) == {"all", "syntax"} and set(fields["tokens"]) == {"equal"} and set(fields["step"]) == {12}
    )
    layers = by_layer(results["probes"]).table
    assert {"1", "last four"} <= set(layers["layer"]) and set(layers["pooling"]) == {"mean"}
    assert layers["untrained"].between(0, 1).all()


def test_heat_maps_are_of_some_checkpoints_of_each_model(findings):
    result = next(result for result in results_of(findings.evaluations) if result.name == "interventions")
    flipped = result.table.assign(accuracy=0.5)
    shares, shifts = metric_picture(result.metric, flipped).rows
    cells = set(result.table["items"])
    said = str(min(cells)) if len(cells) == 1 else f"{min(cells)} to {max(cells)}"
    names = [f"token-hop, without positions, step {step}\n" for step in (4, 8, 12)]
    assert [panel.title for panel in shares if panel] == [
        f"{name}share of pairs whose marker becomes plural\n{said} items a cell, 1 seed: others may differ"
        for name in names
    ]
    shift = "shift of the log-odds of the plural marker, nats"
    assert [panel.title for panel in shifts if panel] == [f"{name}{shift}" for name in names]


def interventions(flips: dict[str, float], seeds=1):
    """A table of `over_seeds` for languages by the share of pairs that flip at the last of two steps."""
    return pd.DataFrame(
        [
            {"language": language, "architecture": "gpt2", "data": language, "step": step, "layer": layer}
            | {"position": position, "seeds": seeds, "items": 96, "accuracy": flips[language] * (step == 8)}
            | {"low": 0.0, "high": 0.5, "each": [0.0] * seeds, "interval": OVER_BOTH, "shift": 0.1 * layer}
            for language in flips
            for step in (4, 8)
            for layer in (1, 2)
            for position in range(3)
        ]
    )


@pytest.mark.parametrize("seeds", [1, 2])
def test_where_no_pair_flipped_a_sentence_stands_for_the_map(seeds):
    metric = METRICS["interventions"]
    pairs = "96 pairs" if seeds == 1 else "96 pairs of each of 2 seeds"
    said = f"o pair flipped at any layer; {pairs}, largest shift +0.2 nats at layer 2, position 0"
    none = metric_picture(metric, interventions({"token-hop": 0.0}, seeds))
    assert not none.rows and none.text.endswith(f" Token-hop, with positions: n{said}, step 4.")
    both = metric_picture(metric, interventions({"token-hop": 0.0, "word-hop": 0.5}, seeds))
    assert f"Token-hop, with positions: n{said}" in both.text
    shares, shifts = both.rows
    assert all(panel is not None and panel.title.startswith("word-hop") for panel in (*shares, *shifts))
    (drawn,) = [text.get_text() for text in drawn_of(shares[0]).texts]  # the first step, at which none did
    assert drawn.replace("\n", " ") == f"N{said}."
    assert len(drawn_of(shares[1]).texts) == len(drawn_of(shifts[0]).texts) == 6


def test_a_figure_or_what_is_said_instead_is_written_and_the_other_goes(measured, tmp_path):
    tables = read_evaluation(
        measured["token-hop"].folder / "evaluation" / "interventions", measured["token-hop"]
    ).tables
    metric, stem = METRICS["interventions"], tmp_path / "interventions-on-v1.0"
    none, some = (
        tables._replace(items=tables.items.assign(moved=moved), curve=tables.curve.assign(accuracy=moved))
        for moved in (False, True)
    )
    written = write_metric_figure(metric, [none], stem)
    assert written.name == "interventions-on-v1.0.txt" and "no pair flipped" in written.read_text(encoding="utf-8")
    assert write_metric_figure(metric, [some], stem).name == "interventions-on-v1.0.png"
    assert [path.name for path in tmp_path.iterdir()] == ["interventions-on-v1.0.png"]


@pytest.mark.parametrize("steps", [1, 3])
def test_probes_stand_beside_chance_and_what_a_model_without_learning_has(findings, steps):
    result = next(result for result in results_of(findings.evaluations) if result.name == "probes")
    table = result.table[result.table["step"] > 12 - 4 * steps]
    for panel in (*metric_picture(result.metric, table).panels, *by_layer(replace(result, table=table)).panels):
        axes = drawn_of(panel)
        named = [text for text in axes.get_legend_handles_labels()[1] if text != "partial-reverse"]
        assert [re.sub(r" \(.*", "", text) for text in named] == [
            *("untrained model, of each", "control task, of each", "chance", "largest class")
        ]
        places = [side for line in axes.lines for side in (line.get_xdata(), line.get_ydata())]
        drawn = {round(float(value), 9) for side in places for value in np.atleast_1d(side)}
        mine = table[(table["layer"] == "last four") & (table["pooling"] == "mean") & (table["step"] == 12)].iloc[0]
        for column in ("accuracy", "untrained", "control", "chance", "largest"):
            assert round(mine[column], 9) in drawn, column
    assert {"chance", "largest", "untrained", "control"} <= set(last_values(result).columns)


def drawn_of(panel):
    """The axes with a panel on them."""
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    panel.draw(axes)
    return axes


def test_what_was_measured_at_one_step_is_a_row_of_dots_for_each_language_in_one_panel(curve_of):
    from matplotlib.figure import Figure

    metric = METRICS["perplexity"]
    values = {"word-hop": 90.0, "no-hop": 80.0, "no-reverse": 70.0}
    (result,) = results_of([curve_of(metric, {200: value}, language=name) for name, value in values.items()])
    (panel,) = metric_picture(result.metric, result.table).panels
    axes = Figure().subplots()
    panel.draw(axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no-reverse", "no-hop", "word-hop"]
    drawn = {float(np.asarray(line.get_ydata())[0]): float(np.asarray(line.get_xdata())[0]) for line in axes.lines}
    assert drawn == {0: pytest.approx(70.0), 1: pytest.approx(80.0), 2: pytest.approx(90.0)}
    assert panel.x == "perplexity (log scale)" and panel.logarithmic == "x"


def test_published_curves_lie_behind_the_languages_that_are_there(curve_of):
    from matplotlib.figure import Figure

    (result,) = results_of([curve_of(METRICS["perplexity"], {200: 90.0, 400: 80.0}, language="no-hop")])
    behind = published_curves("perplexity")
    assert behind is not None
    drawn: dict[str, list[list[float]]] = {}
    for name, curves in (("ours", None), ("both", behind)):
        picture = metric_picture(result.metric, result.table, published=curves)
        axes = Figure().subplots()
        picture.panels[0].draw(axes)
        drawn[name] = [values for line in axes.lines if (values := np.asarray(line.get_ydata()).tolist())]
        assert ("read off the authors' figures" in picture.caption) is (name == "both")
    (theirs,) = [line for line in drawn["both"] if line not in drawn["ours"]]
    mine = behind[(behind["language"] == "no-hop") & (behind["architecture"] == "gpt2")]
    assert theirs == mine["value"].tolist() and drawn["ours"][0] == pytest.approx([90.0, 80.0])
    assert len(drawn["ours"]) == 3  # of one seed: the line, and both ends of its interval in dots


def test_published_curves_are_those_of_their_source_in_our_unit(shared):
    from importlib import resources

    source = shared / "reference" / "published.csv"
    assert resources.files("impossible_lms.report").joinpath("published.csv").read_bytes() == source.read_bytes()


def test_published_curves_are_in_our_unit():
    curves = {name: table for name in METRICS if (table := published_curves(name)) is not None}
    assert {name: len(table) for name, table in curves.items()} == {"perplexity": 450, "surprisal": 36, "probes": 180}
    assert curves["probes"]["value"].between(0.5, 1).all() and (curves["probes"]["uncertainty"] < 0.001).all()


def test_no_code_is_run_to_draw_a_language(tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit('this code was run')")
    name = f"{tmp_path / 'mine.py'}:Mine"
    assert style_of(name) in OTHERS and family_of(name) == "own"
    assert len({style_of(f"mine-{number}") for number in range(30)}) > 4
    assert sorted(["token-hop", name, "no-shuffle", "no-hop"], key=language_order) == [
        "no-shuffle",
        "no-hop",
        "token-hop",
        name,
    ]


@pytest.mark.parametrize("paper", [LIGHT, DARK])
def test_colours_have_contrast_on_their_paper_and_stay_where_they_have(paper):
    assert on_paper("#ffb000", DARK) == "#ffb000" and on_paper("#0b4a86", LIGHT) == "#0b4a86"
    for name in LANGUAGES:
        lights = sorted((luminance(on_paper(style_of(name).colour, paper)), luminance(paper)))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= CONTRAST[paper] - 0.05, name


@pytest.mark.parametrize("colour", [MORE, LESS])
@pytest.mark.parametrize(("card", "ink"), [("#fafafa", "#1b1c1e"), ("#1c1f26", "#e6e6e3"), ("#ffffff", "#000000")])
def test_numbers_in_a_map_are_read_in_the_ink_of_the_page_whatever_their_value(colour, card, ink):
    for share in (0.0, 0.5, 1.0):
        field = mixed(card, colour, STRONGEST * share)
        lights = sorted((luminance(field), luminance(ink)))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, share


def test_next_to_nothing_looks_so_in_a_map():
    field = pd.DataFrame([[0.04, 0.04]], index=["1"])
    (mesh,) = drawn_of(heat_map("", field, x="", y="", low=0, high=1)).collections
    assert mesh.to_rgba(0.04)[3] < 0.05 and mesh.to_rgba(1.0)[3] == pytest.approx(STRONGEST, abs=0.01)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.5312, "0.531"), (12.345, "12.35"), (1234.5, "1,234"), (-2.0, "-2"), (1e-5, "1e-05")],
)
def test_numbers_are_short(value, said):
    assert number(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "0"), (0.53, ".53"), (-0.5, "-.50"), (1.0, "1"), (12.34, "12.3"), (1204.2, "1204")]
)
def test_values_fit_their_fields(value, said):
    assert written(value) == said


def test_a_paper_figure_is_as_wide_as_its_text_and_nothing_lies_outside_or_on_something_else(findings):
    for result in results_of(findings.evaluations):
        picture = SPECIAL.get(result.metric.name, lambda each: metric_picture(each.metric, each.table))(result)
        if not picture.rows:
            continue
        figure = paper_figure(picture, captioned=True)
        figure.draw_without_rendering()
        assert figure.get_figwidth() in (COLUMN, TEXT)
        edges: list[Any] = [axes.get_tightbbox() for axes in figure.axes]
        edges += [artist.get_window_extent() for artist in [*figure.legends, *figure.texts]]
        paper, air = figure.bbox, 0.04 * figure.dpi
        for place, each in enumerate(edges):
            assert each.x0 > -air and each.y0 > -air and each.x1 < paper.x1 + air and each.y1 < paper.y1 + air
            for other in edges[place + 1 :]:
                across = min(each.x1, other.x1) - max(each.x0, other.x0)
                down = min(each.y1, other.y1) - max(each.y0, other.y0)
                assert min(across, down) < 2 * air, result.name


def test_parts_of_a_sentence_share_their_axes_and_maps_have_their_values_in_a_table(findings):
    results = {result.name: result for result in results_of(findings.evaluations)}
    picture = by_part(results["sentence-bits"])
    assert picture.shares and len({panel.height for panel in picture.panels}) == 1
    parts = [panel.title.partition(",")[0] for panel in picture.panels]
    assert parts[: len(PARTS)] == list(PARTS)
    table = last_fields(results["interventions"])
    fields = results["interventions"].table
    assert len(table.rows) == fields["layer"].nunique()
    assert table.columns[-1] == f"position {fields['position'].max()}"


def test_architectures_say_how_they_know_the_order_of_tokens():
    assert [positions_of(name) for name in ("gpt2", "gpt2-no-pos")] == ["with positions", "without positions"]
    assert positions_of("llama · es") == "llama, rotary positions, es" and positions_of("bloom") == "bloom, ALiBi"
    assert positions_of("mamba") == "mamba, recurrence" and positions_of("gpt_neox") == "gpt_neox"
    assert in_words("mamba") == "in mamba" and in_words("gpt2 · one") == "with positions, one"
    assert orders_of(["gpt2", "gpt2-no-pos"]) == []
    assert orders_of(["mamba · es", "gpt2", "gpt_neox"]) == [
        ("gpt2", "learned positions"),
        ("mamba", "recurrence (selective state space)"),
    ]
