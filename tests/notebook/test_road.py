"""The whole road from Python: ten lines, as the page *In a notebook* promises them, and what each of them gives."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import impossible_lms as il
from tests.docs.notebook import SMALLER, cells

ROAD = """
spoken = il.speak(["no-reverse", "partial-reverse"], "He cleans his very messy bookshelf.")
corpus = il.read_corpus("grammar:sentences=20000")
tokenizer = il.load_tokenizer("train:vocab=2048", corpus)
languages = il.get_languages(["no-reverse", "partial-reverse"])
datasets = il.build_datasets(corpus, languages, tokenizer, "data", context=64)
runs = [il.train(data, f"runs/{name}", model="gpt2-no-pos", size="tiny", recipe="demo", steps=100) for name, data in datasets.items()]
found = il.evaluate("perplexity", runs, sample=200)
curve = found.curve
axes = found.plot()
contrasts = il.compare(found)
page = il.report(runs, "report.html")
"""  # noqa: E501 - as it is asked for


class Tags(HTMLParser):
    """The tags of some HTML, which must be closed as they were opened."""

    def __init__(self, text):
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def smaller(code):
    for large, small in SMALLER.items():
        code = code.replace(large, small)
    return code


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """What the ten lines give, with fewer steps and sentences."""
    home = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("road"))
    names: dict[str, Any] = {"il": il}
    exec(smaller(ROAD), names)
    yield names
    os.chdir(home)


@pytest.mark.slow
def test_the_road_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"il": il}
    exec(ROAD, names)
    assert names["curve"]["step"].max() == 100 and names["page"].page.is_file()


def test_what_is_promised_is_what_is_run():
    assert all(large in ROAD for large in SMALLER)
    page = "\n".join(cell["source"] for cell in cells() if cell["cell_type"] == "code")
    lines = [line.partition(" = ")[2] or line for line in ROAD.strip().splitlines()]
    for call in ("il.speak(", "il.build_datasets(", "il.train(", "il.evaluate(", "il.compare(", "il.report("):
        assert call in page and any(call in line for line in lines)


def test_the_road(road):
    assert [run.name for run in road["runs"]] == ["no-reverse-gpt2-no-pos", "partial-reverse-gpt2-no-pos"]
    assert list(road["datasets"]) == ["no-reverse", "partial-reverse"]
    recipe = road["runs"][0].record["request"]["recipe"]
    assert (recipe["steps"], recipe["context"], recipe["warmup_steps"], recipe["checkpoint_every"]) == (6, 64, 1, 1)
    curve = road["curve"]
    assert isinstance(curve, pd.DataFrame) and set(curve["language"]) == {"no-reverse", "partial-reverse"}
    row = road["contrasts"].iloc[0]
    assert (row["language"], row["less"]) == ("partial-reverse", "no-reverse") and row["low"] < row["high"]
    text = road["page"].page.read_text(encoding="utf-8")
    assert "partial-reverse" in text and len(road["page"].figures) > 3
    assert os.fspath(road["page"]) == "report.html"


def test_axes_are_matplotlibs_own(road):
    from matplotlib.axes import Axes

    axes = road["axes"]
    assert isinstance(axes, Axes) and axes.get_yscale() == "log"
    assert {text.get_text() for text in axes.legend().get_texts()} >= {"no-reverse", "partial-reverse"}
    axes.set_title("Mine")
    again = road["found"].plot(axes)
    assert again is axes and again.get_title() == "Mine"
    assert len(road["found"].figure().axes) == 1


def test_one_run_by_its_path_and_what_was_measured_before(road):
    again = il.evaluate(il.METRICS["perplexity"], "runs/no-reverse", sample=20, checkpoints="last")
    assert again.curve["step"].tolist() == [6] and again.skipped == {}
    assert set(again.items()["language"]) == {"no-reverse"}
    assert len(il.evaluate("perplexity", road["runs"][0], sample=20, checkpoints=[3, 6]).curve) == 2
    other = il.evaluate("perplexity", road["runs"][1], sample=20, data=road["datasets"]["no-reverse"], checkpoints=6)
    assert other.curve["data"].tolist() == ["no-reverse"]


def test_wrong_calls_are_told_in_a_line(road):
    for fault, call in {
        "unknown metric 'perplexty'. Did you mean perplexity or": lambda: il.evaluate("perplexty", road["runs"]),
        "evaluate: sampel: no such option": lambda: il.evaluate("perplexity", road["runs"], sampel=20),
        "evaluate: no run is given": lambda: il.evaluate("perplexity", []),
        "stepz: a recipe has no field of that name. Did you mean steps?": lambda: il.train(
            road["datasets"]["no-reverse"], "runs/x", recipe="demo", stepz=3
        ),
        "report: no run is given": lambda: il.report([]),
        "unknown language 'no-revers'": lambda: il.speak("no-revers"),
    }.items():
        with pytest.raises(il.UserError, match=re.escape(fault)) as raised:
            call()
        assert raised.value._render_traceback_() == [f"error: {raised.value}"]


def test_everything_shows_itself(road):
    run = road["runs"][0]
    shown = [
        *(road[name] for name in ("corpus", "tokenizer", "found", "page")),
        *(
            road["languages"][1],
            road["datasets"]["partial-reverse"],
            run,
            road["found"][0],
            il.Ragged.of([[1, 2], [3]]),
        ),
    ]
    for each in shown:
        line, html = repr(each), each._repr_html_()
        assert line.startswith("<") and "\n" not in line and len(line) < 600
        assert Tags(html).seen and len(html) < 6000
    assert "no-reverse-gpt2-no-pos" in repr(run) and "loss" in repr(run)
    assert "grammar" in repr(road["corpus"])
    assert repr(il.Ragged.of([[1, 2], [3]])) == "<Ragged 2 sequences: elements 3, 1 to 2 in one, of type int64>"


def test_what_is_shown_is_escaped_and_short():
    corpus = il.corpus_of(["<script>alert(1)</script>", "long " * 500], name="<b>")
    html = corpus._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "<b>&lt;b&gt;</b>" in html and len(html) < 2000
    said = il.speak("no-shuffle", "<img src=x> & so on.")._repr_html_()
    assert "<img" not in said and "img" not in Tags(said).seen


def test_what_cannot_be_read_says_so(road, tmp_path):
    import shutil

    broken = il.Run.open(shutil.copytree("runs/no-reverse", tmp_path / "run"))
    (tmp_path / "run" / "finished.json").write_text("{}", encoding="utf-8")
    assert "cannot be read" in repr(broken) and "finished.json" in broken._repr_html_()


def test_a_saying_is_a_table_with_coloured_tokens(road):
    spoken = road["spoken"]
    lines = repr(spoken).splitlines()
    assert [line.split()[0] for line in lines] == ["no-reverse", "partial-reverse"] and "bookshelf" in lines[0]
    assert spoken.table["dropped"].tolist() == ["", ""] and spoken.table["tokens"][0][0] == "He"
    html = spoken._repr_html_()
    assert html.count("<tr") == 2 and "background:#" in html and 'title="marker"' in html


def test_several_sentences_and_what_is_dropped():
    spoken = il.speak(["word-order-sov", "no-shuffle"], ["She sings.", "They sing."])
    assert len(spoken.table) == 4 and "needs head" in spoken.table["dropped"][0]
    assert "She sings." in repr(spoken).splitlines()


class Swapped:
    """Neighbouring tokens change places."""

    control = "no-reverse"

    def rewrite(self, tokens):
        place, last = tokens.place(), tokens.spread(tokens.lengths()) - 1
        return tokens.scatter(np.where((place % 2 == 0) & (place == last), place, place ^ 1))

    inverse = rewrite


def test_functions_and_classes_are_languages():
    def mirrored(tokens):
        return tokens.scatter(tokens.spread(tokens.lengths()) - 1 - tokens.place())

    here, swapped, known = il.get_languages([mirrored, Swapped, "no-shuffle", il.get_language("no-shuffle")])
    assert (here.name, here.spec, bool(here.version)) == ("mirrored", "", True)
    assert il.get_language("mirrored") is here  # by its name from now on
    assert swapped.spec.endswith("test_road.py:Swapped") and swapped.is_recoverable
    assert known.name == "no-shuffle"
    assert repr(il.speak(mirrored, "His bookshelf.")) == "mirrored  .flhe booksHis"

    def no_shuffle(tokens):
        return tokens

    with pytest.raises(il.UserError, match="no-shuffle: is one of this package"):
        il.get_language(no_shuffle)


def test_a_function_of_a_notebook_from_data_to_contrast(tmp_path, tokenizer, recipe):
    def backwards(tokens):
        return tokens.scatter(tokens.spread(tokens.lengths()) - 1 - tokens.place())

    backwards.control = "no-reverse"  # type: ignore[attr-defined]
    corpus = il.read_corpus("grammar:sentences=600")
    data = il.build_datasets(corpus, ["no-reverse", backwards], tokenizer, tmp_path, context=32)
    runs = [il.train(each, tmp_path / f"run-{name}", recipe=recipe, size="tiny") for name, each in data.items()]
    table = il.compare(il.evaluate("perplexity", runs, sample=10, checkpoints="last"))
    assert table[["language", "less"]].to_numpy().tolist() == [["backwards", "no-reverse"]]

    from impossible_lms.languages import own

    del own.HERE["backwards"]  # as after a restart of the kernel
    with pytest.raises(il.UserError, match=r"was made from a function or class of a notebook .* Run its cell"):
        il.evaluate("perplexity", runs[1], sample=10)


EXPERIMENT = {
    "corpus": "grammar:sentences=600",
    "tokenizer": "train:vocab=400",
    "languages": ["no-reverse", "full-reverse"],
    "models": ["gpt2-no-pos"],
    "size": "tiny",
    "seeds": [1],
    "recipe": "demo",
    "evaluate": [{"metric": "perplexity", "sample": 10}],
}


def test_an_experiment_from_keywords_is_that_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [
        f"{key} = {str(value).replace(chr(39), chr(34))}" for key, value in EXPERIMENT.items() if key != "evaluate"
    ]
    lines = [line if line.endswith("]") else f'{line.replace(" = ", f" = {chr(34)}")}"' for line in lines]
    (tmp_path / "small.toml").write_text(
        "\n".join([*lines, "[[evaluate]]", 'metric = "perplexity"', "sample = 10"]), encoding="utf-8"
    )
    loaded = il.Experiment.load("small.toml", name="mine", steps=20, context=32)
    made = il.Experiment.of(**EXPERIMENT, name="mine", steps=20, context=32)
    assert loaded == made and made.recipe["steps"] == 20 and made.recipe["warmup_steps"] == 2
    assert "train 0 of 2 done" in repr(made.plan())
    with pytest.raises(il.UserError, match=r"experiment.toml: sises: unknown key. Did you mean size"):
        il.Experiment.of(**EXPERIMENT, sises="tiny")
    with pytest.raises(il.UserError, match="is known to this process alone"):
        il.Experiment.of(**(EXPERIMENT | {"languages": [lambda tokens: tokens]}))


def test_an_experiment_runs_and_reports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    languages = {"languages": ["no-reverse"]}
    made = il.Experiment.of(**(EXPERIMENT | languages), steps=4, sequences_per_step=2, context=32, checkpoint_every=4)
    outcome = made.run()
    assert outcome.failures == {} and outcome.now == len(made.plan().tasks)
    assert made.run().now == 0
    assert made.report().page.is_file() and il.report(made, "mine.html").page.is_file()
