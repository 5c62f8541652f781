"""Numbers as they are read: four digits or so."""

import math


def number(value: float) -> str:
    """A number in four digits or so."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        return f"{int(value):,}"
    size = abs(value)
    if size < 0.001:
        return f"{value:.2g}"
    return f"{value:,.{0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3}f}"
