"""Minimal pairs in the language itself: whether the grammatical sentence is the likelier (Janarthan et al. 2026)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.corpora import corpus_of
from impossible_lms.corpora.annotate import load_annotator
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.annotation import Annotation
from impossible_lms.evaluation.blimp import read_pairs
from impossible_lms.evaluation.metric import HIGHER, PLAIN, Beside, Metric, Prepared, Request, Sampled, Subject
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import sample_notes
from impossible_lms.evaluation.statistics import numbered, share_over_items
from impossible_lms.files import digest_of
from impossible_lms.languages.language import Language, sentences_for
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

SAMPLE = 1000  # pairs a paradigm: all of BLiMP's
CHANCE = 0.5
ALL = "all"
EQUAL, UNEQUAL = "equal", "unequal"  # whether both sentences have as many tokens before the change
DIVIDED = "divided or left without words by the annotator"
TOO_LONG = "longer than the context"


class RewrittenPairs(NamedTuple):
    """k pairs in a language.

    `good` and `bad` are its sentences, empty where the pair is not kept; `is_equal` (k,) bool says whether both had as
    many tokens before, and `reason` (k,) why a pair is not kept, "" where it is.
    """

    good: Ragged
    bad: Ragged
    is_equal: NDArray[np.bool_]
    reason: NDArray[Any]


def serves(language: Language, request: Request = PLAIN) -> str | None:
    """Languages that need no annotation serve, and all others once an annotator is named, for BLiMP has none."""
    if not language.needs or request.annotator:
        return None
    return (
        f"language {language.name}: needs annotation ({', '.join(language.needs)}), which BLiMP has not. "
        "Name an annotator, as --with spacy or --with stanza."
    )


def prepare(subject: Subject) -> Prepared:
    """BLiMP's pairs, both sentences rewritten by the language with the same draws.

    Raises:
        UserError: the language needs annotation and no annotator is named; no pairs at `--corpus`; none is kept.
    """
    language, request = subject.language, subject.request
    if refusal := serves(language, request):
        raise UserError(refusal)
    if request.corpus is None:
        raise UserError("--corpus: needed. Name a folder of BLiMP's .jsonl files, or hub:NAME.")
    everything, sample = read_pairs(request.corpus), subject.sample(SAMPLE)
    everything = everything.assign(pair=everything.groupby("paradigm").cumcount())
    counts = everything["paradigm"].value_counts()
    fewer = {f"pairs of {paradigm}": int(count) for paradigm, count in counts.items() if count < sample}
    pairs = _sampled(everything, sample, subject.seed)
    identity: dict[str, Any] = {"pairs": digest_of(pairs.to_dict("list"))}
    sides, is_whole = as_columns(pairs), np.ones(len(pairs), dtype=bool)
    if language.needs:
        found = Annotation.of(pairs["good"].tolist() + pairs["bad"].tolist(), request.annotator or "", subject)
        good, bad = np.arange(len(pairs)), np.arange(len(pairs)) + len(pairs)
        sides, is_whole = (found.take(good), found.take(bad)), found.is_whole[good] & found.is_whole[bad]
        identity["annotator"] = found.identity
    made = rewritten_pairs(*sides, language, subject.tokenizer.without_markers())
    reason = np.where(is_whole, made.reason, DIVIDED)
    lengths = np.column_stack([made.good.lengths(), made.bad.lengths()])
    if subject.context is not None:
        reason = np.where((lengths.max(axis=1) + 1 > subject.context) & (reason == ""), TOO_LONG, reason)
    is_kept = reason == ""
    if not is_kept.any():
        raise UserError(f"--corpus {request.corpus}: {language.name} keeps none of {len(pairs)} pairs.")
    sentences = made.good.take(is_kept), made.bad.take(is_kept)
    items = pairs.drop(columns=["good", "bad"]).assign(tokens=np.where(made.is_equal, EQUAL, UNEQUAL))
    items = items[is_kept].reset_index(drop=True)
    end = subject.tokenizer.end_of_text

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        bits = [scorer.sentence_bits(each, end) for each in sentences]
        return items.assign(good_bits=bits[0], bad_bits=bits[1], correct=bits[0] < bits[1])

    not_kept = {str(name): int(count) for name, count in pd.Series(reason[~is_kept]).value_counts().items()}
    return Prepared(score, identity, {"pairs_not_kept": not_kept, **sample_notes(sample, fewer)})


def check(subject: Subject, control: TokenDataset | None) -> None:
    """UserError where there are no pairs, or no such annotator, or the language keeps none of the sampled pairs."""
    request = subject.request
    if request.annotator is None:
        prepare(subject)
    elif request.corpus is not None:  # annotating them all takes long, and is each run's
        load_annotator(request.annotator, corpus_of(read_pairs(request.corpus)["good"].head(1).tolist()))


def as_columns(pairs: pd.DataFrame) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The good and the bad sentences as columns of a corpus: their text alone."""
    good, bad = (pa.record_batch({"text": pa.array(pairs[side].tolist(), pa.string())}) for side in ("good", "bad"))
    return good, bad


def rewritten_pairs(
    good: pa.RecordBatch, bad: pa.RecordBatch, language: Language, tokenizer: Tokenizer
) -> RewrittenPairs:
    """Pairs in the language, `good` and `bad` holding k sentences each with what annotation the language needs.

    Draws depend on lengths alone, so that pairs of equal length run through two generators in step; each other pair has
    two of its own, which begin alike. A pair is not kept where the language drops either of its sentences.
    """
    lengths = [tokenizer.encode(side.column("text")).lengths() for side in (good, bad)]
    is_equal = lengths[0] == lengths[1]
    groups = [np.flatnonzero(is_equal), *np.flatnonzero(~is_equal)[:, None]]
    if language.is_deterministic:
        groups = [np.arange(len(good))]
    sides, reason = [], np.full(len(good), "", dtype=object)
    for side in (good, bad):
        parts, order = [], []
        for group in groups:
            if len(group):
                block = side.take(pa.array(group))
                sentences = next(sentences_for([language.family], block, tokenizer, 0))
                result = language.rule(sentences, np.random.default_rng([language.seed, int(group[0])]))
                for name, mask in result.dropped.items():
                    dropped = group[mask]
                    reason[dropped[reason[dropped] == ""]] = name
                parts.append(result.tokens)
                order.append(group)
        sides.append(Ragged.join(parts).take(np.argsort(np.concatenate(order), kind="stable")))
    sentences_of = [_emptied(side, reason != "") for side in sides]
    return RewrittenPairs(sentences_of[0], sentences_of[1], is_equal, reason)


def _emptied(tokens: Ragged, which: NDArray[np.bool_]) -> Ragged:
    """The sequences, those of `which` (k,) bool without elements."""
    return Ragged.of_lengths(tokens.values[~tokens.spread(which)], np.where(which, 0, tokens.lengths()))


def _sampled(pairs: pd.DataFrame, sample: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    rows = []
    for _, group in pairs.groupby("paradigm", sort=True):
        rows.append(np.sort(generator.choice(group.index.to_numpy(), min(sample, len(group)), replace=False)))
    return pairs.iloc[np.concatenate(rows)].reset_index(drop=True)


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The share of pairs in which the good sentence is the likelier, with Wilson's interval within paradigms.

    Over all, by field and by paradigm; each of all pairs and of those with equal and with unequal numbers of tokens.
    """
    rows = []
    for names, mine in in_levels(items, MINIMAL_PAIRS.groups):
        found = share_over_items(mine["correct"].to_numpy(dtype=bool), numbered(mine["paradigm"]))
        row = dict(zip(MINIMAL_PAIRS.groups, names, strict=True)) | {"items": len(mine)}
        row |= {"accuracy": found.estimate, "low": found.low, "high": found.high}
        rows.append(row | {"chance": CHANCE})
    return pd.DataFrame(rows)


def in_levels(items: pd.DataFrame, groups: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The items of all, of each field and each paradigm; of all pairs, and of those of equal and unequal tokens."""
    levels = [(ALL, ALL, items)]
    levels += [(field, ALL, group) for field, group in items.groupby("field")]
    levels += [(group["field"].iloc[0], paradigm, group) for paradigm, group in items.groupby("paradigm")]
    for field, paradigm, group in levels:
        for tokens in (ALL, EQUAL, UNEQUAL):
            mine = group if tokens == ALL else group[group["tokens"] == tokens]
            if len(mine):
                yield (field, paradigm, tokens), mine


MINIMAL_PAIRS = Metric(
    name="minimal-pairs",
    value="accuracy",
    unit="share of pairs with the good sentence likelier",
    share=True,
    of_texts=True,
    direction=HIGHER,
    summary="Minimal pairs of equal token count, rewritten in the language",
    item="pair",
    heading="Whether the grammatical sentence is preferred",
    reading=(
        "Of two sentences that differ in one point, how often the model finds the grammatical one likelier: "
        "half is guessing, and more is better."
    ),
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    sample=SAMPLE,
    check=check,
    reads=lambda spec: corpus_of(read_pairs(spec)["good"].tolist()),
    sampled=Sampled(lambda items: items["correct"], key=("paradigm", "pair"), stratum="paradigm", divided=in_levels),
    options=frozenset(["corpus", "annotator"]),
    needs=frozenset(["corpus"]),
    groups=("field", "paradigm", "tokens"),
    shown={"field": ALL, "paradigm": ALL, "tokens": EQUAL},
    beside={"chance": Beside("chance", of_model=False)},
)
