"""The page: a tab of choices for each view, made with Gradio, over what the view in front shows."""

from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from typing import Any

import gradio as gr

from impossible_lms.explorer import html
from impossible_lms.explorer.address import MOST_CHARACTERS, Chosen
from impossible_lms.explorer.answering import answer
from impossible_lms.explorer.given import Given
from impossible_lms.explorer.listen_view import ListenView
from impossible_lms.explorer.read_view import ReadView
from impossible_lms.explorer.results_view import ResultsView
from impossible_lms.explorer.speak_view import SpeakView
from impossible_lms.explorer.view import View

TITLE = "Impossible languages"
FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")
# What is shown is put here by the page's script, which asks the server for it past Gradio's events: these would take
# longer to tell each component of an answer than the answer takes.
SHOWN = (
    '<div class="answer" role="region" aria-label="What is shown"></div>'
    '<p class="status"></p><p class="unseen" role="status"></p>'
)
SCRIPTS = ("page.js", "reach.js")
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
                    views.append(kind(given))
                    shown.append(tab)

        def asked(question: Any) -> dict[str, Any]:
            return answer(views, question)

        here = files("impossible_lms.explorer")
        script = "".join((here / name).read_text(encoding="utf-8") for name in SCRIPTS)
        gr.HTML(SHOWN, js_on_load=script, server_functions=[asked], apply_default_css=False)
        _wire(page, views, shown, tabs, sentence)
    return page


def _wire(page: gr.Blocks, views: Sequence[View], shown: Sequence[Any], tabs: Any, sentence: Any) -> None:
    """Let the page's script know of everything that is chosen, and sliders have as many places as there are."""
    inputs = [sentence, *(each for view in views for each in view.inputs)]

    def first(request: gr.Request) -> list[Any]:
        chosen = Chosen.read(dict(request.query_params))
        return [gr.Tabs(selected=chosen.view), chosen.s, *(each for view in views for each in view.write(chosen))]

    def adjusted(view: View, *values: Any) -> Any:
        found = view.adjust(Chosen.taken(view.read(*values)))
        return found if len(found) > 1 else found[0]

    def tells(ask: str = "") -> dict[str, Any]:
        return {"fn": None, "inputs": inputs, "js": f"(...values) => window.explorer?.tell(values, {ask!r})", **QUIET}

    gr.on([each.change for each in inputs], **tells())
    for view, tab in zip(views, shown, strict=True):
        tab.select(**tells(f"view={view.name}"))
        for button, ask in view.buttons:
            button.click(**tells(ask))
        if view.adjusted:
            changes = [each.change for each in view.inputs]
            adjust = partial(adjusted, view)
            gr.on(changes, adjust, view.inputs, view.adjusted, trigger_mode="always_last", **QUIET)
    begin = "(...values) => { window.explorer ? window.explorer.begin(values) : (window.begins = values); }"
    page.load(first, None, [tabs, *inputs], **QUIET).then(None, inputs, js=begin, **QUIET)


def looks() -> dict[str, Any]:
    """What `Blocks.launch` is given beside the page: fonts of the machine and our style."""
    theme = gr.themes.Base(
        spacing_size=gr.themes.sizes.spacing_sm,
        text_size=gr.themes.sizes.text_md,
        font=[gr.themes.Font(name) for name in FONTS],
        font_mono=[gr.themes.Font(each) for each in MONO],
    )
    css = (files("impossible_lms.explorer") / "page.css").read_text(encoding="utf-8")
    return {
        "theme": theme,
        "css": css + html.shades(),
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "max_file_size": 1,
    }
