"""Curves by length: values at the last step for stretches of sentence lengths, beyond the training text shaded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.evaluation.lengths import longest_of, over_lengths
from impossible_lms.evaluation.metric import Metric
from impossible_lms.report.figures import language_order, style_of
from impossible_lms.report.intervals import draw_interval, intervals_of, sign_of
from impossible_lms.report.picture import Picture, by_family
from impossible_lms.report.results import Result, last_of
from impossible_lms.report.told import axis_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEYOND = "longer than trained on"
READING = (
    "The same by the length of sentences, at the last step: a rule learnt from short sentences should hold for "
    "long ones (El-Naggar et al. 2025)."
)
BEYOND_READING = " Shaded: longer than all that was trained on."


def length_picture(metric: Metric, table: pd.DataFrame, name: str | None = None) -> Picture:
    """The picture of a table of `over_lengths`: a line a language over the stretches of lengths, shortest first."""
    last = last_of(table)
    stretches = list(dict.fromkeys(last.sort_values("tokens", key=_by_length)["tokens"]))

    def draw(mine: pd.DataFrame, axes: "Axes") -> None:
        beyond = [stretches.index(each) for each in mine.loc[mine["beyond"] == True, "tokens"]]  # noqa: E712
        if beyond:
            axes.axvspan(min(beyond) - 0.5, len(stretches) - 0.5, color="0.5", alpha=0.12, linewidth=0, label=BEYOND)
        for language in sorted(set(mine["language"]), key=language_order):
            line = mine[mine["language"] == language].sort_values("tokens", key=_by_length)
            at, style = [stretches.index(each) for each in line["tokens"]], style_of(language)
            look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "marker": style.sign}
            axes.plot(at, line[metric.value], label=language, markersize=4, **(look | sign_of(line)))
            draw_interval(axes, at, line, style.colour)
        axes.set_xticks(range(len(stretches)), stretches)
        axes.set_xlim(-0.5, len(stretches) - 0.5)
        axes.grid()

    unit = axis_name(metric).replace("bits a sentence", "bits a token")
    logarithmic = "y" if metric.logarithmic else ""
    rows = by_family(last, draw, "tokens in the sentence", unit, logarithmic=logarithmic)
    caption = f"{metric.name.replace('-', ' ')} by length at the last step; {intervals_of(metric, last)}."
    return Picture(name or f"{metric.name}-by-length", caption[0].upper() + caption[1:], rows, table, shares=True)


def by_lengths(result: Result, edges: Sequence[int] = ()) -> Picture | None:
    """The picture of a result by the `edges` of lengths; None without edges, but for models trained on one length."""
    trained = {longest_of(each) for each in result.evaluations} - {None}
    if not edges and len(trained) != 1:
        return None
    return length_picture(result.metric, over_lengths(result.evaluations, edges), f"{result.name}-by-length")


def _by_length(tokens: pd.Series) -> pd.Series:
    """Stretches in order: the number before `to`, or after `over`."""
    return tokens.str.extract(r"([0-9]+)", expand=False).astype(int)
