"""Learnability gap: what a learner pays, in bits, for not having learnt the rule of a language (docs/evaluation.md)."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import (
    LOWER,
    PLAIN,
    Metric,
    Prepared,
    Request,
    Sampled,
    Subject,
    context_of,
    language_of,
    loaded,
)
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import first_drawn, sample_notes
from impossible_lms.evaluation.statistics import mean_over_items, ratio_over_items
from impossible_lms.languages.language import Language, unknown_bits
from impossible_lms.models.published import PublishedRun, open_run
from impossible_lms.models.run import Run
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

SAMPLE = 2000  # test sentences
THRESHOLD = 0.1  # bits a token, below which a gap counts as closed


def serves(language: Language, request: Request = PLAIN) -> str | None:
    """Languages serve that have another language for a control and say how many bits their draws add."""
    if language.is_control:
        return f"language {language.name}: is a control, which is not measured against itself."
    return _lacks_bits(language)


def _lacks_bits(language: Language) -> str | None:
    if language.added_bits is not unknown_bits:
        return None
    return f"language {language.name}: does not say how many bits its draws add. Give it `added_bits`."


def prepare(subject: Subject) -> Prepared:
    """Sampled test sentences, in the language and in its control, with the randomness that each adds.

    The control's model is the checkpoint of the same step of the model at `--control`. Raises UserError where that
    is of another language than the control, of another corpus or vocabulary, or lacks a checkpoint that is asked for.
    """
    language = subject.language
    if reason := serves(language):
        raise UserError(reason)
    control, dataset = control_of(subject, "learnability")
    if reason := _lacks_bits(language_of(dataset)):
        raise UserError(reason)
    mine, theirs = subject.held_out, dataset.held_out("test")
    rows, control_rows, fits = _shared(subject, dataset, context_of(control))
    both = np.flatnonzero(fits)
    sample = subject.sample(SAMPLE)
    size = min(sample, len(both))
    fewer = {"test sentences that both languages have": size} if size < sample else {}
    kept = both[first_drawn(mine.table["sentence"].to_numpy()[rows[both]], size, subject.seed)]
    tokens, control_tokens = mine.tokens.take(rows[kept]), theirs.tokens.take(control_rows[kept])
    original = before_change(language_of(dataset), control_tokens, dataset.tokenizer)
    added = language.added_bits(original, subject.tokenizer)
    control_added = language_of(dataset).added_bits(original, dataset.tokenizer)
    items = mine.table.iloc[rows[kept]][["sentence", "genre"]].reset_index(drop=True)
    items = items.assign(original_tokens=original.lengths(), added=added, control_added=control_added)
    of_step = {checkpoint.step: checkpoint for checkpoint in control.checkpoints()}
    for checkpoint in subject.checkpoints:
        if checkpoint.step not in of_step:
            raise UserError(
                f"--control {control.folder}: has no checkpoint {checkpoint.step} to compare with. "
                "Choose others with --checkpoints."
            )

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        bits = scorer.sentence_bits(tokens, subject.tokenizer.end_of_text)
        other = scorer.beside(loaded(of_step[step]))
        control_bits = other.sentence_bits(control_tokens, dataset.tokenizer.end_of_text)
        return items.assign(bits=bits, control_bits=control_bits, gap=(bits - added) - (control_bits - control_added))

    return Prepared(
        score,
        identity={"control": dataset.identity},
        notes={
            "bound": not language.gives_its_control,
            "too_long": int((~fits).sum()),
            **sample_notes(sample, fewer),
        },
        beside=lambda step: of_step[step].digests(),
    )


def check(subject: Subject, control: TokenDataset | None) -> None:
    """UserError where the language does not serve, or shares no test sentence with its control."""
    if reason := serves(subject.language):
        raise UserError(reason)
    if control is not None:
        _shared(subject, control, subject.context)


def _shared(
    subject: Subject, control: TokenDataset, room: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """The rows (k,) of the test sentences that both have, here and there, and (k,) bool: which both models take in.

    `room` is the most tokens that the control's model takes. UserError where there is none.
    """
    mine, theirs = subject.held_out, control.held_out("test")
    _, rows, control_rows = np.intersect1d(mine.table["sentence"], theirs.table["sentence"], return_indices=True)
    fits = np.ones(len(rows), dtype=bool)
    for context, tokens, of in ((subject.context, mine.tokens, rows), (room, theirs.tokens, control_rows)):
        if context is not None:
            fits &= tokens.lengths()[of] + 1 <= context  # the end of the text comes before it
    if not fits.any():
        raise UserError(f"{control.folder}: shares no test sentence with {subject.dataset.folder}.")
    return rows, control_rows, fits


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The gap per original token with its interval over sentences, paired, and per sentence with its own."""
    gaps = items["gap"].to_numpy()
    of_token = ratio_over_items(gaps, items["original_tokens"].to_numpy(dtype=np.float64))
    of_sentence = mean_over_items(gaps)
    row = {"items": len(items), "gap_per_token": of_token.estimate, "low": of_token.low, "high": of_token.high}
    row |= {"gap": of_sentence.estimate, "gap_low": of_sentence.low, "gap_high": of_sentence.high}
    row |= {name: items[name].mean() for name in ("bits", "added", "control_bits", "control_added")}
    return pd.DataFrame([row]).astype(dict.fromkeys(("low", "high", "gap_low", "gap_high"), float))


def steps_until_closed(curve: pd.DataFrame) -> dict[str, Any]:
    """The first step from which on the gap stays below THRESHOLD bits a token; None where it never does."""
    measured = curve.dropna(subset="gap_per_token").sort_values("step")
    is_open = (measured["gap_per_token"] >= THRESHOLD).to_numpy()
    after = int(np.flatnonzero(is_open)[-1]) + 1 if is_open.any() else 0
    step = int(measured["step"].iloc[after]) if after < len(measured) else None
    return {f"steps_until_below_{THRESHOLD}_bits_a_token": step}


def before_change(control: Language, tokens: Ragged, tokenizer: Tokenizer) -> Ragged:
    """The tokens before any change, from those in the control; as they are where the control cannot be undone.

    A control that cannot be undone (NoHop) adds no randomness, and so do the others of its family.
    """
    return tokens if control.inverse is None else control.inverse(tokens, tokenizer)


def control_of(subject: Subject, metric: str) -> tuple[Run | PublishedRun, TokenDataset]:
    """The model at `--control`, a run or a published one, and its test set; UserError where it is no control."""
    request, wanted = subject.request, subject.language.control
    if request.control is None:
        raise UserError(f"{metric}: needs a model of {wanted}. Name its run, or a published one, with --control.")
    run = open_run(request.control, Path())  # nothing is written for it
    if isinstance(run, PublishedRun) and request.control_data is None:
        raise UserError(
            f"--control {request.control}: comes without data. Give a dataset of {wanted} with --control-data."
        )
    dataset = run.dataset(request.control_data)
    for language in {dataset.language, *([run.language] if isinstance(run, Run) else [])}:
        if language != wanted:
            raise UserError(f"--control {request.control}: a model of {language}, {wanted} is expected.")
    mine, theirs = (each.record["request"] for each in (subject.dataset, dataset))
    for key, said in (("corpus", "corpus"), ("tokenizer", "vocabulary")):
        if mine[key] != theirs[key]:
            raise UserError(
                f"--control {request.control}: its test set is of another {said} than {subject.dataset.folder}."
            )
    return run, dataset


LEARNABILITY = Metric(
    name="learnability",
    value="gap_per_token",
    unit="learnability gap (bits a token)",
    direction=LOWER,
    summary="Bits a token beyond what a model of the control needs",
    item="sentence",
    of_test_sentences=True,
    heading="How much harder it is than the control",
    reading=(
        "How many bits more the model needs for a token of the same sentences than a model of the control, "
        "less what the language itself adds at random: 0 is as easy as the control, and less is better."
    ),
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    sample=SAMPLE,
    check=check,
    sampled=Sampled(
        lambda items: items["gap"] / items["original_tokens"], key=("sentence",), weights="original_tokens"
    ),
    is_contrast=True,
    options=frozenset(["control", "control_data"]),
    needs=frozenset(["control"]),
    conclude=steps_until_closed,
)
