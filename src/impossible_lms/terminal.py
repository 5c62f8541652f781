"""Tables on stdout: whole, a line a row, where it is no terminal; as wide as a terminal is, nothing cut or lost."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

UNBOUNDED = 1_000_000  # columns of what is no terminal
LEAST = 24  # columns in which folded text can still be read


def stdout() -> "Console":
    """Where tables and coloured text go: as wide as the terminal, and of any width where there is none."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=UNBOUNDED)


def show(table: "Table", console: "Console | None" = None) -> None:
    """Print a table whose columns are folded if need be, or its rows one below the other where that is too narrow.

    The first column is the name of a row. In a pipe or a file every row is one line, with no blanks at its end.
    """
    console = console or stdout()
    for column in table.columns:
        column.overflow = "fold"
    if console.width >= UNBOUNDED:
        with console.capture() as captured:
            console.print(table)
        sys.stdout.write("".join(f"{line.rstrip(' ')}\n" for line in captured.get().splitlines()))
    elif _fits(table, console):
        console.print(table)
    else:
        _show_rows(table, console)


def _fits(table: "Table", console: "Console") -> bool:
    """Whether every column that is not to be folded has its width, and every other one LEAST, or all it asks for."""
    from rich.measure import Measurement

    needed = 0
    for column in table.columns:
        cells = [Measurement.get(console, console.options, cell).maximum for cell in (column.header, *column.cells)]
        natural = max(cells)
        needed += (natural if column.no_wrap else min(natural, LEAST)) + table.padding[1] + table.padding[3]
    return needed - table.padding[1] <= console.width


def _show_rows(table: "Table", console: "Console") -> None:
    """Each row as its name, and below it a line for each of the other columns."""
    from rich.padding import Padding
    from rich.text import Text

    first, *others = ([*column.cells] for column in table.columns)
    headings = [str(column.header) for column in table.columns[1:]]
    for row, name in enumerate(first):
        console.print(name, soft_wrap=True)
        for heading, cells in zip(headings, others, strict=True):
            cell = cells[row]
            text = cell if isinstance(cell, Text) else Text(str(cell))
            if text.plain:
                said = Text(f"{heading}: ", style="dim") if heading else Text()
                console.print(Padding(said + text, (0, 0, 0, 2)), overflow="fold")
