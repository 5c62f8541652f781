"""Results: what was measured, and the sentences that carry it."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from impossible_lms.explorer import tables_html
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.given import Given
from impossible_lms.explorer.results import Results
from impossible_lms.explorer.view import View


class ResultsView(View):
    """The tab of results."""

    name, title = "results", "Results"
    names = ("metric", "at_step", "among", "scales", "seeds")

    def __init__(self, given: Given) -> None:
        self._results = found = Results(given.findings, given.models)
        some = bool(found.metrics)
        steps = [("the last of each", 0), *((f"{step:,}", step) for step in found.steps if step)]
        with gr.Row(visible=some):
            metric = gr.Dropdown(found.metrics, value=found.metrics[0] if some else None, label="Metric", min_width=160)
            step = gr.Dropdown(steps, value=0, label="Checkpoint", min_width=160)
            scales = gr.Dropdown(found.kinds, value=[], multiselect=True, label="Models (all if none)")
            seeds = gr.Dropdown(found.there("seed"), value=[], multiselect=True, label="Seeds (all if none)")
        with gr.Row(visible=some):
            among = gr.Dropdown(found.there("language"), value=[], multiselect=True, label="Languages (all if none)")
        self.inputs = (metric, step, among, scales, seeds)

    def read(self, *values: Any) -> dict[str, object]:
        """What the inputs hold; the first metric is there without being asked for."""
        metric, *rest = values
        return super().read("" if metric in self._results.metrics[:1] else metric, *rest)

    def write(self, chosen: Chosen) -> list[Any]:
        """What the inputs are to hold; what was not measured is left out."""
        found = self._results
        if not found.metrics:
            return [gr.skip()] * 5
        lists = [[each for each in wanted if each in there] for wanted, there in self._lists(chosen)]
        metric = chosen.metric if chosen.metric in found.metrics else found.metrics[0]
        return [metric, chosen.at_step if chosen.at_step in found.steps else 0, *lists]

    def _lists(self, chosen: Chosen) -> Sequence[tuple[Sequence[str], Sequence[str]]]:
        """Of languages, kinds of models and seeds, those that are chosen and those that are there."""
        found = self._results
        return (
            (chosen.among, found.there("language")),
            (chosen.scales, found.kinds),
            (chosen.seeds, found.there("seed")),
        )

    def missing(self, chosen: Chosen) -> list[str]:
        """What was not measured."""
        found = self._results
        names = [each for wanted, there in self._lists(chosen) for each in wanted if each not in there]
        names += [chosen.metric] if chosen.metric not in ("", *found.metrics) else []
        return names + ([f"step {chosen.at_step:,}"] if chosen.at_step not in (0, *found.steps) else [])

    def shown(self, chosen: Chosen) -> str:
        """The tables, and the sentences of a contrast."""
        return tables_html.results(self._results.page(chosen))
