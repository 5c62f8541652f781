"""Generation: what a model says in its language, whether it is well-formed, and how good the English behind it is."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.evaluation.learnability import control_of
from impossible_lms.evaluation.metric import HIGHER, Metric, Prepared, Sampled, Subject, context_of, language_of, loaded
from impossible_lms.evaluation.sampling import LONGEST, is_well_formed, sampled, texts_behind, written
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.statistics import share_over_items
from impossible_lms.languages.language import Language, Sentences
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

SAMPLE = 200  # sentences
HELD_OUT = 2_000  # sentences that the judge's quantiles are from
QUANTILES = {"below_median": 0.5, "below_90": 0.9}
BINS = {"1-10": (1, 10), "11-20": (11, 20), "21-": (21, None)}  # tokens of the recovered sentence
ALL = "all"
MODEL, CONTROL, REAL = "model", "control", "held-out"  # who says a sentence


def prepare(subject: Subject) -> Prepared:
    """Sentences sampled from each checkpoint, and a judge: the last checkpoint of the run at `--control`.

    The judge scores sentences in its own form, the control's, in bits a token; held-out sentences and its own samples
    are judged beside the model's. Those of a language whose control cannot be had from it are not judged. UserError
    where the control does not serve.
    """
    run, dataset = control_of(subject, "generation")
    judge_of = run.checkpoints()[-1]
    control = language_of(dataset)
    count, seed = subject.sample(SAMPLE), subject.seed
    limit = min(LONGEST, subject.context - 1) if subject.context else LONGEST
    room = context_of(run)  # of the judge
    held_out = dataset.held_out("test").tokens
    too_long = np.zeros(len(held_out), dtype=bool) if room is None else held_out.lengths() + 1 > room
    held_out = held_out.take(~too_long)
    chosen = np.random.default_rng(seed).permutation(len(held_out))[:HELD_OUT]
    real = held_out.take(np.sort(chosen))
    kept: dict[str, pd.DataFrame] = {}

    def judged(judge: Scorer, sentences: Ragged, of: Language, tokenizer: Tokenizer, who: str) -> pd.DataFrame:
        said, lengths = in_form_of(control, of, sentences, tokenizer, dataset.tokenizer)
        bits = np.full(len(said), np.nan)
        is_kept = (said.lengths() > 0) & (said.lengths() + 1 <= (room or np.inf))
        if is_kept.any():
            bits[is_kept] = judge.sentence_bits(said.take(is_kept), dataset.tokenizer.end_of_text)
        behind = pd.Series(texts_behind(of, sentences, tokenizer), dtype=object)
        table = written(sentences, tokenizer).assign(who=who, tokens=lengths, well_formed=True)
        return table.assign(undone=behind, bits=bits, bits_a_token=bits / (lengths + 1))

    def said_by(scorer: Scorer, judge: Scorer, of: Language, tokenizer: Tokenizer, who: str) -> pd.DataFrame:
        sentences, has_ended = sampled(scorer, count, limit, tokenizer.end_of_text, seed)
        is_whole = has_ended & is_well_formed(of, sentences, tokenizer)
        table = written(sentences, tokenizer).assign(who=who, tokens=sentences.lengths(), well_formed=is_whole)
        table = table.assign(undone=pd.Series(None, index=table.index, dtype=object), bits=np.nan, bits_a_token=np.nan)
        if is_whole.any():
            found = judged(judge, sentences.take(is_whole), of, tokenizer, who)
            for column in ("tokens", "undone", "bits", "bits_a_token"):
                table.loc[is_whole, column] = found[column].to_numpy()
        return table

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        judge = scorer.beside(loaded(judge_of))
        if not kept:
            kept[REAL] = judged(judge, real, control, dataset.tokenizer, REAL)
            kept[CONTROL] = said_by(judge, judge, control, dataset.tokenizer, CONTROL)
        own = said_by(scorer, judge, subject.language, subject.tokenizer, MODEL)
        table = _placed(pd.concat([own, kept[CONTROL], kept[REAL]], ignore_index=True), kept[REAL])
        if not subject.language.gives_its_control:
            table.loc[table["who"] == MODEL, list(QUANTILES)] = pd.NA
        return table

    notes: dict[str, Any] = {"longest": limit, "held_out_too_long": int(too_long.sum())}
    if not subject.language.gives_its_control:
        notes |= {"not_judged": f"{control.name} cannot be had from {subject.language.name}"}
    return Prepared(score, {"judge": judge_of.digests()}, notes)


def in_form_of(
    control: Language, language: Language, sentences: Ragged, tokenizer: Tokenizer, of_control: Tokenizer
) -> tuple[Ragged, NDArray[np.int64]]:
    """Sentences of a language in its control's form, k sequences, and (k,) int64, the tokens of each before any change.

    Those that can be undone are, and are rewritten by the control (its marker at a drawn place); of others the form
    itself is what they are counted in. Empty where the control drops a sentence, or cannot be had from the language.
    """
    if language.to_control is not None:
        form = language.to_control(sentences, tokenizer)
        return form, form.lengths()
    if language.inverse is None:
        is_form = np.full(len(sentences), language.is_control)
        return _only(sentences, is_form), sentences.lengths()
    english = language.inverse(sentences, tokenizer)
    texts = pa.record_batch({"text": [of_control.decode(sentence) for sentence in english]})
    result = control.rule(Sentences(texts, of_control, 0, lambda: english), np.random.default_rng(control.seed))
    drop = np.zeros(len(english), dtype=bool)
    for mask in result.dropped.values():
        drop |= mask
    return _only(result.tokens, ~drop), english.lengths()


def _only(tokens: Ragged, chosen: NDArray[np.bool_]) -> Ragged:
    """The sequences, those that are not of `chosen` (k,) bool without elements."""
    return Ragged.of_lengths(tokens.values[tokens.spread(chosen)], np.where(chosen, tokens.lengths(), 0))


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """By who speaks and by length: the share that is well-formed, and the shares below the held-out quantiles.

    Shares of all sentences said; one that is not well-formed is below no quantile. What is not judged has no share.
    """
    rows = []
    for (who, length), group in by_length(items, GENERATION.groups):
        found = share_over_items(group["well_formed"].to_numpy(dtype=bool))
        row: dict[str, Any] = {"who": who, "length": length, "items": len(group), "well_formed": found.estimate}
        row |= {"low": found.low, "high": found.high, "bits_a_token": group["bits_a_token"].mean()}
        shares = {name: group[name].to_numpy(dtype=float, na_value=np.nan).mean() for name in QUANTILES}
        rows.append(row | shares)
    return pd.DataFrame(rows)


def by_length(items: pd.DataFrame, groups: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """What each says, all of it and by length."""
    for who, of_who in items.groupby("who", sort=True):
        for length in (ALL, *BINS):
            group = of_who if length == ALL else of_who[of_who["length"] == length]
            if len(group):
                yield (who, length), group


def _placed(table: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    """Each sentence with its class of length, and whether it is below the quantiles of held-out ones of that class."""
    table = table.assign(length=_length(table["tokens"]), **dict.fromkeys(QUANTILES, False))
    table = table.astype(dict.fromkeys(QUANTILES, "boolean"))
    of_real = _length(real["tokens"])
    for name in BINS:
        bits = real["bits_a_token"][of_real == name].dropna()
        for column, quantile in QUANTILES.items():
            if len(bits):
                is_below = (table["length"] == name) & (table["bits_a_token"] <= bits.quantile(quantile))
                table[column] = table[column] | is_below
    return table


def _length(tokens: pd.Series) -> pd.Series:
    found = pd.Series("", index=tokens.index, dtype=object)
    for name, (low, high) in BINS.items():
        found[(tokens >= low) & (tokens <= (high or np.inf))] = name
    return found.astype(str)


GENERATION = Metric(
    name="generation",
    value="well_formed",
    unit="share of well-formed sentences",
    share=True,
    direction=HIGHER,
    summary="Well-formed sentences among those that the model generates",
    item="sentence",
    heading="Whether the models can speak the language",
    reading=(
        "Of the sentences that a model generates, the share that obey the rule of its language, with every marker "
        "where it belongs: more is better."
    ),
    prepare=prepare,
    aggregate=aggregate,
    sample=SAMPLE,
    check=lambda subject, control: None,  # it takes nothing from the data but what the judge reads
    sampled=Sampled(lambda items: items["well_formed"], divided=by_length),
    options=frozenset(["control", "control_data"]),
    needs=frozenset(["control"]),
    groups=("who", "length"),
    shown={"who": MODEL, "length": ALL},
)
