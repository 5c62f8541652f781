"""Laws that every metric of the registry keeps; a new one is tested the moment it is registered."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from impossible_lms import LANGUAGES, METRICS, get_language, get_languages
from impossible_lms.errors import UserError
from impossible_lms.evaluation import probes, scoring
from impossible_lms.evaluation.metric import HIGHER, LOWER, OPTIONS, Request, Subject
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.report.metric_figures import PICTURES

DECIDED = ("accuracy", "control", "untrained")
NAMES = list(METRICS)


@pytest.mark.parametrize("name", NAMES)
def test_declares_itself(name):
    metric = METRICS[name]
    assert (
        metric.name == name and metric.direction in (LOWER, HIGHER) and metric.unit and metric.summary and metric.item
    )
    assert metric.options <= set(OPTIONS) and metric.figure in PICTURES and set(metric.shown) <= set(metric.groups)


@pytest.mark.parametrize("name", NAMES)
def test_says_of_every_language_why_it_does_not_serve(name):
    languages = [*LANGUAGES.values(), *get_languages("noun-phrase")]
    reasons = {language.name: METRICS[name].serves(language) for language in languages}
    assert None in reasons.values()
    for language, reason in reasons.items():
        assert reason is None or (reason.startswith(f"language {language}: ") and "\n" not in reason)


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_run_for_the_reason_that_it_gives(name, run, hop_run, control_run, prepared):
    prepared(name)  # what serves is taken
    for each in (run, hop_run, control_run):
        reason = METRICS[name].serves(get_language(each.language))
        if reason is not None:
            asked = Request(corpus="nowhere", control=each.folder)
            with pytest.raises(UserError, match=f"^{re.escape(reason)}$"):
                METRICS[name].prepare(Subject(each, asked))


@pytest.mark.parametrize(
    ("name", "serving", "others"),
    [
        ("surprisal", {"no-hop", "token-hop", "constituent-hop"}, {"partial-reverse", "word-order-sov"}),
        ("interventions", {"word-hop-k2"}, {"no-shuffle"}),
        ("minimal-pairs", {"full-reverse", "nondeterministic-shuffle"}, {"token-hop", "word-order-sov"}),
        ("generation", set(LANGUAGES), set()),
        ("learnability", {"token-hop", "nondeterministic-shuffle"}, {"no-hop", "no-shuffle"}),
        ("noun-phrases", {"no-noun-phrase", "noun-phrase-N-Adj-Num-Dem"}, {"no-shuffle", "word-order-sov"}),
        ("perplexity", set(LANGUAGES), set()),
    ],
)
def test_which_languages_serve(name, serving, others):
    for language in serving | others:
        assert (METRICS[name].serves(get_language(language)) is None) == (language in serving), language


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_itself_in_batches_of_1_and_32(name, prepared, monkeypatch):
    monkeypatch.setattr(probes, "SEEDS", 1)
    task, scorer = prepared(name)
    tables = []
    for size in (1, 32):
        monkeypatch.setattr(scoring, "batches", lambda lengths, tokens, size=size: in_order(lengths, size))
        tables.append(task.score(scorer, 12))
    assert_alike(*tables)
    curve = METRICS[name].aggregate(tables[0])
    assert {"items", METRICS[name].value, "low", "high", *METRICS[name].groups} <= set(curve)
    assert len(curve) >= 1 and curve[METRICS[name].value].notna().any()


def assert_alike(first, second):
    """Tables that are equal to rounding, but for decisions, which a tie lets rounding take either way.

    Those are answers of yes or no (a pair that flips, a sentence below a quantile), and the accuracies of probes, each
    of some dozens of answers.
    """
    decided = [name for name in first if first[name].dtype.name in ("bool", "boolean") or name in DECIDED]
    pd.testing.assert_frame_equal(first.drop(columns=decided), second.drop(columns=decided), rtol=1e-4, atol=1e-4)
    for name in decided:
        ours, theirs = (table[name].astype("Float64") for table in (first, second))
        assert (ours.isna() == theirs.isna()).all(), name
        assert ((ours - theirs).abs() > 1e-4).mean() <= 0.02 or (ours - theirs).abs().max() < 0.1, name


def in_order(lengths, size):
    order = lengths.argsort(kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


@pytest.fixture
def prepared(run, request):
    """A function that readies a metric on a run that serves it: few items, the last checkpoint."""

    def made(name):
        chosen, asked = NEEDS.get(name, (None, Request(sample=8)))
        if name in MADE:
            made = request.getfixturevalue(MADE[name])
            asked = Request(sample=8, control=made.folder) if MADE[name] == "control_run" else Request(corpus=str(made))
        on = run if chosen is None else request.getfixturevalue(chosen)
        subject = Subject(on, replace(asked, checkpoints="12"))
        return METRICS[name].prepare(subject), Scorer(on.checkpoints()[-1].load())

    return made


# What a metric asks for, where it asks for anything: a run by its fixture, a corpus, a control.
NEEDS: dict[str, tuple[str | None, Request]] = {
    "surprisal": ("hop_run", Request(sample=8)),
    "probes": (None, Request(corpus="grammar:sentences=300,seed=0", sample=15)),
    "noun-phrases": ("noun_phrase_run", Request(corpus="grammar:sentences=1000,seed=0", sample=8)),
    "interventions": ("hop_run", Request(corpus="grammar:sentences=1000,seed=0")),
}
# And what is made when it is wanted: the run of a control, and a folder of pairs.
MADE = {"learnability": "control_run", "generation": "control_run", "minimal-pairs": "pairs"}


def test_an_unknown_metric_is_named_with_its_neighbours():
    with pytest.raises(UserError, match=r"unknown metric 'perplexty'. Did you mean perplexity"):
        get_metric("perplexty")
