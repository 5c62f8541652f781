"""Scorer: log-probabilities of ragged batches under a model; the one engine all metrics share."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.models.heads import output_layer
from impossible_lms.ragged import Ragged

if TYPE_CHECKING:
    import torch

TOKENS_IN_BATCH = 8192  # padding included
# Activations of more than about a thousand tokens leave a processor's caches, and like lengths are padded less.
TOKENS_ON_CPU = 1024
VOCABULARY_AT_ONCE = 2048  # entries whose logits are held; products with more columns are slower on a processor
PADDING = 0.1  # of a batch
BITS = 1 / np.log(2)  # of a nat


@dataclass(frozen=True)
class Scorer:
    """A causal language model of transformers that scores token sequences, on its device and in its precision.

    Log-probabilities are taken in float32 from the model's logits, whatever the precision of its weights. Its
    activations are exchanged for quicker ones of the same values, to rounding.
    """

    model: Any

    def __post_init__(self) -> None:
        from impossible_lms.models.gelu import exchange_gelu

        exchange_gelu(self.model)

    @cached_property
    def _head(self) -> "torch.nn.Linear | None":
        return output_layer(self.model)

    @property
    def tokens_in_batch(self) -> int:
        """The most tokens of a batch, padding included."""
        return TOKENS_ON_CPU if self.model.device.type == "cpu" else TOKENS_IN_BATCH

    def token_logprobs(self, sentences: Ragged) -> Ragged:
        """The log-probability of each token given those before it, in nats, float64.

        One value a predicted token, so each sequence of n tokens gives n - 1: the first has no context and is not
        predicted. Sequences are scored in batches of like length; batches and padding do not change the values beyond
        floating-point error. UserError for a sequence of fewer than two tokens, or an id outside the vocabulary.
        """
        lengths = sentences.lengths()
        if len(sentences) and lengths.min() < 2:
            raise UserError(f"sentence {int(lengths.argmin())}: fewer than two tokens cannot be scored.")
        self._check_vocabulary(sentences)
        scored = Ragged.of_lengths(np.empty(int(lengths.sum() - len(lengths))), lengths - 1)
        for batch in batches(lengths, self.tokens_in_batch):
            self._score(sentences.take(batch), batch, scored)
        return scored

    def sentence_bits(self, sentences: Ragged, end_of_text: int) -> NDArray[np.float64]:
        """(k,) float64: the cost of each whole sentence in bits, its first token and its end included.

        Scored is `end_of_text` + tokens + `end_of_text`, as a sentence stands in the training text: a sentence of n
        tokens is n + 1 predictions. UserError as for `token_logprobs`.
        """
        framed = sentences.insert(np.repeat(np.arange(len(sentences)), 2), self._ends(sentences), end_of_text)
        return np.asarray(sums(self.token_logprobs(framed)) * -BITS)

    def beside(self, model: Any) -> "Scorer":
        """A scorer of another model, on the same device and in the same precision."""
        return Scorer(model.to(self.model.device, self.model.dtype))

    def next_logprobs(self, prefixes: Ragged, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k, c) float64, nats: the log-probability of each of c `candidates` (k, c) as the token after each prefix.

        UserError for an empty prefix, or an id outside the vocabulary.
        """
        import torch

        if len(prefixes) and prefixes.lengths().min() < 1:
            raise UserError(f"prefix {int(prefixes.lengths().argmin())}: empty; a model needs a token to go on from.")
        self._check_vocabulary(prefixes)
        found = np.empty(candidates.shape)
        for batch in batches(prefixes.lengths(), self.tokens_in_batch):
            mine = prefixes.take(batch)
            ids = self._padded(mine)
            rows = torch.arange(len(batch), device=ids.device)
            ends = torch.from_numpy(mine.lengths() - 1).to(ids.device)
            chosen = self._chosen(ids, rows, ends, torch.from_numpy(candidates[batch]).to(ids.device))
            found[batch] = chosen.double().cpu().numpy()
        return found

    def states(self, sequences: Ragged) -> "Iterator[tuple[NDArray[np.int64], tuple[torch.Tensor, ...]]]":
        """All layers in one pass, batch by batch: the indices (b,) of its sequences, and the hidden states.

        These are depth + 1 tensors (b, width, hidden): the embeddings and the output of each block, the last one after
        the final norm, as transformers gives them. UserError for an id outside the vocabulary.
        """
        import torch

        self._check_vocabulary(sequences)
        for batch in batches(sequences.lengths(), self.tokens_in_batch):
            with torch.inference_mode():
                ids = self._padded(sequences.take(batch))
                yield (
                    batch,
                    self.model.base_model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states,
                )

    def _score(self, sentences: Ragged, batch: np.ndarray, scored: Ragged) -> None:
        import torch

        lengths = sentences.lengths()
        row, place = sentences.spread(np.arange(len(sentences))), sentences.place()
        with torch.inference_mode():
            ids = self._padded(sentences)
            predicts = place < (lengths - 1)[row]
            rows = torch.from_numpy(row[predicts]).to(ids.device)
            places = torch.from_numpy(place[predicts]).to(ids.device)
            targets = ids[rows, places + 1][:, None]
            # Nothing is predicted from a last token, which may stand beyond the model's last position.
            chosen = self._chosen(ids[:, :-1], rows, places, targets)[:, 0]
        values = chosen.double().cpu().numpy()
        starts, ends = scored.offsets[batch], scored.offsets[batch + 1]
        target = Ragged.of_lengths(values, ends - starts)
        scored.values[target.place() + target.spread(starts)] = values

    def _padded(self, sequences: Ragged) -> "torch.Tensor":
        """(k, width) ids. Padding is on the right, where a causal model's tokens do not look: no mask is needed."""
        import torch

        width = int(sequences.lengths().max())
        padded = np.zeros((len(sequences), width), dtype=np.int64)
        padded[sequences.spread(np.arange(len(sequences))), sequences.place()] = sequences.values
        return torch.from_numpy(padded).to(self.model.device)

    def _chosen(
        self, ids: "torch.Tensor", rows: "torch.Tensor", places: "torch.Tensor", tokens: "torch.Tensor"
    ) -> "torch.Tensor":
        """(m, c): log-probabilities of `tokens` (m, c) after m places of `ids` (k, width).

        Logits are kept for a part of the vocabulary at a time: those of a whole batch over GPT-2's would be 1.6 GB.
        """
        import torch

        with torch.inference_mode():
            if self._head is None:  # a model that does more to its logits than its last layer
                made, weight, bias = self.model(input_ids=ids, use_cache=False).logits[rows, places], None, None
            else:
                made = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[rows, places]
                weight, bias = self._head.weight, self._head.bias
            found = torch.empty(tokens.shape, device=ids.device)
            normaliser = torch.full((len(made), 1), -torch.inf, device=ids.device)
            for start in range(0, self.model.config.vocab_size, VOCABULARY_AT_ONCE):
                part = slice(start, start + VOCABULARY_AT_ONCE)
                if weight is None:
                    logits = made[:, part]
                else:
                    logits = torch.nn.functional.linear(made, weight[part], None if bias is None else bias[part])
                logits = logits.float()
                normaliser = torch.logaddexp(normaliser, logits.logsumexp(1, keepdim=True))
                here = (tokens >= start) & (tokens < start + logits.shape[1])
                found = torch.where(here, logits.gather(1, (tokens - start).clamp(0, logits.shape[1] - 1)), found)
        return found - normaliser

    def _check_vocabulary(self, sentences: Ragged) -> None:
        vocabulary = self.model.config.vocab_size
        if len(sentences.values) and int(sentences.values.max()) >= vocabulary:
            raise UserError(f"token {int(sentences.values.max())} is outside the model's vocabulary of {vocabulary}.")

    @staticmethod
    def _ends(sentences: Ragged) -> NDArray[np.int64]:
        """(2 k,): the places before and after each sentence."""
        return np.column_stack([np.zeros(len(sentences), np.int64), sentences.lengths()]).ravel()


def sums(values: Ragged) -> NDArray[np.float64]:
    """(k,) float64: the sum of each sequence, 0 for an empty one."""
    before = np.append(0.0, np.cumsum(values.values, dtype=np.float64))
    return np.asarray(np.diff(before[values.offsets]))


def batches(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Indices of sequences of like length, longest first, in groups of at most so many `tokens` with padding.

    A group ends early where a tenth of it would be padding, if it is a quarter of the most there by then.
    """
    order = np.argsort(-lengths, kind="stable")
    groups, start = [], 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        group = order[start : start + max(1, tokens // longest)]
        like = np.cumsum(lengths[group]) >= (1 - PADDING) * longest * np.arange(1, len(group) + 1)
        groups.append(group[: max(np.count_nonzero(like), tokens // (4 * longest), 1)])
        start += len(groups[-1])
    return groups
