"""Noun phrases: which order of demonstrative, numeral, adjective and noun a model expects, of all that there are.

After Culbertson & Adger (2014): whoever has seen modifiers one at a time (`most_training_modifiers = 1` of a dataset)
knows on which side of the noun each stands, and nothing tells which of two comes nearer to it.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import HIGHER, PLAIN, Beside, Metric, Prepared, Request, Sampled, Subject
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.evaluation.sentences import blocks_of_test, corpus_of, first_drawn, sample_notes
from impossible_lms.evaluation.statistics import share_over_items
from impossible_lms.languages.language import Language, sentences_for
from impossible_lms.languages.noun_phrase import NEEDS, NOUN_PHRASE
from impossible_lms.languages.phrase_orders import in_all_orders, largest_phrases

SAMPLE = 500  # sentences, a phrase each
AMONG = "among"  # of which orders the model chooses
ALL, SIDES = "all orders", "same sides"
TOO_LONG = "longer than the context"


def serves(language: Language, request: Request = PLAIN) -> str | None:
    """The orders of noun phrases and their control serve."""
    if language.family == NOUN_PHRASE:
        return None
    return f"language {language.name}: is no order of noun phrases (noun-phrase-N-Adj-Num-Dem and so on)."


def prepare(subject: Subject) -> Prepared:
    """Phrases of the test sentences, or of `--corpus`, one a sentence, each in all orders of its parts.

    Raises:
        UserError: the language is of another family, the corpus is not annotated, or has no phrase with two modifiers.
    """
    if reason := serves(subject.language):
        raise UserError(reason)
    corpus = corpus_of(subject, "annotation")
    columns, nouns, sentence = _phrases(subject, corpus)
    sample = subject.sample(SAMPLE)
    chosen = first_drawn(sentence, sample, subject.seed)
    fewer = {"test sentences with a noun phrase of two modifiers": len(chosen)} if len(chosen) < sample else {}
    tokenizer = subject.tokenizer
    made = in_all_orders(columns.take(pa.array(chosen)), nouns[chosen], subject.language, tokenizer.without_markers())
    items = pd.DataFrame(
        {
            "sentence": sentence[chosen][made.phrase],
            "order": made.order,
            "own": np.append(True, np.diff(made.phrase) > 0),
            "keeps_sides": made.keeps_sides,
            "by_scope": made.is_by_scope,
        }
    )
    tokens = made.tokens
    if subject.context is not None:
        is_long = pd.Series(tokens.lengths() + 1 > subject.context).groupby(made.phrase).transform("any").to_numpy()
        items, tokens = items[~is_long].reset_index(drop=True), tokens.take(~is_long)
        if not len(items):
            raise UserError(f"corpus {corpus.name}: all sentences with such phrases are {TOO_LONG}, {subject.context}.")

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        return chosen_orders(items.assign(bits=scorer.sentence_bits(tokens, tokenizer.end_of_text)))

    left_out = len(chosen) - items["sentence"].nunique()
    notes: dict[str, Any] = {"left_out": {TOO_LONG: left_out}} if left_out else {}
    return Prepared(score, {"corpus": corpus.fingerprint()}, notes | sample_notes(sample, fewer))


def _phrases(subject: Subject, corpus: Any) -> tuple[pa.RecordBatch, np.ndarray, np.ndarray]:
    """The test sentences with a phrase of two modifiers: columns, the phrase's noun (p,), index in the corpus (p,)."""
    tokenizer = subject.tokenizer.without_markers()
    blocks, nouns, sentences = [], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for block, first, rows in blocks_of_test(subject, corpus):
        missing = [name for name in NEEDS if name not in block.schema.names]
        if missing:
            raise UserError(f"corpus {corpus.name}: has no {missing[0]}. Annotate it with `impossible annotate`.")
        mine = block.take(pa.array(rows))
        found, noun = largest_phrases(next(sentences_for([NOUN_PHRASE], mine, tokenizer, 0)))
        blocks.append(mine.take(pa.array(found)))
        nouns.append(noun)
        sentences.append(first + rows[found])
    if not sum(map(len, blocks)):
        raise UserError(
            f"corpus {corpus.name}: no test sentence has a noun with two of demonstrative, numeral and adjective."
        )
    return pa.concat_batches(blocks), np.concatenate(nouns), np.concatenate(sentences)


def chosen_orders(tried: pd.DataFrame) -> pd.DataFrame:
    """Which order is the likeliest of each phrase, among all and among those with each modifier on its own side.

    Args:
        tried: a row an order of a phrase, with `sentence`, `order`, `own`, `keeps_sides`, `by_scope` and `bits`, the
            surprisal of the whole sentence.

    Returns a row a phrase and choice: `sentence`; `among`, which orders; `orders`, how many these are, two at least;
    `own_order` and `likeliest`; `correct`, whether they are the same; `by_scope`, whether the likeliest has adjectives
    nearest to the noun and demonstratives farthest from it; `margin`, bits of the best other order less the own one's.
    """
    rows = []
    for among, candidates in ((ALL, tried), (SIDES, tried[tried["keeps_sides"]])):
        for sentence, mine in candidates.groupby("sentence", sort=True):
            if len(mine) < 2:
                continue  # no order is left to choose
            own, best = mine[mine["own"]].iloc[0], mine.loc[mine["bits"].idxmin()]
            rows.append(
                {
                    "sentence": sentence,
                    AMONG: among,
                    "orders": len(mine),
                    "own_order": own["order"],
                    "likeliest": best["order"],
                    "correct": bool(best["own"]),
                    "by_scope": bool(best["by_scope"]),
                    "margin": float(mine.loc[~mine["own"], "bits"].min() - own["bits"]),
                }
            )
    return pd.DataFrame(rows)


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The share of phrases whose own order is the likeliest, with Wilson's interval; chance, and orders by scope."""
    rows = []
    for among, mine in items.groupby(AMONG, sort=True):
        found = share_over_items(mine["correct"].to_numpy(dtype=bool))
        row = {AMONG: among, "items": len(mine), "accuracy": found.estimate, "low": found.low, "high": found.high}
        rows.append(row | {"chance": float((1 / mine["orders"]).mean()), "by_scope": float(mine["by_scope"].mean())})
    return pd.DataFrame(rows)


NOUN_PHRASES = Metric(
    name="noun-phrases",
    value="accuracy",
    unit="share of phrases in their own order",
    share=True,
    of_texts=True,
    direction=HIGHER,
    summary="Which order of a noun phrase's parts is the likeliest, of all that there are",
    item="sentence",
    heading="Whether the order of noun phrases is expected",
    reading=(
        "A noun phrase with two or three of demonstrative, numeral and adjective is put in all orders: how "
        "often the model finds that of its language the likeliest; the more above chance, the better."
    ),
    prepare=prepare,
    serves=serves,
    aggregate=aggregate,
    sample=SAMPLE,
    columns=NEEDS,
    sampled=Sampled(lambda items: items["correct"], key=("sentence",)),
    options=frozenset(["corpus"]),
    groups=(AMONG,),
    shown={AMONG: ALL},
    beside={"chance": Beside("chance", of_model=False), "by_scope": Beside("adjective nearest")},
)
