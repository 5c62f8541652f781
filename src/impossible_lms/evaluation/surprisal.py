"""Surprisal of hop markers where they should be, against the next token where they are left out (section 4.2)."""

import numpy as np
import pandas as pd

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import HIGHER, PLAIN, Metric, Prepared, Request, Sampled, Subject
from impossible_lms.evaluation.scoring import BITS, Scorer
from impossible_lms.evaluation.sentences import sample_notes, sampled_by_genre
from impossible_lms.evaluation.statistics import mean_over_items, numbered
from impossible_lms.languages.hop import HOP, marks_number, marks_words
from impossible_lms.languages.language import Language
from impossible_lms.ragged import Ragged

SAMPLE = 1000  # sentences a genre, as published


def serves(language: Language, request: Request = PLAIN) -> str | None:
    """Languages with number markers serve, and those that mark other words."""
    if marks_number(language) or marks_words(language):
        return None
    return (
        f"language {language.name}: has no number markers {' '.join(HOP.markers)}, which surprisal is about. "
        "Of sentences it is `sentence-bits`, of words `impossible words`."
    )


def prepare(subject: Subject) -> Prepared:
    """Sentences with a marker, at most so many a genre, each cut before its first marker.

    The token that follows where the marker is left out is the one after it, or the end of the text. Both surprisals
    have the same context, so one pass gives both. Sentences whose marker the context does not reach are left out and
    counted; as published, all that with their end are as long as it or longer, drawn with the run's
    own seed.

    Raises:
        UserError: the language has no number markers, or no test sentence has one.
    """
    if reason := serves(subject.language):
        raise UserError(reason)
    markers = HOP.markers if marks_number(subject.language) else subject.language.family.markers
    ids = [subject.tokenizer.markers[marker] for marker in markers]
    tokens, table = subject.held_out.tokens, subject.held_out.table
    is_marker = np.isin(tokens.values, np.array(ids))
    place, row = tokens.place()[is_marker], tokens.spread(np.arange(len(tokens)))[is_marker]
    rows, first = np.unique(row, return_index=True)
    place = place[first]
    fits, published, lengths = place > 0, subject.request.as_published, tokens.lengths()[rows]
    if published:  # also of models that take any number
        fits &= lengths + 1 < subject.run.context
    elif subject.context is not None:
        fits &= place <= subject.context
    too_long = int((~fits).sum())
    rows, place = rows[fits], place[fits]
    if not len(rows):
        raise UserError(f"{subject.dataset.folder}: no test sentence has a marker. Build it from a larger corpus.")
    genres, everything = table["genre"].to_numpy()[rows], np.ones(len(rows), dtype=bool)
    sample, sentences = subject.sample(SAMPLE), table["sentence"].to_numpy()[rows]
    kept, fewer = sampled_by_genre(genres, everything, sample, subject.seed, sentences, in_one_stream=published)
    rows, place = rows[kept], place[kept]
    sentences = tokens.take(rows)
    at = sentences.offsets[:-1] + place
    prefixes = Ragged.of_lengths(sentences.values[sentences.place() < sentences.spread(place)], place)
    is_last = place + 1 == sentences.lengths()
    following = np.where(is_last, subject.tokenizer.end_of_text, sentences.values[np.where(is_last, at, at + 1)])
    candidates = np.column_stack([sentences.values[at], following]).astype(np.int64)
    items = table.iloc[rows][["sentence", "genre"]].reset_index(drop=True).assign(place=place)

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        bits = scorer.next_logprobs(prefixes, candidates) * -BITS
        return items.assign(marker=bits[:, 0], left_out=bits[:, 1], difference=bits[:, 1] - bits[:, 0])

    return Prepared(score, notes={"too_long": too_long, **sample_notes(sample, fewer)})


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """Means in bits, the difference with its interval over sentences, of which both are."""
    found = mean_over_items(items["difference"].to_numpy(), numbered(items["genre"]))
    row = {"items": len(items), "difference": found.estimate, "low": found.low, "high": found.high}
    row |= {"marker": items["marker"].mean(), "left_out": items["left_out"].mean()}
    return pd.DataFrame([row]).astype({"low": float, "high": float})


SURPRISAL = Metric(
    name="surprisal",
    value="difference",
    unit="surprisal difference (bits)",
    direction=HIGHER,
    summary="Surprisal of the next token when the marker is left out, less that of the marker",
    item="sentence",
    of_test_sentences=True,
    heading="Whether the marker is expected",
    reading=(
        "How many bits more surprising the text becomes when the marker is left out where it belongs: above 0"
        " the model expects the marker, and more is better."
    ),
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    sample=SAMPLE,
    sampled=Sampled(lambda items: items["difference"], key=("sentence",), stratum="genre"),
    options=frozenset(["as_published"]),
)
