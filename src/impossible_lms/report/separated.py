"""Separation on the page: how often an attested language is cheaper than an impossible one, in one short table."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.contrasts import is_attested, known_control
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.separation import ACROSS, AREA, LAST, NOTHING, separation
from impossible_lms.languages import get_language
from impossible_lms.models.model_name import OF
from impossible_lms.report.figures import positions_of
from impossible_lms.report.findings import Findings
from impossible_lms.report.sections import Section
from impossible_lms.report.tables import table_of

LEAST = 2  # pairs of an attested and an impossible language that say something together
SHOWN = ["metric", "architecture", "pairs", "what", "step", "separation", "low", "high", "interval", "compared"]
READING = (
    "Over all pairs of an attested language (a control) and an impossible one, how often the attested one is better: 1 "
    "is always, 0.5 no line between them."
)
ORDERS = " Orders of noun phrases that some human language has are attested, too."
HUMANS = " Within are pairs of one human language, whose sentences alone decide."
PARALLEL = (
    " Across are pairs of two human languages, by the bits of the same sentences; other values are not compared so."
)


def by_human(findings: Findings) -> Iterator[tuple[str, Evaluation]]:
    """The evaluations on the runs' own test sets with the human language of each, whose name their models lack."""
    for each in findings.evaluations:
        human = findings.humans.get(each.folder.parents[1], "")
        curve = each.curve
        if human:
            plain = [name.replace(f"{OF}{human}", "", 1) for name in curve["architecture"]]
            curve = curve.assign(architecture=plain)
        yield human, replace(each, curve=curve)


def separation_of(findings: Findings) -> pd.DataFrame:
    """The table of `separation`; an empty one where fewer than LEAST pairs of languages can be compared."""
    kinds: dict[tuple[str, bool], set[str]] = {}
    found = list(by_human(findings))
    for human, each in found:
        for name in map(str, each.curve["language"].unique()):
            control = each.control or known_control(name)
            kinds.setdefault((human, is_attested(name, control)), set()).add(name)
    pairs = sum(
        len(kinds.get((human, True), ())) * len(mine) for (human, is_control), mine in kinds.items() if not is_control
    )
    if pairs < LEAST:
        return pd.DataFrame()
    try:
        return separation(found, parallel=findings.parallel)
    except UserError:  # nothing that is measured has one value a model, or sentences in common
        return pd.DataFrame()


def separation_sections(findings: Findings, table: pd.DataFrame) -> list[Section]:
    """The section of its table, if there is anything in it: the last step, and the mean over training."""
    shown = table[table["what"].isin([LAST, AREA]) & (table["compared"] >= LEAST)][SHOWN] if len(table) else table
    if shown.empty:
        return []
    if not findings.humans:
        shown = shown.drop(columns="pairs")
    if shown["architecture"].nunique() == 1:
        shown = shown.drop(columns="architecture")
    words: dict[str, Callable[[str], str]] = {
        "metric": lambda name: name.replace("-", " "),
        "architecture": positions_of,
        "what": lambda name: "last step" if name == LAST else name,
        "interval": lambda name: "no interval" if name == NOTHING else name,
    }
    shown = shown.assign(**{name: shown[name].map(words[name]) for name in words if name in shown})
    shown = shown.rename(columns={"architecture": "model", "what": "value"})
    names = {str(name) for each in findings.evaluations for name in each.curve["language"].unique()}
    said = {ORDERS: any(map(_is_order, names)), HUMANS: findings.humans, PARALLEL: (table["pairs"] == ACROSS).any()}
    reading = READING + "".join(sentence for sentence, applies in said.items() if applies)
    title = "Separation: is the attested one the cheaper one?"
    return [
        Section("separation", title, reading, [], [table_of(shown, "pairs in which the attested language is better")])
    ]


def _is_order(language: str) -> bool:
    return is_attested(language, None) and not get_language(language).is_control
