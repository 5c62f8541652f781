"""Length: what was measured, by the length of sentences, beyond that trained on too (after El-Naggar et al. 2025).

A model that was trained on sentences of up to so many tokens (`longest_training_sentence` of its dataset) is measured
on all lengths; a rule that was learnt holds for longer ones, too.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from impossible_lms.data.dataset import LONGEST
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.perplexity import PERPLEXITY
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
    metric, trained = evaluation.metric, _longest(evaluation)
    if metric not in SERVED:
        named = " and ".join(each.name for each in SERVED)
        raise UserError(f"by_length: {metric.name} has no lengths. Of {named} it can be had.")
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


def _rows(evaluation: Evaluation, edges: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each step and length with its first number of tokens, shortest first."""
    metric, items = evaluation.metric, evaluation.items()
    if metric is PERPLEXITY:
        items = items[items["affected"]]
        tokens, values = items["tokens"], np.log(items["perplexity"])
    else:
        predicted = items[[f"{part}_tokens" for part in (MARKER, AFTER, OTHERS)]].sum(axis=1)
        tokens, values = predicted - 1, items[WHOLE] / predicted  # the end of the sentence is predicted, too
    items = items.assign(length=tokens, counted=values, stretch=np.searchsorted(edges, tokens))
    for (step, stretch), mine in items.groupby(["step", "stretch"], sort=True):
        number = int(str(stretch))
        first = edges[number - 1] + 1 if number else 2
        said = f"{first} to {edges[number]}" if number < len(edges) else f"over {edges[-1]}"
        found = mean_over_items(mine["counted"].to_numpy(dtype=np.float64), numbered(mine["genre"]))
        value, low, high = (np.nan if each is None else float(each) for each in found)
        if metric is PERPLEXITY:
            value, low, high = np.exp([value, low, high]).tolist()
        row = {"step": int(str(step)), "tokens": said, "items": len(mine)}
        yield first, row | {metric.value: value, "low": low, "high": high}


def _longest(evaluation: Evaluation) -> int | None:
    """The longest sentence that the model of an evaluation was trained on, as its run says; None for all."""
    folder = evaluation.folder.parent.parent
    if not (folder / RECORD).is_file():
        return None  # what others published does not say it
    found = Run.open(folder).data_request.get(LONGEST)
    return None if found is None else int(found)
