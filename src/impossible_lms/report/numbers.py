"""Numbers as they are read: four digits or so, and ratios in words."""

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


def ratio_told(ratio: float, low: float | None = None, high: float | None = None) -> tuple[str, str]:
    """A ratio in words, and its interval likewise.

    `1.31 times as high` and `1.24 to 1.38`; below one `20 % lower` and `12 to 25 % lower`; where the interval has ends
    on both sides of one, `1 % higher` and `3 % lower to 5 % higher`; `the same` for one itself. The second is empty
    without an interval.
    """
    ends = () if low is None or high is None else (low, high)
    if ratio == 1:
        return "the same", " to ".join(map(number if set(ends) == {1} else _apart, ends))
    if min(ratio, *ends, ratio) >= 1:
        return f"{number(ratio)} times as high", " to ".join(map(number, ends))
    if max(ratio, *ends, ratio) < 1:
        between = " to ".join(_percent(end) for end in reversed(ends))
        return f"{_percent(ratio)} % lower", f"{between} % lower" if ends else ""
    return _apart(ratio), " to ".join(map(_apart, ends))


def _apart(ratio: float) -> str:
    """One ratio by itself, in per cent where that reads well."""
    if ratio == 1:
        return "the same"
    if ratio >= 2:
        return f"{number(ratio)} times as high"
    return f"{_percent(ratio)} % {'lower' if ratio < 1 else 'higher'}"


def _percent(ratio: float) -> str:
    """By how many per cent a ratio differs from one, with as many digits as tell it from all."""
    percent = abs(ratio - 1) * 100
    if percent < 10:
        return f"{percent:.2g}"
    return f"{percent:.{max(0, -math.floor(math.log10(ratio)) - 2) if ratio > 0 else 0}f}"
