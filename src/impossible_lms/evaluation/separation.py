"""Separation: how often an attested language is cheaper than an impossible one (after Ziv et al. 2025)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.evaluation.contrasts import is_attested, known_control
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.metric import LOWER, Metric
from impossible_lms.evaluation.over_training import trapezoids
from impossible_lms.evaluation.sentence_bits import BEGINS, SENTENCE_BITS, WHOLE
from impossible_lms.evaluation.statistics import LEVEL, quantile
from impossible_lms.models.model_name import OF

WITHIN, ACROSS = "within", "across"  # human languages
LAST, AREA, FIRST = "last", "mean over training", "first step past"
HUMANS, SEEDS, MODELS, NOTHING = "human languages", "seeds", "models (none disagrees)", "nothing"
LEAST_HUMANS = 3  # that an interval over human languages is made from
COLUMNS = (
    *("metric", "architecture", "pairs", "what", "step", "separation", "low", "high"),
    *("interval", "human_languages", "attested", "impossible", "compared", "items"),
)


@dataclass(frozen=True)
class Model:
    """One seed's model: what it is of, and its value at each step, on which lower is better.

    Attributes:
        human: the human language of its corpus.
        language: what was made of it.
        architecture: of the model.
        seed: of the model; its own where it says none.
        is_attested: whether the language is.
        values: by step.
        items: how many items these are of.
        measured: what they are from.
        is_parallel: whether its values are of sentences that models of other human languages have, too.
    """

    human: str
    language: str
    architecture: str
    seed: str
    is_attested: bool
    values: dict[int, float]
    items: int
    measured: Evaluation
    is_parallel: bool = False


def separation(
    evaluations: Iterable[tuple[str, Evaluation]],
    attested: Sequence[str] = (),
    *,
    metric: str | None = None,
    threshold: float | None = None,
    parallel: Collection[str] = (),
) -> pd.DataFrame:
    """How often the attested one of two languages is cheaper, over all pairs of models, with an interval.

    Args:
        evaluations: what was measured, each with the name of the human language that its corpus is in.
        attested: names of the languages that there are, or might be; if none is named, all controls, and those that say
            that they are (`Language.is_attested`: some orders of noun phrases).
        metric: which alone; without one, all that have one value a model.
        threshold: of the metric's value; adds the first steps past it.
        parallel: the human languages whose test sentences are translations of each other, in one order. Their
            `sentence-bits` are of those alone that were measured in all of them, and compared across them, too.

    Returns one row a metric, architecture, kind of pair and `what`: the value at a `step`, the last one, its mean over
    training, the first step past a threshold. `pairs` are of models `within` human languages or `across`
    them; the latter of whole-sentence bits of parallel sentences alone. `items` is how many each was measured on, at
    least. `separation` is the share of the `compared` pairs in which the attested one is better, ties as half; 0.5 is
    none. `low` and `high` are of 95 %, over what `interval` says (docs/statistics.md).

    Raises:
        UserError: there are no attested languages, or no others, or a name in `attested` is of none; or no sentence
            of parallel ones was measured in all human languages.
    """
    groups: dict[str, tuple[Metric, list[tuple[str, Evaluation]]]] = {}
    for human, each in evaluations:
        is_manifold = set(each.metric.groups) != set(each.metric.shown)
        if metric in (None, each.metric.name) and not is_manifold and not each.metric.is_contrast:
            groups.setdefault(each.folder.name, (each.metric, []))[1].append((human, each))
    if not groups:
        raise UserError(f"separation: {metric or 'any metric that has one value a model'}: not measured.")
    rows: list[dict[str, Any]] = []
    asked = [each.name for each, _ in groups.values()]  # of a metric that was asked in several ways, the tables' names
    for name, (measure, mine) in groups.items():
        models = list(_models(measure, mine, attested))
        for architecture in dict.fromkeys(each.architecture for each in models):
            alike = [each for each in models if each.architecture == architecture]
            if measure.name == SENTENCE_BITS.name:
                alike = list(_of_the_same_sentences(alike, parallel))
            for row in _of_models(measure, alike, threshold):
                rows.append(
                    {"metric": measure.name if asked.count(measure.name) == 1 else name, "architecture": architecture}
                    | row
                )
    if attested:
        there = {
            str(language) for _, mine in groups.values() for _, each in mine for language in each.curve["language"]
        }
        if unknown := [each for each in attested if each not in there]:
            raise UserError(f"--attested {unknown[0]}: not measured. There are: {', '.join(sorted(there))}.")
    if not rows:
        raise UserError("separation: attested languages and others are needed. Name the attested ones with --attested.")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"step": "Int64", "low": float, "high": float})


def separated(attested: NDArray[np.float64], impossible: NDArray[np.float64]) -> NDArray[np.float64]:
    """(a, b): 1 where an attested value of (a,) is lower than an impossible one of (b,), 0.5 where it is the same."""
    mine, theirs = attested[:, None], impossible[None, :]
    return np.asarray((mine < theirs) + 0.5 * (mine == theirs), dtype=np.float64)


def _models(metric: Metric, evaluations: Iterable[tuple[str, Evaluation]], attested: Sequence[str]) -> Iterator[Model]:
    for number, (human, each) in enumerate(evaluations):
        curve = each.curve[each.curve["fault"].isna() & (each.curve["data"] == each.curve["language"])]
        for column, group in metric.shown.items():
            curve = curve[curve[column] == group]
        if curve.empty:
            continue
        first, sign = curve.iloc[0], 1.0 if metric.direction == LOWER else -1.0
        language, control = str(first["language"]), each.control or known_control(str(first["language"]))
        values = {
            int(step): sign * float(value) for step, value in zip(curve["step"], curve[metric.value], strict=True)
        }
        architecture = str(first["architecture"]).removesuffix(f"{OF}{each.human}")  # of a published model
        seed = f"of run {number}" if pd.isna(first["seed"]) else str(int(first["seed"]))
        counts = language in attested if attested else is_attested(language, control)
        items = int(curve["items"].min())
        yield Model(human or each.human, language, architecture, seed, counts, values, items, each)


def _of_the_same_sentences(models: Sequence[Model], parallel: Collection[str]) -> Iterator[Model]:
    """The models, those of parallel sentences with their bits of those alone that all of them were measured on."""
    alike = [each for each in models if each.human in parallel]
    yield from (each for each in models if each.human not in parallel)
    if len({each.human for each in alike}) < 2:
        yield from alike
        return
    bits = []
    for each in alike:
        items = each.measured.items()
        place = items["sentence"] - int(each.measured.notes.get(BEGINS, 0))
        bits.append(items.assign(place=place).pivot(index="place", columns="step", values=WHOLE))
    shared = sorted(set.intersection(*(set(table.index) for table in bits)))
    if not shared:
        raise UserError("separation: no test sentence was measured in all human languages. Raise the sample.")
    for each, table in zip(alike, bits, strict=True):
        values = {step: float(table.loc[shared, step].mean()) for step in each.values}
        yield replace(each, values=values, items=len(shared), is_parallel=True)


def _of_models(metric: Metric, models: Sequence[Model], threshold: float | None) -> Iterator[dict[str, Any]]:
    steps = sorted(set.intersection(*(set(each.values) for each in models)))
    if not steps:
        return
    summaries: list[tuple[str, int | None, Callable[[Model], float]]] = [
        ("step", step, lambda model, step=step: model.values[step])  # type: ignore[misc]
        for step in steps[:-1]
    ]
    summaries.append((LAST, steps[-1], lambda model: model.values[steps[-1]]))
    if len(steps) > 1:
        weights = trapezoids(np.array(steps, dtype=np.float64))
        summaries.append((AREA, None, lambda model: float(weights @ [model.values[step] for step in steps])))
    if threshold is not None:
        past = threshold if metric.direction == LOWER else -threshold
        first = [next((step for step in steps if each.values[step] < past), np.inf) for each in models]
        by_model = {id(each): step for each, step in zip(models, first, strict=True)}
        summaries.append((f"{FIRST} {threshold:g}", None, lambda model: by_model[id(model)]))
    items = min(each.items for each in models)
    humans = list(dict.fromkeys(each.human for each in models))
    for pairs in (WITHIN, ACROSS):
        for what, step, summary in summaries:
            found = with_interval(models, np.array([summary(each) for each in models]), pairs)
            if found:
                yield {
                    "pairs": pairs,
                    "what": what,
                    "step": step,
                    "human_languages": len(humans),
                    "items": items,
                } | found


def with_interval(models: Sequence[Model], values: NDArray[np.float64], pairs: str) -> dict[str, Any]:
    """The share with its interval: by leaving out one human language, or one seed, after the other (the jackknife)."""
    is_attested = np.array([each.is_attested for each in models])
    is_parallel = np.array([each.is_parallel for each in models])
    humans, seeds = (np.array([getattr(each, name) for each in models]) for name in ("human", "seed"))

    def share(kept: NDArray[np.bool_]) -> tuple[float, int]:
        mine, theirs = np.flatnonzero(kept & is_attested), np.flatnonzero(kept & ~is_attested)
        counts = humans[mine][:, None] == humans[theirs][None, :]
        if pairs == ACROSS:
            counts = ~counts & is_parallel[mine][:, None] & is_parallel[theirs][None, :]
        return (
            float(separated(values[mine], values[theirs])[counts].mean()) if counts.any() else np.nan,
            int(counts.sum()),
        )

    whole, compared = share(np.ones(len(models), dtype=bool))
    if not compared:
        return {}
    over, units = (HUMANS, humans) if len(set(humans)) >= LEAST_HUMANS else (SEEDS, seeds)
    left_out = [share(units != unit)[0] for unit in dict.fromkeys(units.tolist())]
    without = np.array([each for each in left_out if np.isfinite(each)])
    low, high, said = _interval(
        whole, without, over, min(_kinds(models, humans, attested) for attested in (True, False))
    )
    return {
        "separation": whole,
        "low": low,
        "high": high,
        "interval": said,
        "attested": int(is_attested.sum()),
        "impossible": int((~is_attested).sum()),
        "compared": compared,
    }


def _kinds(models: Sequence[Model], humans: NDArray[Any], attested: bool) -> int:
    """How many languages in human languages there are of a kind."""
    found = {(human, each.language) for each, human in zip(models, humans, strict=True) if each.is_attested == attested}
    return len(found)


def _interval(whole: float, without: NDArray[np.float64], over: str, kinds: int) -> tuple[float, float, str]:
    count = len(without)
    if whole in (0.0, 1.0):  # nothing to see a variance by: Wilson's, of as many trials as languages of the rarer kind
        square = quantile(LEVEL, np.inf) ** 2
        reach = square / (kinds + square)
        return (1 - reach, 1.0, MODELS) if whole == 1.0 else (0.0, reach, MODELS)
    if count < 2:
        return np.nan, np.nan, NOTHING
    variance = (count - 1) / count * float(((without - without.mean()) ** 2).sum())
    by = quantile(LEVEL, count - 1) * float(np.sqrt(variance))
    return max(0.0, whole - by), min(1.0, whole + by), over
