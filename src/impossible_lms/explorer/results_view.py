"""Results: what was measured, and the sentences that carry it."""

from typing import Any

import gradio as gr

from impossible_lms.explorer import tables_html
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.given import Given
from impossible_lms.explorer.results import Results
from impossible_lms.explorer.view import View


class ResultsView(View):
    """The tab on which results are turned."""

    name, title = "results", "Results"
    names = ("metric", "at_step", "among", "scales", "seeds")

    def __init__(self, given: Given) -> None:
        self._results = found = Results(given.findings, given.models)
        some = bool(found.metrics)
        steps = [("the last of each", 0), *((f"{step:,}", step) for step in found.steps)]
        with gr.Row(visible=some):
            metric = gr.Dropdown(found.metrics, value=found.metrics[0] if some else None, label="Metric", min_width=160)
            step = gr.Dropdown(steps, value=0, label="Checkpoint", min_width=160)
            scales = gr.Dropdown(found.there("architecture"), value=[], multiselect=True, label="Models (all if none)")
            seeds = gr.Dropdown(found.there("seed"), value=[], multiselect=True, label="Seeds (all if none)")
        with gr.Row(visible=some):
            among = gr.Dropdown(found.there("language"), value=[], multiselect=True, label="Languages (all if none)")
        self.inputs = (metric, step, among, scales, seeds)

    def read(self, *values: Any) -> dict[str, object]:
        """What the inputs say; the first metric is there without being asked for."""
        metric, *rest = values
        return super().read("" if metric in self._results.metrics[:1] else metric, *rest)

    def write(self, chosen: Chosen) -> list[Any]:
        """What the inputs are to say; what was not measured is left out."""
        found = self._results
        if not found.metrics:
            return [gr.skip()] * 5
        columns = (("language", chosen.among), ("architecture", chosen.scales), ("seed", chosen.seeds))
        lists = [[each for each in wanted if each in found.there(column)] for column, wanted in columns]
        metric = chosen.metric if chosen.metric in found.metrics else found.metrics[0]
        return [metric, chosen.at_step if chosen.at_step in found.steps else 0, *lists]

    def missing(self, chosen: Chosen) -> list[str]:
        """What was not measured."""
        found = self._results
        columns = (("language", chosen.among), ("architecture", chosen.scales), ("seed", chosen.seeds))
        names = [each for column, wanted in columns for each in wanted if each not in found.there(column)]
        names += [chosen.metric] if chosen.metric not in ("", *found.metrics) else []
        return names + ([f"step {chosen.at_step:,}"] if chosen.at_step not in (0, *found.steps) else [])

    def shown(self, chosen: Chosen) -> str:
        """The tables, and the sentences of a contrast."""
        return tables_html.results(self._results.page(chosen))
