"""Length: what was measured, by the length of sentences, beyond that trained on too (after El-Naggar et al. 2025).

A model that was trained on sentences of up to so many tokens (`longest_training_sentence` of its dataset) is measured
on all lengths; a rule that was learnt holds for longer ones, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from impossible_lms.data.limits import Limits
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.metric import Metric, in_groups
from impossible_lms.evaluation.perplexity import PERPLEXITY
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.evaluation.sentence_bits import AFTER, MARKER, OTHERS, SENTENCE_BITS, WHOLE
from impossible_lms.evaluation.statistics import mean_over_items, numbered
from impossible_lms.models.run import RECORD, Run

TIMES = (1, 2, 4)  # of the longest that is trained on, where nothing else is asked for
SERVED = (PERPLEXITY, SENTENCE_BITS)


def by_length(evaluation: Evaluation, edges: Sequence[int] = ()) -> pd.DataFrame:
    """The curve of an evaluation for sentences of several lengths, each by itself.

    Args:
        evaluation: of `perplexity` or `sentence-bits`.
        edges: the lengths, in tokens, up to which each stretch reaches, but for the last; the longest that the model
            was trained on, twice and four times that, if none are given.

    Returns one row a step and length: `language`, `architecture`, `seed` and `data`; `step`; `tokens`, as "17 to 32";
    `beyond`, whether all of these are longer than what was trained on (None where everything was); `items`; and the
    metric's value with `low` and `high`, 95 % over sentences. Of `sentence-bits` it is bits a *token*, for longer
    sentences cost more by themselves. Lengths are those in the language, its markers included.

    Raises:
        UserError: it is of another metric, or all lengths were trained on and no edges are given.
    """
    metric, trained = evaluation.metric, longest_of(evaluation)
    _refuse_unserved(metric)
    asked = sorted(set(edges)) or ([] if trained is None else [trained * times for times in TIMES])
    if not asked:
        raise UserError(
            f"by_length: {evaluation.folder}: trained on all lengths. Name edges, or build the data with "
            "--longest-training-sentence."
        )
    rows = [row | {"beyond": None if trained is None else first > trained} for first, row in _rows(evaluation, asked)]
    about = evaluation.curve[["language", "architecture", "seed", "data"]].iloc[0].to_dict()
    table = pd.DataFrame(rows).assign(**about)
    return table[[*about, "step", "tokens", "beyond", "items", metric.value, "low", "high"]]


def over_lengths(evaluations: Sequence[Evaluation], edges: Sequence[int] = ()) -> pd.DataFrame:
    """The same over seeds, of evaluations of one metric: means with intervals over seeds and items, as `over_seeds`.

    Returns one row a model, step and length: `language`, `architecture`, `data`, `step`, `tokens`, `beyond`, `seeds`,
    `items`, the value with `low` and `high`, `each` and `interval`; shorter sentences first. UserError as `by_length`,
    and where models were trained on sentences of up to different lengths and no edges are given.
    """
    metric = evaluations[0].metric
    _refuse_unserved(metric)
    trained = {found for each in evaluations if (found := longest_of(each)) is not None}
    if not edges and len(trained) > 1:
        said = " and ".join(map(str, sorted(trained)))
        raise UserError(f"lengths: trained on sentences of up to {said} tokens. Name the edges of lengths.")
    longest = min(trained, default=None)
    asked = sorted(set(edges)) or ([] if longest is None else [longest * times for times in TIMES])
    if not asked:
        raise UserError(
            f"lengths: {evaluations[0].folder}: trained on all lengths. Name edges, or build the data with "
            "--longest-training-sentence."
        )
    tables = [each.tables._replace(items=_measured(metric, each.items(), asked)) for each in evaluations]
    sampled = replace(metric.sampled, values=lambda items: items["counted"], counted=lambda items: items)
    divided = replace(sampled, divided=in_groups, made_of=None)
    found = over_seeds(replace(metric, groups=("stretch",), shown={}, beside={}, sampled=divided), tables)
    stretches = found.pop("stretch").astype(int)
    place = list(found).index("step") + 1
    found.insert(place, "tokens", [_said(asked, number) for number in stretches])
    found.insert(
        place + 1, "beyond", [None if longest is None else _first(asked, each) > longest for each in stretches]
    )
    return found


def _refuse_unserved(metric: Metric) -> None:
    if metric not in SERVED:
        named = " and ".join(each.name for each in SERVED)
        raise UserError(f"by_length: {metric.name} has no lengths. Of {named} it can be had.")


def _measured(metric: Metric, items: pd.DataFrame, edges: Sequence[int]) -> pd.DataFrame:
    """The items that count, each with its `stretch` of lengths and its value, `counted`, on the metric's scale."""
    if metric is PERPLEXITY:
        items = items[items["affected"]]
        tokens, values = items["tokens"], np.log(items["perplexity"])
    else:
        predicted = items[[f"{part}_tokens" for part in (MARKER, AFTER, OTHERS)]].sum(axis=1)
        tokens, values = predicted - 1, items[WHOLE] / predicted  # the end of the sentence is predicted, too
    return items.assign(length=tokens, counted=values, stretch=np.searchsorted(edges, tokens))


def _first(edges: Sequence[int], stretch: int) -> int:
    """The fewest tokens of a stretch."""
    return edges[stretch - 1] + 1 if stretch else 2


def _said(edges: Sequence[int], stretch: int) -> str:
    return f"{_first(edges, stretch)} to {edges[stretch]}" if stretch < len(edges) else f"over {edges[-1]}"


def _rows(evaluation: Evaluation, edges: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each step and length with its first number of tokens, shortest first."""
    metric = evaluation.metric
    items = _measured(metric, evaluation.items(), edges)
    for (step, stretch), mine in items.groupby(["step", "stretch"], sort=True):
        number = int(str(stretch))
        first, said = _first(edges, number), _said(edges, number)
        found = mean_over_items(mine["counted"].to_numpy(dtype=np.float64), numbered(mine["genre"]))
        value, low, high = (np.nan if each is None else float(each) for each in found)
        if metric is PERPLEXITY:
            value, low, high = np.exp([value, low, high]).tolist()
        row = {"step": int(str(step)), "tokens": said, "items": len(mine)}
        yield first, row | {metric.value: value, "low": low, "high": high}


def longest_of(evaluation: Evaluation) -> int | None:
    """The longest sentence that the model of an evaluation was trained on, as its run says; None for all."""
    folder = evaluation.folder.parent.parent
    if not (folder / RECORD).is_file():
        return None  # what others published does not say it
    return Limits.of(Run.open(folder).data_request, folder / RECORD).longest_training_sentence
