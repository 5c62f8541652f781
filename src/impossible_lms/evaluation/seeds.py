"""Several runs together: the mean over seeds of the same model, with an interval over seeds and items."""

from collections.abc import Sequence

import pandas as pd

from impossible_lms.evaluation.cells import Tables, cells_of, over_seeds_of
from impossible_lms.evaluation.metric import Metric

OVER_BOTH = "seeds and items"  # what an interval is over
OVER_ITEMS = "items (one seed: other seeds may differ)"


def over_seeds(metric: Metric, tables: Sequence[Tables]) -> pd.DataFrame:
    """One row a language, architecture, test set, step and group, from the tables of any number of runs.

    Columns: these, `seeds` (how many), `items` (of a seed), the metric's value (their mean on its scale), `low` and
    `high` (95 %), `each` (the value of every seed), and `interval`: over `seeds and items`, or over the items of the
    one seed there is; and the means of what the metric has `beside` its value. Skipped checkpoints are left out.
    """
    rows = []
    for place, cell in sorted(cells_of(metric, tables).items()):
        found = over_seeds_of(cell).interval(metric.scale)
        own = [over_seeds_of([each]).interval(metric.scale).estimate for each in cell]
        rows.append(
            [
                *place[:4],
                *place.groups,
                len(cell),
                max(len(each.items) for each in cell),
                *found,
                own,
                OVER_BOTH if len(cell) > 1 else OVER_ITEMS,
            ]
        )
    keys = ["language", "architecture", "data", "step", *metric.groups]
    columns = [*keys, "seeds", "items", metric.value, "low", "high", "each", "interval"]
    table = pd.DataFrame(rows, columns=columns).astype({"low": float, "high": float})
    if not metric.beside or table.empty:
        return table.reindex(columns=[*columns, *metric.beside])
    curves = pd.concat([each.curve[each.curve["fault"].isna()] for each in tables], ignore_index=True)
    beside = curves.reindex(columns=[*keys, *metric.beside]).astype(dict.fromkeys(metric.beside, float))
    return table.merge(beside.groupby(keys, sort=False).mean().reset_index(), on=keys, how="left")
