"""The headline: what came out, in sentences made from contrasts; nothing is computed here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import pandas as pd

from impossible_lms.evaluation.contrasts import KINDS, VALUE
from impossible_lms.evaluation.metric import HIGHER, Metric
from impossible_lms.evaluation.seeds import OVER_ITEMS
from impossible_lms.evaluation.statistics import IDENTITY
from impossible_lms.report.figures import architecture_order, in_words, language_order
from impossible_lms.report.numbers import number, ratio_told
from impossible_lms.report.told import noun_of, unit_of

WORSE, BETTER, UNSURE = "worse", "better", "unsure"
ONE_BY_ONE = 4  # languages that have a sentence each; of more, those at the ends do
LEVEL = 0.05  # of a corrected p
Sides = Callable[[Mapping[str, Any]], tuple[str, str]]
OF_LANGUAGES: Sides = itemgetter("language", "less")
BOTH, WITH_AND_WITHOUT = "with positions, without positions", "with and without positions"


@dataclass(frozen=True)
class Headline:
    """`findings`: sentences on what came out; `cautions`: what to keep in mind when believing them."""

    findings: Sequence[str]
    cautions: Sequence[str]


def verdict_of(row: Mapping[str, Any], metric: Metric) -> str:
    """Whether a contrast says WORSE or BETTER; UNSURE where its interval holds "no difference", or there is none."""
    low, high = row["low"], row["high"]
    neutral = 0.0 if row["contrast"] == KINDS[IDENTITY] else 1.0
    if pd.isna(low) or pd.isna(high) or low <= neutral <= high:
        return UNSURE
    return BETTER if (low > neutral) == (metric.direction == HIGHER) else WORSE


def headline(
    contrasts: pd.DataFrame,
    metrics: Mapping[str, Metric],
    sides: Sides = OF_LANGUAGES,
    than: str = "than their control",
) -> Headline:
    """The sentences of a table of contrasts, by its first metric; `metrics` by the names that the table gives them.

    `sides` says what the two of a row are called, and `than` what all are compared with.
    """
    shown = contrasts[contrasts["what"] == VALUE] if len(contrasts) else contrasts
    if shown.empty:
        return Headline((), ())
    name = next(each for each in metrics if each in set(shown["metric"]))
    metric, rows = metrics[name], shown[shown["metric"] == name].to_dict("records")
    rows.sort(key=lambda row: (language_order(row["language"]), architecture_order(row["architecture"])))
    # Models by others, which are told by their names, have an architecture each.
    several = len({row["architecture"] for row in rows if row["language"] == row["data"]}) > 1
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((*sides(row), verdict_of(row, metric)), []).append(row)
    said = (
        [_sentence(metric, key, group, several) for key, group in groups.items()]
        if len({row["language"] for row in rows}) <= ONE_BY_ONE
        else _summary(metric, rows, several, sides, than)
    )
    return Headline(said, _cautions(shown, metrics))


def _sentence(metric: Metric, key: tuple[str, str, str], group: Sequence[Mapping[str, Any]], several: bool) -> str:
    language, less, verdict = key
    said = {
        WORSE: f"{language} is learnt worse than {less}",
        BETTER: f"{language} is learnt better than {less}",
        UNSURE: f"No difference could be shown between {language} and {less}",
    }[verdict]
    sizes = [
        _size(metric, row, first=row is group[0], where=in_words(row["architecture"]) if several else "")
        for row in group
    ]
    return f"{said}: {' and '.join(sizes)}, {_over(group)}."


def _summary(metric: Metric, rows: Sequence[Mapping[str, Any]], several: bool, sides: Sides, than: str) -> list[str]:
    """Of many languages: how many of each kind, the ends, and those of which nothing could be shown."""
    found = []
    for verdict in (WORSE, BETTER):
        mine = [row for row in rows if verdict_of(row, metric) == verdict]
        if not mine:
            continue
        counts = []
        for architecture in sorted({row["architecture"] for row in rows}, key=architecture_order):
            here = sum(row["architecture"] == architecture for row in mine)
            of_all = sum(row["architecture"] == architecture for row in rows)
            counts.append(f"{here} of {of_all} languages{f' {in_words(architecture)}' if several else ''}")
        mine.sort(key=lambda row: row["estimate"], reverse=(verdict == WORSE) != (metric.direction == HIGHER))
        ends = [mine[0]] if len(mine) == 1 else [mine[0], mine[-1]]
        words = ("The most", "The least") if len(ends) > 1 else ("",)
        found.append(f"Learnt {verdict} {than}, by {noun_of(metric)}: {' and '.join(counts)}.")
        for word, row in zip(words, ends, strict=True):
            where = in_words(row["architecture"]) if several else ""
            start = f"{word}: " if word else ""
            size = _size(metric, row, first=True, where=where)
            found.append(f"{start}{' against '.join(sides(row))}, {size}, {_over([row])}.")
    unsure = [row for row in rows if verdict_of(row, metric) == UNSURE]
    if unsure:
        pairs: dict[str, list[str]] = {}
        for row in unsure:
            pairs.setdefault(" and ".join(sides(row)), []).append(in_words(row["architecture"]))
        said = [f"{pair} ({', '.join(where)})" if several else pair for pair, where in pairs.items()]
        found.append(f"No difference could be shown between {'; '.join(said)}.".replace(BOTH, WITH_AND_WITHOUT))
    return found


def _size(metric: Metric, row: Mapping[str, Any], *, first: bool, where: str) -> str:
    """A contrast in words: how many times as high, or by how much lower or higher; its noun where it is the `first`."""
    noun, estimate = noun_of(metric), row["estimate"]
    has_interval = not (pd.isna(row["low"]) or pd.isna(row["high"]))
    between = f"{number(row['low'])} to {number(row['high'])}" if has_interval else "without an interval"
    unit = f" {unit_of(metric)}" if unit_of(metric) else ""
    if row["contrast"] != KINDS[IDENTITY]:
        what = f"odds of the {noun}" if metric.share else noun
        size, told = ratio_told(estimate, *((row["low"], row["high"]) if has_interval else ()))
        between = told or between
        said = f"{what} {size}" if first else size.replace(" times as high", " times")
    elif pd.isna(row["less_value"]):
        said = f"{noun} {number(estimate)}{unit}" if first else f"{number(estimate)}{unit}"
    else:
        size = f"{number(abs(estimate))}{unit} {'higher' if estimate > 0 else 'lower'}"
        said = f"{noun} {size}" if first else size
    return f"{said} {where} ({between})" if where else f"{said}, {between}"


def _over(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = sorted({int(min(row["seeds"], row["less_seeds"])) for row in rows})
    if counts == [1]:
        return "with one seed"
    return f"over {counts[0]} seeds" if len(counts) == 1 else f"over {counts[0]} to {counts[-1]} seeds"


def _cautions(shown: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    found = []
    is_one = shown["interval"] == OVER_ITEMS
    if is_one.any():
        of = "There is one seed of each model" if is_one.all() else "Some models have one seed"
        found.append(f"{of}: intervals are over its sentences alone, and other seeds may differ.")
    rows = shown.to_dict("records")
    weak = sum(verdict_of(row, metrics[row["metric"]]) != UNSURE and row["p_holm"] >= LEVEL for row in rows)
    if weak:
        count = int(shown["contrasts"].max())
        said = "1 difference does" if weak == 1 else f"{weak} differences do"
        where = "marked ° in the table of contrasts"
        found.append(f"{said} not hold once corrected for the number of all {count} ({where}).")
    return found
