"""Sentences sampled from a model, beside what they are in English and their bits a token under the control's model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from impossible_lms.evaluation.generation import GENERATION, MODEL, in_form_of
from impossible_lms.evaluation.sampling import LONGEST, is_well_formed, sampled, texts_behind
from impossible_lms.explorer.address import ALL, WELL, Chosen
from impossible_lms.explorer.models import Model, Models
from impossible_lms.explorer.speaking import TOKENIZING
from impossible_lms.languages.language import Language
from impossible_lms.ragged import Ragged
from impossible_lms.report.examples import Pieces, pieces_of
from impossible_lms.report.findings import Findings
from impossible_lms.tokenizer import Tokenizer

AT_ONCE = 20  # sentences of a sample


@dataclass(frozen=True)
class Sentence:
    """A sampled sentence.

    Attributes:
        pieces: its text, markers apart.
        undone: what it was made from, as far as that can be had back.
        bits_a_token: under the judge; None where there was none.
        well_formed: whether it is a sentence of the language.
    """

    pieces: Pieces
    undone: str
    bits_a_token: float | None
    well_formed: bool


@dataclass(frozen=True)
class Reading:
    """Sentences of a checkpoint: how many of them are well-formed, and in `note` the judge, or why there is none."""

    model: str
    step: int
    sentences: Sequence[Sentence]
    well_formed: int
    of: int
    note: str


def read(models: Models, findings: Findings, chosen: Chosen) -> Reading:
    """A sample of sentences, those of the form that is asked for; UserError where the model cannot be had.

    Sentences that were sampled when generation was evaluated come first, and then others, drawn now.
    """
    model = models.get(chosen.reader)
    step = model.step(chosen.reader_step)
    table = _recorded(findings, model, step)
    start = chosen.sample * AT_ONCE
    if table is not None and start < len(table):
        rows, note = table.iloc[start : start + AT_ONCE], "Sampled and judged when generation was evaluated."
    else:
        drawn = chosen.sample - (0 if table is None else -(-len(table) // AT_ONCE))
        rows, note = _drawn(models, model, step, drawn)
    markers = model.language.family.markers
    sentences = [_sentence(row, markers) for row in rows.to_dict("records")]
    shown = [each for each in sentences if chosen.form == ALL or each.well_formed == (chosen.form == WELL)]
    return Reading(model.label, step, shown, sum(each.well_formed for each in sentences), len(sentences), note)


def _sentence(row: dict[str, object], markers: Sequence[str]) -> Sentence:
    undone, bits = row["undone"], row["bits_a_token"]
    return Sentence(
        pieces_of(str(row["text"]).strip(), markers),
        undone.strip() if isinstance(undone, str) else "",
        None if pd.isna(bits) else float(bits),  # type: ignore[arg-type]
        bool(row["well_formed"]),
    )


def _recorded(findings: Findings, model: Model, step: int) -> pd.DataFrame | None:
    """The sentences of a checkpoint that an evaluation has kept, if one has."""
    for each in findings.evaluations:
        if each.metric.name == GENERATION.name and each.folder.parents[1].resolve() == model.run.folder.resolve():
            items = each.items()
            mine = items[(items["step"] == step) & (items["who"] == MODEL)]
            if len(mine):
                return mine
    return None


def _drawn(models: Models, model: Model, step: int, seed: int) -> tuple[pd.DataFrame, str]:
    """Sentences drawn now, judged by the last checkpoint of the control, if one was given; and a note about that."""
    loaded, language = models.loaded(model, step), model.language
    limit = LONGEST if model.room is None else min(LONGEST, model.room - 1)
    tokens, has_ended = sampled(loaded.scorer, AT_ONCE, limit, loaded.tokenizer.end_of_text, seed)
    is_whole = has_ended & is_well_formed(language, tokens, loaded.tokenizer)
    undone = np.full(len(tokens), None, dtype=object)
    with TOKENIZING:
        undone[is_whole] = texts_behind(language, tokens.take(is_whole), loaded.tokenizer)
    texts = [loaded.tokenizer.decode(each) for each in tokens]
    bits = np.full(len(tokens), np.nan)
    judge = model if language.is_control else models.control_of(model)
    if judge is None:
        note = f"Sampled now, without a judge: no model of {language.control} was given."
    elif not language.gives_its_control:
        note = f"Sampled now, without a judge: {language.name} cannot be turned back into {language.control}."
    else:
        note = f"Sampled now; the judge is {judge.label}."
        if is_whole.any():
            bits[is_whole] = _judged(models, judge, language, tokens.take(is_whole), loaded.tokenizer)
    table = {"text": texts, "undone": undone, "bits_a_token": bits, "well_formed": is_whole}
    return pd.DataFrame(table), note


def _judged(models: Models, judge: Model, language: Language, tokens: Ragged, tokenizer: Tokenizer) -> np.ndarray:
    """(k,) float64: bits a token of the judge for sentences in its own form; NaN for what has none, or is too long."""
    loaded = models.loaded(judge, judge.steps[-1])
    with TOKENIZING:
        form, lengths = in_form_of(judge.language, language, tokens, tokenizer, loaded.tokenizer)
    bits = np.full(len(form), np.nan)
    is_kept = (form.lengths() > 0) & (form.lengths() + 1 <= (judge.room or np.inf))
    if is_kept.any():
        bits[is_kept] = loaded.scorer.sentence_bits(form.take(is_kept), loaded.tokenizer.end_of_text)
    return np.asarray(bits / (lengths + 1))
