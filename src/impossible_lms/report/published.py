"""The curves of Kallini et al. (2024), which stand in `published.csv` as they were read off the authors' figures.

The numbers behind those figures are not published as tables. Each figure was drawn again with the authors' plotting
code, and the values changed until it matched the published pixels; points that other curves hide are held by the
visible parts of their lines. `uncertainty` is the error of reading in the unit of the value, not the spread over
seeds; `overlapped` is 1 where under 60 % of a point is visible. With positions they are means over five seeds,
without them of seed 53.
"""

from importlib import resources

import pandas as pd

# Their figures by our metrics, and what their unit is divided by to be ours.
FIGURES = {
    "perplexity": ("perplexity", 1),
    "surprisal": ("marker_surprisal_difference", 1),
    "probes": ("probe_accuracy", 100),  # per cent
}


def published_curves(metric: str) -> pd.DataFrame | None:
    """Rows `language`, `architecture`, `step`, `value` and `uncertainty` in our unit; None for other metrics."""
    if metric not in FIGURES:
        return None
    figure, divisor = FIGURES[metric]
    with resources.files("impossible_lms.report").joinpath("published.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    mine = table[table["experiment"] == figure].drop(columns="experiment")
    return mine.assign(value=mine["value"] / divisor, uncertainty=mine["uncertainty"] / divisor).reset_index(drop=True)
