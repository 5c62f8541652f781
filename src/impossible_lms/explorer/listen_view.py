"""Listen: what a sentence costs models, token by token, over training, and what they expect next."""

from functools import lru_cache
from typing import Any

import gradio as gr

from impossible_lms.explorer import listen_html
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.given import Given
from impossible_lms.explorer.listening import compare
from impossible_lms.explorer.models import NO_OTHER, Model, Models
from impossible_lms.explorer.view import View

SLIDER, OTHER = "Checkpoint", "Checkpoint of the other"  # how labels of sliders begin


class ListenView(View):
    """The tab on which a sentence is measured by models."""

    name, title = "listen", "Listen"
    names = ("model", "step", "other", "other_step")

    def __init__(self, given: Given) -> None:
        self._given, labels = given, given.models.labels
        self._shown = lru_cache(128)(lambda chosen: listen_html.compared(compare(given.models, given.speaker, chosen)))
        with gr.Row(visible=bool(labels)):
            model = gr.Dropdown(labels, value=labels[0] if labels else None, label="Model", min_width=240)
            step = checkpoint_slider(given.models)
        with gr.Row(visible=bool(labels)):
            choices = [
                ("its control, where there is one", ""),
                ("no other model", NO_OTHER),
                *((each, each) for each in labels),
            ]
            other = gr.Dropdown(choices, value="", label="Compared with", min_width=240)
            other_step = checkpoint_slider(given.models, OTHER)
        self.inputs = (model, step, other, other_step)
        self.adjusted = (step, other_step)

    def read(self, *values: Any) -> dict[str, object]:
        """What the inputs hold; a slider counts checkpoints."""
        model, place, other, other_place = values
        models = self._given.models
        other = other if other in (NO_OTHER, *models.labels) else ""
        beside = models.beside(str(model or ""), other)
        return {
            "model": "" if model in models.labels[:1] else model,
            "step": step_at(models, model, place),
            "other": other,
            "other_step": step_at(models, beside.label, other_place) if beside else 0,
        }

    def write(self, chosen: Chosen) -> list[Any]:
        """What the inputs are to hold."""
        models = self._given.models
        if not len(models):
            return [gr.skip()] * 4
        known = chosen.model if chosen.model in models.named else models.labels[0]
        other = chosen.other if chosen.other in ("", NO_OTHER, *models.labels) else ""
        beside = models.beside(known, other)
        sliders = [slider_of(models, known, chosen.step)]
        sliders.append(slider_of(models, beside.label, chosen.other_step, OTHER) if beside else gr.skip())
        return [known, sliders[0], other, sliders[1]]

    def adjust(self, chosen: Chosen) -> list[Any]:
        """As many places as there are checkpoints, and at which step each slider is."""
        models = self._given.models
        if not len(models):
            return [gr.skip(), gr.skip()]
        beside = models.beside(chosen.model, chosen.other)
        return [
            range_of(models, chosen.model, chosen.step),
            range_of(models, beside.label, chosen.other_step, OTHER) if beside else gr.skip(),
        ]

    def missing(self, chosen: Chosen) -> list[str]:
        """Models that were not given."""
        there = ("", NO_OTHER, *self._given.models.labels)
        return [each for each in (chosen.model, chosen.other) if each not in there]

    def shown(self, chosen: Chosen) -> str:
        """The sentence with its bits."""
        return str(self._shown(chosen))


def checkpoint_slider(models: Models, label: str = SLIDER) -> gr.Slider:
    """A slider over the checkpoints of the first model; it stands at the last."""
    count = len(models.get("").steps) if len(models) else 1
    return gr.Slider(1, max(count, 2), value=count, step=1, label=label, min_width=240, buttons=[])


def step_at(models: Models, label: Any, place: Any) -> int:
    """The step of the checkpoint at a place of the slider; 0, the last one, for none and for the last."""
    if label not in models.named or not isinstance(place, int | float):
        return 0
    steps = models.get(label).steps
    return 0 if place >= len(steps) else steps[max(int(place), 1) - 1]


def slider_of(models: Models, label: str, step: int, begins: str = SLIDER) -> Any:
    """A slider at the checkpoint of a step."""
    model = models.get(label)
    place = model.steps.index(model.step(step)) + 1
    return gr.Slider(maximum=max(len(model.steps), 2), value=place, label=_title(model, step, begins))


def range_of(models: Models, label: str, step: int, begins: str = SLIDER) -> Any:
    """A slider with as many places as a model has checkpoints; where it stands is not touched, for it may be moving."""
    if label and label not in models.named:
        return gr.skip()
    model = models.get(label)
    count = len(model.steps)
    return gr.Slider(maximum=max(count, 2), interactive=count > 1, label=_title(model, step, begins))


def _title(model: Model, step: int, begins: str) -> str:
    found = model.step(step)
    if model.steps == [0]:  # a model that stands alone
        return f"{begins}: its one revision"
    return f"{begins}: step {found:,} ({model.steps.index(found) + 1} of {len(model.steps)})"
