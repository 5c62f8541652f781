"""Tables: whole, a line a row, where there is no terminal; as wide as a terminal is, nothing cut or lost."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
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
    from rich.padding import Padding

    console = console or stdout()
    for column in table.columns:
        column.overflow = "fold"
    if console.width >= UNBOUNDED:
        with console.capture() as captured:
            console.print(table)
        sys.stdout.write("".join(f"{line.rstrip(' ')}\n" for line in captured.get().splitlines()))
    elif fits(table, console):
        console.print(table)
    else:
        for line in below(table):
            console.print(line, soft_wrap=not isinstance(line, Padding), overflow="fold")


def fits(table: "Table", console: "Console", least: int = LEAST) -> bool:
    """Whether every column that is not to be folded has its width, and every other one `least`, or all it asks for."""
    from rich.measure import Measurement

    needed = 0
    for column in table.columns:
        cells = [Measurement.get(console, console.options, cell).maximum for cell in (column.header, *column.cells)]
        natural = max(cells)
        needed += (natural if column.no_wrap else min(natural, least)) + table.padding[1] + table.padding[3]
    return needed - table.padding[1] <= console.width


def below(table: "Table") -> "list[RenderableType]":
    """Each row as its name, and below it a line for each of the other columns that says something in this row."""
    from rich.padding import Padding
    from rich.text import Text

    first, *others = ([*column.cells] for column in table.columns)
    headings = [str(column.header) for column in table.columns[1:]]
    lines: list[RenderableType] = []
    for row, name in enumerate(first):
        lines.append(name)
        for heading, cells in zip(headings, others, strict=True):
            cell = cells[row]
            text = cell if isinstance(cell, Text) else Text(str(cell))
            if text.plain:
                said = Text(f"{heading}: ", style="dim") if heading else Text()
                lines.append(Padding(said + text, (0, 0, 0, 2)))
    return lines


def shortened(text: str, width: int) -> str:
    """A text of `width` signs at most: of a longer one the beginning and the end, which tell names apart best."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: max(width - 1 - end, 0)]}…{text[len(text) - end :]}"
