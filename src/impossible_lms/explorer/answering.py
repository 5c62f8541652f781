"""What the page's script asks and is answered: what is chosen, as an address has it, and HTML that shows it."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.explorer import html
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.view import View

LONGEST = 80  # characters of a name from an address that are repeated on the page


def answer(views: Sequence[View], asked: object) -> dict[str, Any]:
    """What is shown for what is asked.

    Args:
        views: all of them, in the order of the page.
        asked: by the browser, which may send anything: `kept`, what was chosen before; `values`, what the sentence's
            box and the views' inputs hold; `asks`, what clicks since have asked for; `begins`, whether `kept` is from
            the address of a page that was just opened.

    Returns:
        dict[str, Any]: `kept`, what is chosen now; `query`, the address of that; `html`, what the view in front shows;
        `missing`, HTML that names what of an address is not there.
    """
    question = asked if isinstance(asked, Mapping) else {}
    missing: list[str] = []
    try:
        if question.get("begins"):
            missing = _missing(views, Chosen.taken(question["kept"]))
        chosen = _chosen(views, question)
    except Exception as error:  # not of the page's script: nothing of it can be shown
        print(f"explorer: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        chosen = Chosen()
    view = next(each for each in views if each.name == chosen.view)
    shown = guarded(view, chosen)
    return {"kept": chosen.values(), "query": chosen.query(), "html": shown, "missing": _without(missing)}


def _missing(views: Sequence[View], chosen: Chosen) -> list[str]:
    """What an address asks the view in front for that is not there."""
    return next(each for each in views if each.name == chosen.view).missing(chosen)


def _without(missing: Sequence[str]) -> str:
    """A line that names what of an address was left out, if anything was."""
    names = ", ".join(each if len(each) <= LONGEST else f"{each[:LONGEST]}…" for each in missing)
    return html.fault(f"Not here, and left out: {names}.") if missing else ""


def _chosen(views: Sequence[View], question: Mapping[str, Any]) -> Chosen:
    kept, values, asks = (question.get(name) for name in ("kept", "values", "asks"))
    raw: dict[str, object] = dict(kept) if isinstance(kept, Mapping) else {}
    text, *rest = values if isinstance(values, list) and values else [None]
    if isinstance(text, str):
        raw["s"] = text
    for view in views:
        mine, rest = rest[: len(view.inputs)], rest[len(view.inputs) :]
        raw |= view.read(*mine) if len(mine) == len(view.inputs) else {}
    chosen = Chosen.taken(raw)
    for each in asks if isinstance(asks, list) else []:
        chosen = chosen.after(each) if isinstance(each, str) else chosen
    return chosen


def guarded(view: View, chosen: Chosen) -> str:
    """What a view shows, or one line with the reason why it does not."""
    try:
        return view.shown(chosen)
    except UserError as error:
        return html.fault(str(error))
    except Exception as error:  # a page must not end with a traceback, nor in silence
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(f"explorer: {chosen.query()}: {reason}", file=sys.stderr)
        return html.fault(f"This cannot be shown ({reason}).")
