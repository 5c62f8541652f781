"""The page: a tab for each view, made with Gradio; what a view shows is in the modules beside this one."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from impossible_lms.errors import UserError
from impossible_lms.explorer import html
from impossible_lms.explorer.address import MOST_CHARACTERS, Chosen
from impossible_lms.explorer.given import Given
from impossible_lms.explorer.listen_view import ListenView
from impossible_lms.explorer.read_view import ReadView
from impossible_lms.explorer.results_view import ResultsView
from impossible_lms.explorer.speak_view import SpeakView
from impossible_lms.explorer.view import View

TITLE = "Impossible languages"
FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")
STATUS = '<p class="status" role="status" aria-live="polite"></p>'
# Clicks on what is made as HTML: the element says in `data-ask` what is chosen by it, as an address would.
ASKS = """element.addEventListener('click', (event) => {
  const asked = event.target.closest('[data-ask]');
  if (asked) trigger('ask', {ask: asked.dataset.ask});
});"""
VIEWS: tuple[type[View], ...] = (SpeakView, ListenView, ReadView, ResultsView)
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def blocks(given: Given) -> gr.Blocks:
    """The whole page, of what was given at the start."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.HTML(
            f'<header class="masthead"><h1>{TITLE}</h1>'
            "<p>A sentence in languages that no people speaks, and what models learn of them.</p></header>"
        )
        sentence = gr.Textbox(
            label=f"A sentence of English, at most {MOST_CHARACTERS} characters",
            max_length=MOST_CHARACTERS,
            lines=1,
            max_lines=3,
            elem_id="sentence",
            value=Chosen.s,
        )
        views: list[View] = []
        shown: list[Any] = []
        with gr.Tabs() as tabs:
            for kind in VIEWS:
                with gr.Tab(kind.title, id=kind.name) as tab:
                    views.append(kind(given, partial(gr.HTML, js_on_load=ASKS)))
                    shown.append(tab)
        address, kept = gr.HTML(elem_classes="hidden"), gr.State(None)
        gr.HTML(STATUS)
        _wire(page, views, shown, tabs, sentence, address, kept)
    return page


def _wire(
    page: gr.Blocks, views: Sequence[View], shown: Sequence[Any], tabs: Any, sentence: Any, address: Any, kept: Any
) -> None:
    """Let everything that is chosen be answered by what the view in front shows, and by the address."""
    inputs = [kept, sentence, *(each for view in views for each in view.inputs)]
    outputs = [
        *(kept, address),
        *(view.output for view in views),
        *(each for view in views for each in view.adjusted),
    ]

    nothing = [gr.skip()] * len(outputs)

    def chosen_of(said: Mapping[str, str], text: str, values: Sequence[Any]) -> Chosen:
        raw: dict[str, object] = {**said, "s": text}
        rest = list(values)
        for view in views:
            mine, rest = rest[: len(view.inputs)], rest[len(view.inputs) :]
            raw |= view.read(*mine)
        return Chosen.taken(raw)

    def answers(chosen: Chosen) -> list[Any]:
        adjusted = [each for view in views for each in view.adjust(chosen)]
        seen = [guarded(view.shown, chosen) if view.name == chosen.view else gr.skip() for view in views]
        return [chosen.values(), html.addressed(chosen), *seen, *adjusted]

    def answer(change: Callable[[Chosen], Mapping[str, object]], said: Any, text: Any, *values: Any) -> list[Any]:
        if said is None:  # components speak up while they are made, before the address is read
            return nothing
        chosen = chosen_of(said, text, values)
        return answers(Chosen.taken({**chosen.values(), **change(chosen)}))

    def asked(event: gr.EventData, said: Any, text: Any, *values: Any) -> list[Any]:
        if said is None:
            return nothing
        chosen = chosen_of(said, text, values)
        return answers(Chosen.read({**chosen.values(), **_pairs(event)}))

    def first(request: gr.Request) -> list[Any]:
        chosen = Chosen.read(dict(request.query_params))
        written = [each for view in views for each in view.write(chosen)]
        return [gr.Tabs(selected=chosen.view), chosen.s, *written, *answers(chosen)]

    unchanged = partial(answer, lambda chosen: {})
    gr.on([each.change for each in inputs[1:]], unchanged, inputs, outputs, trigger_mode="always_last", **QUIET)
    for view, tab in zip(views, shown, strict=True):
        tab.select(partial(answer, lambda chosen, name=view.name: {"view": name}), inputs, outputs, **QUIET)  # type: ignore[misc]
        view.output.ask(asked, inputs, outputs, **QUIET)
        for button, change in view.buttons:
            button.click(partial(answer, change), inputs, outputs, **QUIET)
    page.load(first, None, [tabs, *inputs[1:], *outputs], **QUIET)


def guarded(show: Callable[[Chosen], str], chosen: Chosen) -> str:
    """What a view shows, or one line that says why it does not."""
    try:
        return show(chosen)
    except UserError as error:
        return html.fault(str(error))
    except Exception as error:  # a page must not end with a traceback, nor in silence
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(f"explorer: {chosen.query()}: {said}", file=sys.stderr)
        return html.fault(f"This cannot be shown ({said}).")


def _pairs(event: gr.EventData) -> dict[str, str]:
    """What a click asks for, as an address would."""
    asked = event._data.get("ask") if isinstance(event._data, dict) else None
    return dict(parse_qsl(asked, keep_blank_values=True)) if isinstance(asked, str) else {}


def looks() -> dict[str, Any]:
    """What `Blocks.launch` is given beside the page: fonts of the machine, our style and script."""
    here = files("impossible_lms.explorer")
    theme = gr.themes.Base(
        spacing_size=gr.themes.sizes.spacing_sm,
        text_size=gr.themes.sizes.text_md,
        font=[gr.themes.Font(name) for name in FONTS],
        font_mono=[gr.themes.Font(each) for each in MONO],
    )
    return {
        "theme": theme,
        "css": (here / "page.css").read_text(encoding="utf-8") + html.shades(),
        "js": (here / "page.js").read_text(encoding="utf-8"),
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "max_file_size": 1,
    }
