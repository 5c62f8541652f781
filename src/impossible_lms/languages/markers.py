"""Markers counted: in how many sentences each stands, and the warning where one is rare or absent."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from impossible_lms.languages.hop import marks_words
from impossible_lms.languages.language import Language
from impossible_lms.languages.marks import offer
from impossible_lms.ragged import Ragged

RARE = 0.05  # of the sentences; a marker in fewer is spoken of


def sentences_with(tokens: Ragged, markers: Mapping[str, int]) -> dict[str, int]:
    """In how many of k sentences each of the `markers`, given with its id, stands."""
    return {marker: _sentences_with(tokens, number) for marker, number in markers.items()}


def _sentences_with(tokens: Ragged, number: int) -> int:
    places = np.flatnonzero(tokens.values == number)
    return len(np.unique(np.searchsorted(tokens.offsets, places, side="right")))


def shares(counts: Mapping[str, int], sentences: int) -> dict[str, float]:
    """The share of so many `sentences` in which each marker stands."""
    return {marker: count / max(sentences, 1) for marker, count in counts.items()}


def shares_said(found: Mapping[str, float]) -> str:
    """The shares in a few words; empty where there are no markers."""
    return ", ".join(f"{marker} in {_percent(share)}" for marker, share in found.items())


def marker_fault(
    language: Language, where: str, found: Mapping[str, float], blocks: Sequence[pa.RecordBatch] = ()
) -> str | None:
    """One line about the markers that no sentence `where` has, or few; None where all are there as they should be.

    Of a language whose mark can be chosen, with what there is to mark in `blocks` of its sentences.
    """
    never = [marker for marker, share in found.items() if not share]
    rare = {marker: share for marker, share in found.items() if 0 < share < RARE}
    said = [f"no sentence has {' or '.join(never)}"] if never else []
    said += [f"{shares_said(rare)} of the sentences"] if rare else []
    if not said:
        return None
    marks = (
        f" Markers stand for {language.family.marks}; where there should be some, annotate it otherwise."
        if language.family.marks
        else ""
    )
    other = f" {offer(blocks)}" if marks_words(language) and any("upos" in each.schema.names for each in blocks) else ""
    return f"{where} in {language.name}: {'; '.join(said)}.{marks}{other}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 or not share else "under 0.1%"
