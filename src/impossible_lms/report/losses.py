"""Losses in training, from the metrics of each run."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from impossible_lms.models.run import Run
from impossible_lms.report.figures import language_order, style_of
from impossible_lms.report.findings import Findings
from impossible_lms.report.picture import Picture, by_family, steps_across
from impossible_lms.report.told import losses_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 150  # of a line at most: means of as many parts of the run


def losses(findings: Findings) -> Picture | None:
    """A thin line a run, and the losses on held-out text as signs; None where no run has any."""
    runs = [run for run in findings.runs if isinstance(run, Run)]
    table = pd.concat(
        [pd.DataFrame(), *(_losses_of(run, each) for run in runs for each in findings.architectures_of(run))],
        ignore_index=True,
    )
    if table.empty:
        return None
    thinned = f", drawn as the means of {POINTS} stretches" if table.groupby("run").size().max() >= POINTS else ""
    held = "; signs: on held-out text" if table["held_out_loss"].notna().any() else ""
    caption = f"Loss in training (nats a token), a line a run{thinned}{held}."
    rows = by_family(table, _draw, "training steps", "loss (nats a token)", told=losses_told)
    return Picture("training-loss", caption, rows, table, shares=True)


def _losses_of(run: Run, architecture: str) -> pd.DataFrame:
    table = pd.DataFrame(run.metrics())
    if table.empty:
        return table
    table = table.reindex(columns=["step", "loss", "held_out_loss"]).astype(float)
    parts = np.arange(len(table)) * POINTS // max(POINTS, len(table))
    table = table.groupby(parts).mean()
    said = {"run": run.folder.name, "language": run.language, "architecture": architecture, "seed": run.seed}
    return table.assign(**said)[[*said, *table.columns]]


def _draw(table: pd.DataFrame, axes: "Axes") -> None:
    for language in sorted(set(table["language"]), key=language_order):
        style, label = style_of(language), language
        for _, line in table[table["language"] == language].groupby("run"):
            axes.plot(line["step"], line["loss"], color=style.colour, linestyle=style.dash, linewidth=0.9, label=label)
            held = line.dropna(subset="held_out_loss")
            axes.plot(held["step"], held["held_out_loss"], style.sign, color=style.colour, markersize=3.5)
            label = "_"  # one entry of the legend a language
    steps_across(axes)
