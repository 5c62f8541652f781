"""Figures in the paper's layout, from tidy tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.files import written_beside
from impossible_lms.languages import get_language
from impossible_lms.languages.language import OWN, Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def perplexity_figure(curves: Sequence[pd.DataFrame]) -> "Figure":
    """Perplexity over training steps, one line a curve (tables of `evaluate_perplexity`), on a logarithmic scale.

    Colours are the paper's; dash and sign tell the languages apart without colour.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for curve in sorted(curves, key=lambda table: -table["perplexity"].iloc[-1]):  # the legend in the lines' order
        language, style = curve["language"].iloc[0], style_of(curve["language"].iloc[0])
        seed = curve["seed"].iloc[0]
        label = f"{language}-{curve['architecture'].iloc[0]}" + ("" if pd.isna(seed) else f", seed {seed}")
        axes.plot(
            curve["step"],
            curve["perplexity"],
            label=label,
            color=style.colour,
            linestyle=style.dash,
            marker=style.sign,
            markersize=4,
            markevery=max(1, len(curve) // 15),
        )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(ScalarFormatter() if _spans_little(curves) else NullFormatter())
    axes.set_xlabel("training steps")
    axes.set_ylabel("perplexity (geometric mean over sentences)")
    axes.set_title("Perplexity on held-out sentences")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def style_of(language: str) -> Style:
    """How a language is drawn: all that are not part of this package alike, for their code may not be here."""
    try:
        return get_language(language).style
    except UserError:
        return OWN


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure in the format of the path's ending (png, pdf, svg)."""
    with written_beside(path) as part:
        figure.savefig(part, format=path.suffix.removeprefix("."), dpi=150)
    return path


def _spans_little(curves: Sequence[pd.DataFrame]) -> bool:
    """Whether the values span less than a decade, where the major ticks of a logarithmic scale are too few."""
    low = min(curve["perplexity"].min() for curve in curves)
    high = max(curve["perplexity"].max() for curve in curves)
    return bool(high / low < 30)
