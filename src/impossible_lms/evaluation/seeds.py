"""Several runs together: the mean over seeds of the same model, with the interval of t."""

from collections.abc import Sequence

import pandas as pd

from impossible_lms.evaluation.metric import Metric
from impossible_lms.evaluation.statistics import Interval, mean_over_seeds

OVER_SEEDS, OVER_ITEMS = "seeds", "items"  # what an interval is over


def over_seeds(metric: Metric, curves: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One row a language, architecture, test set, step and group, from the curves of any number of runs.

    Columns: these, `seeds` (how many), the metric's value (their mean), `low` and `high` (95 %), and `interval`: over
    `seeds` where there are two or more, else what the one run has over its `items`. Intervals of shares end at 0 and 1.
    Skipped checkpoints are left out.
    """
    table = pd.concat([curve[curve["fault"].isna()] for curve in curves], ignore_index=True)
    keys = ["language", "architecture", "data", "step", *metric.groups]
    rows = []
    for key, group in table.groupby(keys, sort=True):
        values = group[metric.value].dropna().to_numpy(dtype=float)
        if not len(values):
            continue
        found, over = mean_over_seeds(values), OVER_SEEDS
        if metric.share and found.low is not None and found.high is not None:
            found = Interval(found.estimate, max(0.0, found.low), min(1.0, found.high))
        if len(values) == 1:
            low, high = (
                None if pd.isna(group[name].iloc[0]) else float(group[name].iloc[0]) for name in ("low", "high")
            )
            found, over = Interval(found.estimate, low, high), OVER_ITEMS
        rows.append(
            dict(zip(keys, key, strict=True))
            | {
                "seeds": len(values),
                metric.value: found.estimate,
                "low": found.low,
                "high": found.high,
                "interval": over,
            }
        )
    columns = [*keys, "seeds", metric.value, "low", "high", "interval"]
    return pd.DataFrame(rows, columns=columns).astype({"low": float, "high": float})
