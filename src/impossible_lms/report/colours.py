"""Colours on a page: how far apart two are, to the colour-blind too, and each with contrast on its paper."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

DARK = "#16181d"  # the page's background in the dark
LIGHT = "#ffffff"
CONTRAST = {DARK: 4.0, LIGHT: 3.0}  # of a line with its background, at least (WCAG 2 asks for 3)
# Linear RGB to the cones of Oklab, and these to its lightness and opponent colours (Ottosson 2020).
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OPPONENT = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
# Linear RGB as it looks to those without the cones for green (Machado, Oliveira & Fernandes 2009, severity 1).
_DEUTERANOPE = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def distance(one: str, other: str) -> float:
    """How far apart two colours (#rrggbb) are in Oklab, to all or to those without green cones: the smaller."""
    return min(
        float(np.linalg.norm(_oklab(_linear(one) @ eyes.T) - _oklab(_linear(other) @ eyes.T)))
        for eyes in (np.eye(3), _DEUTERANOPE)
    )


def farthest(candidates: Iterable[str], used: Iterable[str]) -> str:
    """Of the candidates the one that is farthest from the nearest colour in use; the first where several are."""
    there = list(used)
    return max(candidates, key=lambda colour: min((distance(colour, other) for other in there), default=0.0))


def on_paper(colour: str, paper: str) -> str:
    """A colour (#rrggbb) on light or dark paper: itself, or with as much black or white as gives it contrast."""
    mixed = _of(colour)
    for part in range(0, 101, 4):
        mixed = _of(colour) + (float(paper == DARK) - _of(colour)) * part / 100
        lights = sorted((luminance(_hex(mixed)), luminance(paper)))
        if (lights[1] + 0.05) / (lights[0] + 0.05) >= CONTRAST[paper]:
            break
    return _hex(mixed)


def mixed(colour: str, other: str, part: float) -> str:
    """A colour (#rrggbb) with a part of another in it, 0 to 1."""
    return _hex(_of(colour) + (_of(other) - _of(colour)) * part)


def luminance(colour: str) -> float:
    """The relative luminance of a colour (#rrggbb), as WCAG defines it."""
    return float(_linear(colour) @ (0.2126, 0.7152, 0.0722))


def _of(colour: str) -> NDArray[np.float64]:
    """(3,) float64, red, green and blue in 0 to 1."""
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def _hex(colour: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(float(channel) * 255):02x}" for channel in colour)


def _linear(colour: str) -> NDArray[np.float64]:
    """(3,) float64 without the gamma of sRGB."""
    channels = _of(colour)
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _oklab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(_OPPONENT @ np.cbrt(_CONES @ linear))
