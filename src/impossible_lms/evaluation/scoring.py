"""Scorer: log-probabilities of ragged batches under a model; the one engine all metrics share."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from impossible_lms.errors import UserError
from impossible_lms.models.heads import output_layer
from impossible_lms.ragged import Ragged

if TYPE_CHECKING:
    import torch

TOKENS_IN_BATCH = 8192  # padding included


@dataclass(frozen=True)
class Scorer:
    """A causal language model of transformers that scores token sequences, on the device it is on."""

    model: Any

    @cached_property
    def _head(self) -> "torch.nn.Linear | None":
        return output_layer(self.model)

    def token_logprobs(self, sentences: Ragged) -> Ragged:
        """The log-probability of each token given those before it, in nats, float64.

        One value a predicted token, so each sequence of n tokens gives n - 1: the first has no context and is not
        predicted. Sequences are scored in batches of like length; batches and padding do not change the values beyond
        floating-point error. UserError for a sequence of fewer than two tokens, or an id outside the vocabulary.
        """
        lengths = sentences.lengths()
        if len(sentences) and lengths.min() < 2:
            raise UserError(f"sentence {int(lengths.argmin())}: fewer than two tokens cannot be scored.")
        vocabulary = self.model.config.vocab_size
        if len(sentences.values) and int(sentences.values.max()) >= vocabulary:
            raise UserError(f"token {int(sentences.values.max())} is outside the model's vocabulary of {vocabulary}.")
        scored = Ragged.of_lengths(np.empty(int(lengths.sum() - len(lengths))), lengths - 1)
        for batch in _batches(lengths):
            self._score(sentences.take(batch), batch, scored)
        return scored

    def _score(self, sentences: Ragged, batch: np.ndarray, scored: Ragged) -> None:
        import torch

        lengths = sentences.lengths()
        width = int(lengths.max())
        padded = np.zeros((len(sentences), width), dtype=np.int64)
        row, place = sentences.spread(np.arange(len(sentences))), sentences.place()
        padded[row, place] = sentences.values
        with torch.inference_mode():
            ids = torch.from_numpy(padded).to(self.model.device)
            # Padding is on the right, where a causal model's tokens do not look: no mask is needed.
            predicts = torch.from_numpy(place < (lengths - 1)[row]).to(ids.device)
            rows, places = (
                torch.from_numpy(row).to(ids.device)[predicts],
                torch.from_numpy(place).to(ids.device)[predicts],
            )
            if self._head is None:
                logits = self.model(input_ids=ids, use_cache=False).logits[rows, places].float()
            else:
                hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
                logits = self._head(hidden[rows, places]).float()
            targets = ids[rows, places + 1]
            chosen = logits.gather(1, targets[:, None])[:, 0] - torch.logsumexp(logits, dim=1)
        values = chosen.double().cpu().numpy()
        starts, ends = scored.offsets[batch], scored.offsets[batch + 1]
        target = Ragged.of_lengths(values, ends - starts)
        scored.values[target.place() + target.spread(starts)] = values


def _batches(lengths: np.ndarray) -> list[np.ndarray]:
    """Indices of sequences of like length, longest first, in groups of at most TOKENS_IN_BATCH tokens with padding."""
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        size = max(1, TOKENS_IN_BATCH // int(lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    return batches
