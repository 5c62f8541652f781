"""Held-out loss: the dev split in blocks like those of training, its sentences in order, an end of text after each."""

import numpy as np
from numpy.typing import NDArray

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.ragged import Ragged

TOKENS = 2**17  # of the split, at most: a curve, not a result


def held_out_blocks(dataset: TokenDataset) -> NDArray[np.int64]:
    """(k, context) int64; k is 0 where the split does not fill one block."""
    tokens: Ragged = dataset.held_out("dev").tokens
    ended = np.insert(tokens.values.astype(np.int64), tokens.offsets[1:], dataset.tokenizer.end_of_text)
    blocks = min(len(ended), TOKENS) // dataset.context
    return ended[: blocks * dataset.context].reshape(blocks, dataset.context)
