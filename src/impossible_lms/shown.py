"""How things show themselves: in a line where they are printed, as a small table in a notebook."""

import sys
from collections.abc import Iterable, Mapping
from html import escape

from impossible_lms.errors import UserError

LONGEST = 300  # signs of a value in a table
# Of a table in a notebook, whose own style sheet may be dark or light.
CELL = "text-align:left;vertical-align:top;padding:0 1em 0.2em 0"


class Shown:
    """What tells its facts: `title` names it, and `facts` are a few words each, by what they are of.

    A fact that cannot be had (a file is damaged or gone) is replaced by the reason: printing something never fails.
    """

    def title(self) -> str:
        """Which one it is."""
        raise NotImplementedError

    def facts(self) -> Mapping[str, object]:
        """What is known of it without long work."""
        raise NotImplementedError

    def examples(self) -> Iterable[str]:
        """A few lines of its content, for a notebook."""
        return ()

    def __repr__(self) -> str:
        title, facts = self._told()
        return f"<{type(self).__name__} {title}: {', '.join(f'{name} {value}' for name, value in facts.items())}>"

    def _repr_html_(self) -> str:
        title, facts = self._told()
        rows = [(name, escape(_short(str(value)))) for name, value in facts.items()]
        try:
            rows += [("", f"<i>{escape(_short(line))}</i>") for line in self.examples()]
        except (UserError, OSError) as error:
            rows.append(("", escape(_short(str(error)))))
        head = f"{escape(type(self).__name__)} <b>{escape(title)}</b>"
        return f"<div>{head}{table_html(rows)}</div>"

    def _told(self) -> tuple[str, Mapping[str, object]]:
        try:
            return self.title(), self.facts()
        except (UserError, OSError) as error:
            return "", {"cannot be read:": str(error)}


def table_html(rows: Iterable[tuple[str, str]]) -> str:
    """A table of two columns in HTML; the names are escaped here, the cells are HTML already."""
    lines = (
        f'<tr><th scope="row" style="{CELL}">{escape(name)}</th><td style="{CELL}" dir="auto">{cell}</td></tr>'
        for name, cell in rows
    )
    return f'<table style="border-collapse:collapse">{"".join(lines)}</table>'


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
