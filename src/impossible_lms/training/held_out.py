"""Held-out loss: the dev split in blocks like those of training, its sentences in order, an end of text after each.

Of data built as published the sentences are in the order that the published scripts shuffled them to.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.data.order import PUBLISHED, shuffled_as_published
from impossible_lms.ragged import Ragged

TOKENS = 2**17  # of the split, at most: a curve, not a result


def held_out_blocks(dataset: TokenDataset) -> NDArray[np.int64]:
    """(k, context) int64; k is 0 where the split does not fill one block."""
    held_out = dataset.held_out("dev")
    tokens: Ragged = held_out.tokens
    request = dataset.record["request"]
    if request.get("order") == PUBLISHED:
        genre, genres = pd.factorize(held_out.table["genre"])
        affected = held_out.table["affected"].to_numpy(dtype=bool)
        tokens = tokens.take(shuffled_as_published(genre, list(genres), affected, request["seed"], "dev"))
    ended = np.insert(tokens.values.astype(np.int64), tokens.offsets[1:], dataset.tokenizer.end_of_text)
    blocks = min(len(ended), TOKENS) // dataset.context
    return ended[: blocks * dataset.context].reshape(blocks, dataset.context)
