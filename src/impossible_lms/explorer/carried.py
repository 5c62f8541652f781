"""A test sentence of what was measured: its text, its tokens and what they cost, read to the model that it was of."""

import numpy as np

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import TABLES, Evaluation
from impossible_lms.evaluation.metric import language_of
from impossible_lms.evaluation.sampling import texts_behind
from impossible_lms.evaluation.scoring import BITS, framed
from impossible_lms.evaluation.test_sets import HOME
from impossible_lms.explorer.models import Model, Models
from impossible_lms.explorer.speaking import TOKENIZING
from impossible_lms.files import MANIFEST, read_manifest
from impossible_lms.models.run import Run
from impossible_lms.ragged import Ragged


def is_of(evaluation: Evaluation, language: str, architecture: str) -> bool:
    """Whether a model of a language and architecture was measured; one by others is told by its name alone."""
    first = evaluation.curve.iloc[0]
    return str(first["language"]) == language and (str(first["architecture"]) == architecture or evaluation.is_foreign)


def _dataset_of(model: Model, measured: Evaluation) -> TokenDataset:
    """What a model was measured on; UserError where it is not there any more."""
    if isinstance(model.run, Run):
        return model.run.dataset()
    asked = read_manifest(measured.folder, TABLES)["record"]["request"]["data"]
    for home in sorted((measured.folder.parents[1] / HOME).glob(f"*/{MANIFEST}")):
        if (found := TokenDataset.open(home.parent)).identity == asked:
            return found
    return model.run.dataset()


def sentence_said(
    models: Models, model: Model, measured: Evaluation, number: int
) -> tuple[str, list[tuple[str, bool, bool]], list[float], str] | None:
    """A test sentence in a model's language: its text, tokens (text, led by a blank, marker), bits, and undone.

    None where the data are not there any more, or do not hold it.
    """
    try:
        dataset = _dataset_of(model, measured)
        held_out = dataset.held_out("test")
        row = np.flatnonzero(held_out.table["sentence"].to_numpy() == number)
        if not len(row):
            return None
        ids = held_out.tokens[int(row[0])]
        loaded = models.loaded(model, model.steps[-1])
        whole = framed(Ragged.of([ids]), dataset.tokenizer.end_of_text, loaded.scorer.start)
        is_short = model.room is None or len(ids) + 1 <= model.room
        bits = (loaded.scorer.token_logprobs(whole).values * -BITS).tolist() if is_short else []
    except UserError:
        return None
    tokenizer, markers = dataset.tokenizer, set(dataset.tokenizer.markers.values())
    pieces = tokenizer.pieces(ids.tolist())
    tokens = [(piece, piece.startswith(" "), int(token) in markers) for piece, token in zip(pieces, ids, strict=True)]
    with TOKENIZING:
        (behind,) = texts_behind(language_of(dataset), Ragged.of([ids]), tokenizer)
    return tokenizer.decode(ids), tokens, bits, behind or ""
