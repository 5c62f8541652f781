"""Perplexity of held-out sentences over training (paper, section 4.1), also on the test set of another language."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import LOWER, Metric, Prepared, Sampled, Subject
from impossible_lms.evaluation.scoring import Scorer, sums
from impossible_lms.evaluation.sentences import refuse_unless_affected, sample_notes, sampled_by_genre
from impossible_lms.evaluation.statistics import mean_over_items, numbered
from impossible_lms.ragged import Ragged

SAMPLE = 1000  # test sentences a genre, as published
UNAFFECTED = "unaffected"
MOST_NATS = float(np.log(np.finfo(np.float64).max))  # of a token on average, 709.8: the exponential of more is infinite


def perplexity(model: Scorer, sentences: Ragged) -> NDArray[np.float64]:
    """Perplexity of each sentence: exp of the mean negative log-probability of its tokens from the second on.

    Returns (k,) float64. The first token has no context and is not predicted, as in the published evaluation
    (section 4.1). Raises UserError for a sentence of fewer than two tokens, and for one so unlikely that this is no
    number.
    """
    logprobs = model.token_logprobs(sentences)
    nats = -sums(logprobs) / logprobs.lengths()
    if (nats > MOST_NATS).any():
        raise UserError(
            f"sentence {int(nats.argmax()) + 1} costs {nats.max():,.0f} nats a token, and its perplexity is too large "
            "for a number. The model's weights are damaged, or of a run that diverged."
        )
    return np.asarray(np.exp(nats), dtype=np.float64)


def prepare(subject: Subject) -> Prepared:
    """The sampled sentences: at most so many affected ones a genre, and as many unaffected ones.

    Sentences longer than the model's context are left out and counted. As published, one generator with the run's own
    seed runs through the genres, and no sentence is cut or passed over: those drawn that the model cannot take are then
    left out. UserError where no test sentence is affected.
    """
    table, tokens = subject.held_out.table, subject.held_out.tokens
    sample, published = subject.sample(SAMPLE), subject.request.as_published
    context = subject.context
    fits = tokens.lengths() <= context if context is not None else np.ones(len(table), dtype=bool)
    refuse_unless_affected(subject, fits)
    affected, genres = table["affected"].to_numpy(), table["genre"].to_numpy()
    among, seed, sentences = fits | published, subject.seed, table["sentence"].to_numpy()
    rows, fewer = sampled_by_genre(genres, affected & among, sample, seed, sentences, in_one_stream=published)
    others, _ = sampled_by_genre(genres, ~affected & among, sample, seed, sentences, in_one_stream=published)
    too_long = int((~fits[rows]).sum() if published else (affected & ~fits).sum())
    chosen = np.concatenate([rows, others])
    chosen = chosen[fits[chosen]]
    items = table.iloc[chosen][["sentence", "genre", "affected"]].reset_index(drop=True)
    drawn = tokens.take(chosen)

    def score(scorer: Scorer, step: int) -> pd.DataFrame:
        return items.assign(tokens=drawn.lengths(), perplexity=perplexity(scorer, drawn))

    return Prepared(score, notes={"too_long": too_long, **sample_notes(sample, fewer)})


def aggregate(items: pd.DataFrame) -> pd.DataFrame:
    """The geometric means over affected and over unaffected sentences, the former with its interval over sentences.

    The value is that of the affected ones, as published; `unaffected` stands beside it where there are any.
    """
    affected = items["affected"].to_numpy()
    logarithms = np.log(items["perplexity"].to_numpy())
    mean = mean_over_items(logarithms[affected], numbered(items["genre"])[affected])
    row = {"items": int(affected.sum()), "perplexity": np.exp(mean.estimate)}
    row |= {
        name: None if bound is None else np.exp(bound) for name, bound in zip(("low", "high"), mean[1:], strict=True)
    }
    others = logarithms[~affected]
    row |= {UNAFFECTED: np.exp(others.mean()) if len(others) else None, "unaffected_items": len(others)}
    return pd.DataFrame([row]).astype({"low": float, "high": float, UNAFFECTED: float})


PERPLEXITY = Metric(
    name="perplexity",
    value="perplexity",
    unit="perplexity (geometric mean over sentences)",
    direction=LOWER,
    summary="Perplexity on held-out sentences",
    item="sentence",
    of_test_sentences=True,
    heading="How well the sentences are predicted",
    reading=(
        "Perplexity is, so to speak, how many tokens the model hesitates between at each step of a sentence that "
        "it has not seen: 1 would be certainty, and less is better."
    ),
    prepare=prepare,
    aggregate=aggregate,
    sample=SAMPLE,
    sampled=Sampled(
        lambda items: np.log(items["perplexity"]),
        key=("sentence",),
        stratum="genre",
        counted=lambda items: items[items["affected"]],
    ),
    options=frozenset(["as_published"]),
    logarithmic=True,
)
