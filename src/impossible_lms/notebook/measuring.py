"""evaluate: one metric over one run or many, by names, paths or objects; what came of it as a table and as a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.driver import evaluate as evaluate_run
from impossible_lms.evaluation.metric import Metric, Request
from impossible_lms.evaluation.registry import get_metric
from impossible_lms.evaluation.seeds import over_seeds
from impossible_lms.models.published import PublishedRun, open_run
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress
from impossible_lms.report.figures import STYLE, architecture_order, positions_of
from impossible_lms.report.metric_figures import draw_curves, metric_picture, shown_of
from impossible_lms.report.paper import paper_figure
from impossible_lms.report.picture import draw_row
from impossible_lms.report.results import last_of
from impossible_lms.report.told import at_steps, axis_name
from impossible_lms.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AnyRun = Run | PublishedRun | str | Path


@dataclass(frozen=True, repr=False)
class Evaluations(Shown, Sequence[Evaluation]):
    """What a metric measured of several runs: a sequence of one Evaluation a run, and all of them together.

    Attributes:
        metric: which.
        evaluations: one a run, in the order that the runs were given in.
    """

    metric: Metric
    evaluations: tuple[Evaluation, ...]

    def __len__(self) -> int:
        return len(self.evaluations)

    def __getitem__(self, index: Any) -> Any:
        return self.evaluations[index]

    def __iter__(self) -> Iterator[Evaluation]:
        return iter(self.evaluations)

    @property
    def curve(self) -> pd.DataFrame:
        """One row a run and step (and group, of metrics that have some), as in `Evaluation.curve`."""
        return pd.concat([each.curve for each in self], ignore_index=True)

    @property
    def means(self) -> pd.DataFrame:
        """One row a language, architecture, test set and step: the means over seeds with their intervals."""
        return over_seeds(self.metric, [each.tables for each in self])

    def items(self) -> pd.DataFrame:
        """One row a run, checkpoint and item; the columns `language`, `architecture` and `seed` say of which run."""
        found = []
        for each in self:
            whose = {name: each.curve[name].iloc[0] for name in ("language", "architecture", "seed")}
            found.append(each.items().assign(**whose))
        return pd.concat(found, ignore_index=True)

    @property
    def skipped(self) -> dict[str, str]:
        """The checkpoints that could not be measured, and why."""
        return {f"{each.folder.parents[1]}, {name}": why for each in self for name, why in each.skipped.items()}

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw the means of the models over training, or at their one step, into one pair of axes, and return these.

        Args:
            axes: where to; new ones of pyplot, if None.

        Raises:
            UserError: what is drawn needs several panels (`figure` gives them), or none at all.
        """
        import matplotlib.pyplot as plt
        from matplotlib import rc_context

        table = self.means
        picture = metric_picture(self.metric, table)
        if not picture.rows:
            raise UserError(f"{self.metric.name}: nothing to be seen in a figure. {picture.text}")
        shown = shown_of(self.metric, table)
        are_curves = self.metric.figure == "curves" and shown["step"].nunique() > 1
        if not are_curves and len(picture.panels) > 1:
            raise UserError(
                f"{self.metric.name}: is drawn in {len(picture.panels)} panels. Call `figure()` for all of them, or "
                "`plot` what was measured of fewer models."
            )
        with rc_context(dict(STYLE)):
            if axes is None:
                size = (6.0, 3.8) if are_curves else (picture.panels[0].width, picture.panels[0].height)
                axes = plt.subplots(figsize=size, layout="constrained")[1]
            if are_curves:
                self._draw(shown, axes)
            else:
                draw_row(picture.panels, [axes], shares=False)
                axes.set_title(picture.panels[0].title)
            if axes.get_legend_handles_labels()[1]:
                axes.legend()
        return axes

    def _draw(self, table: pd.DataFrame, axes: "Axes") -> None:
        """The curves of all architectures, those after the first with hollow signs."""
        architectures = sorted(set(table["architecture"]), key=architecture_order)
        for place, architecture in enumerate(architectures):
            before = len(axes.lines)
            draw_curves(self.metric, table[table["architecture"] == architecture], None, axes)
            for line in axes.lines[before:] if len(architectures) > 1 else ():
                if not str(line.get_label()).startswith("_"):
                    line.set_label(f"{line.get_label()}, {positions_of(architecture)}")
                line.set_markerfacecolor("white" if place else line.get_color())
        axes.set(xlabel="training steps", ylabel=axis_name(self.metric))
        if self.metric.logarithmic:
            axes.set_yscale("log")

    def figure(self) -> "Figure":
        """All panels in one figure, as in reports: a column a family, a row an architecture."""
        import matplotlib.pyplot  # noqa: F401 - so that a notebook shows the figure

        picture = metric_picture(self.metric, self.means)
        if not picture.rows:
            raise UserError(f"{self.metric.name}: nothing to be seen in a figure. {picture.text}")
        return paper_figure(picture)

    def title(self) -> str:
        return self.metric.name

    def facts(self) -> dict[str, object]:
        found: dict[str, object] = {"unit": f"{self.metric.unit}, {self.metric.direction} is better"}
        for row in last_of(shown_of(self.metric, self.means)).to_dict("records"):
            on = "" if row["data"] == row["language"] else f" on {row['data']}"
            between = "" if pd.isna(row["low"]) else f" [{row['low']:.4g}, {row['high']:.4g}]"
            found[f"{row['language']}{on}, {row['architecture']}"] = (
                f"{row[self.metric.value]:.4g}{between}{at_steps([row['step']])}"
            )
        return found | ({"skipped": f"{len(self.skipped)} checkpoints"} if self.skipped else {})


def evaluate(
    metric: Metric | str,
    runs: AnyRun | Sequence[AnyRun],
    request: Request | None = None,
    *,
    output: str | Path | None = None,
    devices: Sequence[str] | None = None,
    progress: Progress | None = None,
    **asked: Any,
) -> Evaluations:
    """Measure the checkpoints of one run or several under a metric; tables go to `evaluation/<metric>` in each folder.

    >>> found = evaluate("perplexity", ["runs/no-reverse", "runs/partial-reverse"], sample=200)  # doctest: +SKIP

    What was measured before is read, checkpoint by checkpoint.

    Args:
        metric: a name, as `METRICS` has them, or a Metric.
        runs: what `train` returned, run folders, or published models: folder or id on the Hub.
        request: what is asked of the metric, where it is not in `asked`.
        output: the folder for the tables of published models, which have none of their own.
        devices: as in `evaluation.driver.evaluate`.
        progress: is told of every checkpoint.
        asked: fields of a Request: `sample`, `checkpoints` ("last", a step, several, or as Request has it), `data` (a
            dataset or its folder), `control` (a run or its folder), `seed`, `precision`, `corpus` ...

    Raises:
        UserError: no such metric, run or field; all else as one run's evaluation.
    """
    found = get_metric(metric) if isinstance(metric, str) else metric
    several = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else (runs,)
    if not several:
        raise UserError("evaluate: no run is given.")
    opened = [open_run(str(run), _home(output)) if isinstance(run, str | Path) else run for run in several]
    known = [field.name for field in fields(Request)]
    if unknown := [name for name in asked if name not in known]:
        raise UserError(f"evaluate: {unknown[0]}: no such option. There are {', '.join(known)}.")
    measured = []
    for run in opened:
        changes = {name: _as_asked(name, value, run) for name, value in asked.items()}
        measured.append(
            evaluate_run(found, run, replace(request or Request(), **changes), devices=devices, progress=progress)
        )
    return Evaluations(found, tuple(measured))


def _as_asked(name: str, value: Any, run: Run | PublishedRun) -> Any:
    """A value as a Request has it: folders of datasets and runs, checkpoints in words."""
    if isinstance(value, TokenDataset | Run):
        return value.folder
    if name in ("data", "control_data") and value is not None:
        return Path(value)
    if name != "checkpoints":
        return value
    if value == "last":
        return str(run.checkpoints()[-1].step)
    return ",".join(map(str, value)) if isinstance(value, list | tuple | range) else str(value)


def _home(output: str | Path | None) -> Path | None:
    return None if output is None else Path(output)
