"""Speak: a sentence in every language."""

from functools import lru_cache
from typing import Any

import gradio as gr

from impossible_lms.explorer import html
from impossible_lms.explorer.address import IDS, NEXT, TOKENS, WHOLES, WORDS, Chosen
from impossible_lms.explorer.given import Given
from impossible_lms.explorer.view import View

SLIDERS = {
    "window": "Window of local shuffles",
    "seed": "Seed of orders and of places of markers",
    "hops": "Distance that markers hop",
}


class SpeakView(View):
    """The tab on which a sentence stands in every language."""

    name, title = "speak", "Speak"
    names = ("languages", "by", "window", "seed", "hops")

    def __init__(self, given: Given) -> None:
        self._names = given.speaker.names
        self._shown = lru_cache(128)(lambda chosen: html.spoken(given.speaker.page(chosen), chosen))
        with gr.Row(equal_height=True):
            languages = gr.Dropdown(given.speaker.names, value=Chosen.languages, label="Languages", min_width=150)
            by = gr.Radio(
                [TOKENS, ("tokens and ids", IDS), WORDS], value=Chosen.by, label="Units", min_width=300, scale=2
            )
            again = gr.Button("Another draw", size="md", min_width=130, scale=0, elem_classes="again")
        with gr.Accordion("Window, seed and distance of the languages that have one", open=False), gr.Row():
            window, seed, hops = (
                gr.Slider(*WHOLES[name], value=getattr(Chosen, name), step=1, label=label, buttons=[])
                for name, label in SLIDERS.items()
            )
        self.inputs = (languages, by, window, seed, hops)
        self.buttons = ((again, f"{NEXT}=draw"),)

    def write(self, chosen: Chosen) -> list[Any]:
        """What the inputs are to hold; languages that are none are all."""
        languages, *rest = super().write(chosen)
        return [languages if languages in self._names else Chosen.languages, *rest]

    def missing(self, chosen: Chosen) -> list[str]:
        """Languages that are none."""
        return [] if chosen.languages in self._names else [chosen.languages]

    def shown(self, chosen: Chosen) -> str:
        """The rows."""
        return str(self._shown(chosen))
