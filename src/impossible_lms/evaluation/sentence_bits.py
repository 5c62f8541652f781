"""Bits of whole sentences, and how much of them their markers, the tokens after these and the rest cost.

Two languages of a family that say the same sentences are compared part by part, and apart where both have the very same
tokens (`contrasts`): so one sees whether a rule costs more, or what the tokenizer makes of it.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.evaluation.metric import LOWER, Metric, Prepared, Sampled, Subject
from impossible_lms.evaluation.scoring import BITS, Scorer, framed, sums
from impossible_lms.evaluation.sentences import refuse_unless_affected, sample_notes, sampled_by_genre
from impossible_lms.evaluation.statistics import mean_over_items, numbered
from impossible_lms.ragged import Ragged

SAMPLE = 1000  # affected test sentences a genre
WHOLE, MARKER, AFTER, OTHERS = "whole", "marker", "after-marker", "others"
PARTS = (WHOLE, MARKER, AFTER, OTHERS)
TOKENS = "tokens_sha256"  # the column that says which tokens a sentence has
DIGITS = 16  # of it
BEGINS = "test_begins"  # a note: the number of the first test sentence, from which those of parallel texts are counted


def parts_of(tokens: Ragged, markers: NDArray[np.int64]) -> Ragged:
    """The part of every predicted token: of each sequence, its tokens from the second on, as indices of PARTS.

    A marker is `marker` wherever it stands, the token after one `after-marker`, any other `others`. `markers` (m,) are
    the ids of markers.
    """
    is_marker, is_first = np.isin(tokens.values, markers), tokens.place() == 0
    follows = np.append(False, is_marker[:-1]) & ~is_first
    part = np.select([is_marker, follows], [PARTS.index(MARKER), PARTS.index(AFTER)], PARTS.index(OTHERS))
    return Ragged.of_lengths(part[~is_first], tokens.lengths() - 1)


def prepare(subject: Subject) -> Prepared:
    """The sampled affected sentences, at most so many a genre, between two `<|endoftext|>` as in the training text.

    Sentences that the model cannot take in are left out and counted. UserError where no test sentence is affected.
    """
    table, tokens = subject.held_out.table, subject.held_out.tokens
    sample, affected = subject.sample(SAMPLE), table["affected"].to_numpy()
    fits = np.ones(len(table), dtype=bool)
    if subject.context is not None:
        fits = tokens.lengths() + 1 <= subject.context  # the end of the text comes before it
    refuse_unless_affected(subject, fits)
    sentences, genres = table["sentence"].to_numpy(), table["genre"].to_numpy()
    rows, fewer = sampled_by_genre(genres, affected & fits, sample, subject.seed, sentences)
    drawn = tokens.take(rows)
    end = subject.tokenizer.end_of_text
    whole = framed(drawn, end)
    parts = parts_of(whole, np.array(sorted(subject.tokenizer.markers.values()), dtype=np.int64))
    is_of = {part: Ragged(parts.values == PARTS.index(part), parts.offsets) for part in (MARKER, AFTER, OTHERS)}
    items = table.iloc[rows][["sentence", "genre"]].reset_index(drop=True)
    items[TOKENS] = [sha256(np.ascontiguousarray(each, "<i8").tobytes()).hexdigest()[:DIGITS] for each in drawn]
    items = items.assign(**{_tokens(part): sums(mask).astype(np.int64) for part, mask in is_of.items()})

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        bits = scorer.token_logprobs(framed(drawn, end, scorer.start)).values * -BITS
        costs = {part: sums(Ragged(bits * mask.values, mask.offsets)) for part, mask in is_of.items()}
        return items.assign(**{WHOLE: sum(costs.values())}, **costs)

    begins = int(subject.dataset.record.get(BEGINS, 0))  # of ids that others made, nothing else is known
    notes = {"too_long": int((affected & ~fits).sum()), BEGINS: begins, **sample_notes(sample, fewer)}
    return Prepared(score, notes=notes)


def divided(items: pd.DataFrame, groups: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """All items for each part, its bits as `bits`; of languages without markers the whole sentence alone."""
    has_markers = bool((items[_tokens(MARKER)] > 0).any())
    for part in PARTS if has_markers else (WHOLE,):
        yield (part,), items.assign(bits=items[part])


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The mean bits of a sentence and of each part of it, with intervals over sentences, within genres."""
    strata, rows = numbered(items["genre"]), []
    tokens = {part: float(items[_tokens(part)].mean()) for part in PARTS[1:]}
    tokens[WHOLE] = sum(tokens.values())
    for (part,), mine in divided(items, SENTENCE_BITS.groups):
        found = mean_over_items(mine["bits"].to_numpy(), strata)
        row = {"part": part, "items": len(mine), "bits": found.estimate, "low": found.low, "high": found.high}
        rows.append(row | {"tokens": tokens[part]})
    return pd.DataFrame(rows).astype({"low": float, "high": float})


def _tokens(part: str) -> str:
    """The column that counts a part's tokens."""
    return f"{part}_tokens"


SENTENCE_BITS = Metric(
    name="sentence-bits",
    value="bits",
    unit="bits a sentence",
    direction=LOWER,
    summary="Surprisal of a whole sentence, and of its markers, the tokens after them and the rest",
    item="sentence",
    of_test_sentences=True,
    heading="How surprising whole sentences are",
    reading=(
        "How many bits a model needs for a whole sentence, its end included, and how many of them go to the markers, "
        "to the tokens after them and to the rest: less is better."
    ),
    prepare=prepare,
    aggregate=aggregate,
    sample=SAMPLE,
    sampled=Sampled(lambda items: items["bits"], key=("sentence",), stratum="genre", divided=divided, made_of=TOKENS),
    groups=("part",),
    shown={"part": WHOLE},
    adds_up=True,
    of_texts=True,
)
