"""Read: sentences sampled from a model."""

from functools import lru_cache
from typing import Any

import gradio as gr

from impossible_lms.explorer import tables_html
from impossible_lms.explorer.address import ALL, ILL, NEXT, WELL, Chosen
from impossible_lms.explorer.given import Given
from impossible_lms.explorer.listen_view import checkpoint_slider, range_of, slider_of, step_at
from impossible_lms.explorer.reading import read
from impossible_lms.explorer.view import View


class ReadView(View):
    """The tab on which sampled sentences are read."""

    name, title = "read", "Read"
    names = ("reader", "reader_step", "form")

    def __init__(self, given: Given) -> None:
        self._models, labels = given.models, given.models.labels
        self._shown = lru_cache(64)(lambda chosen: tables_html.sentences(read(given.models, given.findings, chosen)))
        with gr.Row(visible=bool(labels)):
            reader = gr.Dropdown(labels, value=labels[0] if labels else None, label="Model", min_width=240)
            step = checkpoint_slider(given.models)
        with gr.Row(equal_height=True, visible=bool(labels)):
            form = gr.Radio([ALL, WELL, ILL], value=ALL, label="Sentences", min_width=300, scale=2)
            again = gr.Button("Another sample", size="md", min_width=160, scale=0, elem_classes="again")
        self.inputs, self.adjusted = (reader, step, form), (step,)
        self.buttons = ((again, f"{NEXT}=sample"),)

    def read(self, *values: Any) -> dict[str, object]:
        """What the inputs hold; the slider counts checkpoints."""
        reader, place, form = values
        label = "" if reader in self._models.labels[:1] else reader  # the first is there without being asked for
        return {"reader": label, "reader_step": step_at(self._models, reader, place), "form": form}

    def write(self, chosen: Chosen) -> list[Any]:
        """What the inputs are to hold."""
        if not len(self._models):
            return [gr.skip()] * 3
        known = chosen.reader if chosen.reader in self._models.named else self._models.labels[0]
        return [known, slider_of(self._models, known, chosen.reader_step), chosen.form]

    def adjust(self, chosen: Chosen) -> list[Any]:
        """As many places as there are checkpoints."""
        return [range_of(self._models, chosen.reader, chosen.reader_step) if len(self._models) else gr.skip()]

    def missing(self, chosen: Chosen) -> list[str]:
        """A model that was not given."""
        return [] if chosen.reader in ("", *self._models.labels) else [chosen.reader]

    def shown(self, chosen: Chosen) -> str:
        """The sentences."""
        return str(self._shown(chosen))
