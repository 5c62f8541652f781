"""Perplexity of held-out sentences over training (paper, section 4.1)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.data.dataset import HeldOut
from impossible_lms.errors import UserError
from impossible_lms.evaluation.scoring import Scorer
from impossible_lms.files import folder_beside, is_made
from impossible_lms.models.checkpoints import Checkpoint
from impossible_lms.models.published import PublishedCheckpoint, PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress, Quiet
from impossible_lms.ragged import Ragged
from impossible_lms.versions import versions

PERPLEXITY = "perplexity table"
SAMPLE = 1000  # affected test sentences a genre, as published
ITEMS, CURVE = "items", "curve"  # names of the two tables


def perplexity(model: Scorer, sentences: Ragged) -> NDArray[np.float64]:
    """Perplexity of each sentence: exp of the mean negative log-probability of its tokens from the second on.

    Returns (k,) float64. The first token has no context and is not predicted, as in the published evaluation
    (section 4.1). Raises UserError for a sentence of fewer than two tokens.
    """
    logprobs = model.token_logprobs(sentences)
    sums = np.add.reduceat(logprobs.values, logprobs.offsets[:-1]) if len(sentences) else np.empty(0)
    return np.asarray(np.exp(-sums / logprobs.lengths()), dtype=np.float64)


def geometric_mean(values: NDArray[np.float64]) -> float:
    """exp of the mean logarithm of positive `values` (k,)."""
    return float(np.exp(np.log(values).mean()))


def evaluate_perplexity(
    run: Run | PublishedRun,
    *,
    data: str | Path | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    device: str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The perplexity curve of a run: one row a checkpoint, with the geometric mean over the sampled sentences.

    The sample holds at most `sample` affected test sentences of each genre, drawn with `seed`; sentences longer than
    the model's context are left out of it and counted. Written to `evaluation/perplexity` in the run folder as two
    tidy tables, each as Parquet and CSV: `items`, one row a sentence and checkpoint, and `curve`, the one returned.
    What is already there for the same arguments and checkpoints is not computed again.

    Raises:
        UserError: no checkpoint, no affected test sentence, or `data` with another vocabulary than the model's.
    """
    checkpoints: Sequence[Checkpoint | PublishedCheckpoint] = run.checkpoints()
    dataset = run.dataset(data)
    request = {
        "data": dataset.identity,
        "checkpoints": {checkpoint.revision: checkpoint.weights_digest() for checkpoint in checkpoints},
        "sample": sample,
        "seed": seed,
    }
    folder = run.folder / "evaluation" / "perplexity"
    if not _is_current(folder, request):
        held_out = dataset.held_out("test")
        context = dataset.context if run.architecture.has_positions else None
        rows, too_long = _sampled(held_out, sample, seed, context)
        tokens = held_out.tokens.take(rows)
        chosen = held_out.table.iloc[rows].reset_index(drop=True)
        items = _scored(run, checkpoints, tokens, chosen, device, progress or Quiet())
        curve = _curve(items, run)
        record = {"request": request, "too_long": too_long, "versions": versions("torch", "transformers")}
        with folder_beside(folder, PERPLEXITY, record) as part:
            for name, table in ((ITEMS, items), (CURVE, curve)):
                table.to_parquet(part / f"{name}.parquet", index=False)
                table.to_csv(part / f"{name}.csv", index=False, lineterminator="\n")
    return pd.read_parquet(folder / f"{CURVE}.parquet")


def _is_current(folder: Path, request: dict[str, Any]) -> bool:
    """Whether the tables there answer the request; older ones are made anew, for a run goes on."""
    try:
        return is_made(folder, PERPLEXITY, request)
    except UserError:
        return False


def _sampled(held_out: HeldOut, sample: int, seed: int, context: int | None) -> tuple[NDArray[np.int64], int]:
    """Rows of the sample in corpus order, and how many affected sentences were too long for the model."""
    table = held_out.table
    fits = held_out.tokens.lengths() <= context if context is not None else np.ones(len(table), dtype=bool)
    affected = table["affected"].to_numpy()
    generator = np.random.default_rng(seed)
    rows: list[NDArray[np.int64]] = []
    for genre in sorted(table["genre"].unique()):
        mine = np.flatnonzero(affected & fits & (table["genre"] == genre).to_numpy())
        rows.append(np.sort(generator.choice(mine, min(sample, len(mine)), replace=False)))
    chosen = np.concatenate(rows) if rows else np.empty(0, np.int64)
    if not len(chosen):
        raise UserError("no affected test sentence to measure perplexity on. Build the data from a larger corpus.")
    return chosen, int((affected & ~fits).sum())


def _scored(
    run: Run | PublishedRun,
    checkpoints: Sequence[Checkpoint | PublishedCheckpoint],
    tokens: Ragged,
    chosen: pd.DataFrame,
    device: str | None,
    progress: Progress,
) -> pd.DataFrame:
    import torch

    home = device or ("cuda" if torch.cuda.is_available() else "cpu")
    tables = []
    progress.start(f"perplexity of {run.name}, checkpoints", len(checkpoints))
    try:
        for done, checkpoint in enumerate(checkpoints):
            scorer = Scorer(checkpoint.load().to(home))
            columns = {"step": checkpoint.step, "tokens": tokens.lengths(), "perplexity": perplexity(scorer, tokens)}
            tables.append(chosen[["sentence", "genre"]].assign(**columns))
            progress.at(done + 1)
    finally:
        progress.end()
    return pd.concat(tables, ignore_index=True)


def _curve(items: pd.DataFrame, run: Run | PublishedRun) -> pd.DataFrame:
    groups = items.groupby("step", sort=True)["perplexity"]
    return pd.DataFrame(
        {
            "language": run.language,
            "architecture": run.architecture.name,
            "seed": run.seed,
            "step": groups.size().index,
            "sentences": groups.size().to_numpy(),
            "perplexity": groups.apply(lambda values: geometric_mean(values.to_numpy())).to_numpy(),
        }
    )
