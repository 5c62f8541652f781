"""Scorer: log-probabilities of ragged batches under a model; the one engine all metrics share."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.evaluation.prefixes import NEVER, Rows, in_rows
from impossible_lms.models.gpu import free_bytes
from impossible_lms.models.heads import blocks_of, output_layer
from impossible_lms.ragged import Ragged

if TYPE_CHECKING:
    import torch

TOKENS_IN_BATCH = 8192, 65536  # padding included, on a GPU: at least and at most, by the memory at hand
OF_FREE_MEMORY = 0.25  # taken by a batch
# Activations of more than about a thousand tokens leave a processor's caches, and like lengths are padded less.
TOKENS_ON_CPU = 1024
VOCABULARY_AT_ONCE = 2048  # entries whose logits are held; products with more columns are slower on a processor
PADDING = 0.1  # of a batch
ROW = 128  # tokens of a row of prefixes, each of which looks at the others through a mask of this size
# Architectures whose tokens look at all those before them, and take their positions and a mask of their own.
SHARING = frozenset({"gpt2", "gpt_neox", "llama"})
BITS = 1 / np.log(2)  # of a nat


@dataclass(frozen=True)
class Scorer:
    """A causal language model of transformers that scores token sequences, on its device and in its precision.

    Log-probabilities are taken in float32 from the model's logits, whatever the precision of its weights. Its
    activations are exchanged for quicker ones of the same values, to rounding. A beginning that several sequences share
    is read once, by architectures that can be told what to look at (`SHARING`).

    Attributes:
        model: the model.
        start: the id that it expects before every text, where its tokenizer puts one there: it is context, and is not
            predicted.
    """

    model: Any
    start: int | None = None

    def __post_init__(self) -> None:
        from impossible_lms.models.gelu import exchange_gelu

        exchange_gelu(self.model)

    @cached_property
    def _head(self) -> "torch.nn.Linear | None":
        return output_layer(self.model)

    @property
    def _shares(self) -> bool:
        config = self.model.config
        takes_masks = getattr(config, "_attn_implementation", None) in ("eager", "sdpa")
        return takes_masks and getattr(config, "model_type", None) in SHARING

    @property
    def tokens_in_batch(self) -> int:
        """The most tokens of a batch, padding included."""
        return TOKENS_ON_CPU if self.model.device.type == "cpu" else self._tokens_by_memory

    @cached_property
    def _tokens_by_memory(self) -> int:
        """As many as a part of the GPU's free memory holds: the states of all layers, and logits at once in copies."""
        least, most = TOKENS_IN_BATCH
        config = self.model.config.get_text_config()
        bytes_a_token = 4 * (config.hidden_size * (config.num_hidden_layers + 16) + 4 * VOCABULARY_AT_ONCE)
        return max(least, min(most, int(OF_FREE_MEMORY * free_bytes(self.model.device) / bytes_a_token)))

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
        begun, is_begun = self._begun(sentences)
        if is_begun.any():
            whole = self.token_logprobs(begun)
            is_own = (whole.place() > 0) | ~whole.spread(is_begun)
            return Ragged.of_lengths(whole.values[is_own], lengths - 1)
        place = sentences.place()
        # Nothing is predicted from a last token, which may stand beyond the model's last position.
        read = Ragged.of_lengths(sentences.values[place < sentences.spread(lengths - 1)], lengths - 1)
        found = self._logprobs(read, np.arange(len(read.values)), sentences.values[place > 0].astype(np.int64))
        return Ragged(found, read.offsets)

    def sentence_bits(self, sentences: Ragged, end_of_text: int) -> NDArray[np.float64]:
        """(k,) float64: the cost of each whole sentence in bits, its first token and its end included.

        Scored is `end_of_text` + tokens + `end_of_text`, as a sentence stands in the training text (`start` + tokens +
        `end_of_text`, where there is a start): a sentence of n tokens is n + 1 predictions. UserError as for
        `token_logprobs`.
        """
        return np.asarray(sums(self.token_logprobs(framed(sentences, end_of_text, self.start))) * -BITS)

    def beside(self, model: Any) -> "Scorer":
        """A scorer of another model, on the same device and in the same precision."""
        return Scorer(model.to(self.model.device, self.model.dtype), self.start)

    def next_logprobs(self, prefixes: Ragged, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k, c) float64, nats: the log-probability of each of c `candidates` (k, c) as the token after each prefix.

        UserError for an empty prefix, or an id outside the vocabulary.
        """
        if len(prefixes) and prefixes.lengths().min() < 1:
            raise UserError(f"prefix {int(prefixes.lengths().argmin())}: empty; a model needs a token to go on from.")
        self._check_vocabulary(prefixes)
        prefixes, _ = self._begun(prefixes)
        last = np.repeat(prefixes.offsets[1:] - 1, candidates.shape[1])
        return self._logprobs(prefixes, last, candidates.ravel()).reshape(candidates.shape)

    def states(self, sequences: Ragged) -> "Iterator[tuple[NDArray[np.int64], tuple[torch.Tensor, ...]]]":
        """All layers in one pass, batch by batch: the indices (b,) of its sequences, and the hidden states.

        These are depth + 1 tensors (b, width, hidden): what goes into the first block and the output of each block, the
        last one after the final norm; those of `start` are left out. UserError for an id outside the
        vocabulary.
        """
        import torch

        self._check_vocabulary(sequences)
        rows, first = np.arange(len(sequences)), 0 if self.start is None else 1
        if self.start is not None:
            sequences = sequences.insert(rows, np.zeros(len(rows), np.int64), self.start)
        for batch in batches(sequences.lengths(), self.tokens_in_batch):
            with torch.inference_mode():
                ids = self._padded(sequences.take(batch))
                yield batch, tuple(each[:, first:] for each in self._layers(ids))

    def _layers(self, ids: "torch.Tensor") -> "list[torch.Tensor]":
        """What goes into the first block, and the output of each; not all of transformers' models give them alike."""
        kept: list[torch.Tensor] = []

        def keep_input(module: Any, inputs: Any, keywords: Any) -> None:
            kept.append(inputs[0] if inputs else keywords["hidden_states"])

        def keep(module: Any, inputs: Any, output: Any) -> None:
            kept.append(output[0] if isinstance(output, tuple) else output)

        blocks = blocks_of(self.model)
        hooks = [blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True)]
        hooks += [block.register_forward_hook(keep) for block in blocks]
        try:
            last = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        finally:
            for hook in hooks:
                hook.remove()
        return [*kept[:-1], last]

    def masses(self, prefixes: Ragged, chosen: NDArray[np.bool_]) -> Ragged:
        """The log-probability, in nats, that the token after each element is one of the `chosen` (vocabulary,) bool.

        One float64 an element of `prefixes`, given that element and those before it in its sequence; 0 where all ids
        are chosen. UserError for an id outside the vocabulary.
        """
        import torch

        self._check_vocabulary(prefixes)
        found = np.empty(len(prefixes.values))
        for mine, made, after in self._predictions(prefixes, np.arange(len(prefixes.values))):
            among = torch.from_numpy(chosen).to(made.device)
            with torch.inference_mode():
                mass = torch.full((len(made),), -torch.inf, device=made.device)
                normaliser = mass
                for start, logits in self._logits(made):
                    normaliser = torch.logaddexp(normaliser, logits.logsumexp(1))
                    part = logits[:, among[start : start + logits.shape[1]]]
                    mass = torch.logaddexp(mass, part.logsumexp(1)) if part.shape[1] else mass
                found[mine] = (mass - normaliser)[after].double().cpu().numpy()
        return Ragged(found, prefixes.offsets)

    def _logprobs(
        self, sequences: Ragged, elements: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(p,) float64: the log-probability of each of `tokens` (p,) right after an element of `sequences`.

        `elements` (p,) are indices in `sequences.values`.
        """
        import torch

        found = np.empty(len(tokens))
        for mine, made, after in self._predictions(sequences, elements):
            with torch.inference_mode():
                chosen = self._chosen(made, after, torch.from_numpy(tokens[mine]).to(made.device))
            found[mine] = chosen.double().cpu().numpy()
        return found

    def _predictions(
        self, sequences: Ragged, elements: NDArray[np.int64]
    ) -> "Iterator[tuple[NDArray[np.int64], torch.Tensor, torch.Tensor]]":
        """What is predicted from, batch by batch: which of `elements` (p,), (m, hidden) states, and for each its state.

        States are (m, vocabulary) logits, where the head is not apart. A state that several elements share stands once.
        """
        import torch

        rows = in_rows(sequences, min(ROW, self.tokens_in_batch) if self._shares else 0)
        node = rows.nodes.values[elements]
        row, place = rows.tokens.spread(np.arange(len(rows.tokens)))[node], rows.tokens.place()[node]
        of_row = Ragged.of_lengths(np.argsort(row, kind="stable"), np.bincount(row, minlength=len(rows.tokens)))
        for batch in batches(rows.tokens.lengths(), self.tokens_in_batch):
            mine = of_row.take(batch)
            with torch.inference_mode():
                made = self._made(rows, batch)
                first = mine.spread(np.arange(len(batch)) * made.shape[1])
                places, after = np.unique(first + place[mine.values], return_inverse=True)
                states = made.flatten(0, 1)[torch.from_numpy(places).to(made.device)]
            yield mine.values, states, torch.from_numpy(after).to(made.device)

    def _made(self, rows: Rows, batch: NDArray[np.int64]) -> "torch.Tensor":
        """(b, width, hidden) after each token of the rows of a batch, or logits, where the head is not apart."""
        import torch

        ids = self._padded(rows.tokens.take(batch))
        looks: dict[str, torch.Tensor] = {}
        if self._shares:
            place = torch.arange(ids.shape[1], device=ids.device)
            ends = self._padded(rows.ends.take(batch), NEVER)
            seen = (place <= place[:, None]) & (place[:, None] < ends[:, None])
            mask = torch.zeros(seen.shape, dtype=self.model.dtype, device=ids.device).masked_fill_(~seen, -torch.inf)
            looks = {"attention_mask": mask[:, None], "position_ids": self._padded(rows.depth.take(batch))}
        if self._head is None:  # a model that does more to its logits than its last layer
            logits: torch.Tensor = self.model(input_ids=ids, use_cache=False, **looks).logits
            return logits
        hidden: torch.Tensor = self.model.base_model(input_ids=ids, use_cache=False, **looks).last_hidden_state
        return hidden

    def _chosen(self, made: "torch.Tensor", after: "torch.Tensor", tokens: "torch.Tensor") -> "torch.Tensor":
        """(p,): log-probabilities of `tokens` (p,), each after one of the states of `made`; `after` (p,) says which."""
        import torch

        found = torch.empty(len(tokens), device=made.device)
        normaliser = torch.full((len(made),), -torch.inf, device=made.device)
        for start, logits in self._logits(made):
            normaliser = torch.logaddexp(normaliser, logits.logsumexp(1))
            here = (tokens >= start) & (tokens < start + logits.shape[1])
            found = torch.where(here, logits[after, (tokens - start).clamp(0, logits.shape[1] - 1)], found)
        return found - normaliser[after]

    def _logits(self, made: "torch.Tensor") -> "Iterator[tuple[int, torch.Tensor]]":
        """Logits (m, part) float32 of m states, a part of the vocabulary at a time, and the id where each begins.

        Those of a whole batch over GPT-2's vocabulary would be 1.6 GB.
        """
        import torch

        for start in range(0, self.model.config.vocab_size, VOCABULARY_AT_ONCE):
            part = slice(start, start + VOCABULARY_AT_ONCE)
            if self._head is None:
                logits = made[:, part]
            else:
                bias = None if self._head.bias is None else self._head.bias[part]
                logits = torch.nn.functional.linear(made, self._head.weight[part], bias)
            yield start, logits.float()

    def _padded(self, sequences: Ragged, fill: int = 0) -> "torch.Tensor":
        """(k, width) int64. Padding is on the right, where a causal model's tokens do not look."""
        import torch

        padded = np.full((len(sequences), int(sequences.lengths().max())), fill, dtype=np.int64)
        padded[sequences.spread(np.arange(len(sequences))), sequences.place()] = sequences.values
        return torch.from_numpy(padded).to(self.model.device)

    def _begun(self, sequences: Ragged) -> tuple[Ragged, NDArray[np.bool_]]:
        """The sequences after `start`, unless they begin with it; and (k,) bool: which were given it."""
        lacks = np.zeros(len(sequences), dtype=bool)
        if self.start is not None and len(sequences.values):
            lacks = sequences.values[sequences.offsets[:-1]] != self.start
            rows = np.flatnonzero(lacks)
            sequences = sequences.insert(rows, np.zeros(len(rows), np.int64), self.start)
        return sequences, lacks

    def _check_vocabulary(self, sentences: Ragged) -> None:
        vocabulary = self.model.config.vocab_size
        if len(sentences.values) and int(sentences.values.max()) >= vocabulary:
            raise UserError(f"token {int(sentences.values.max())} is outside the model's vocabulary of {vocabulary}.")


def framed(sentences: Ragged, end_of_text: int, start: int | None = None) -> Ragged:
    """Each sentence as it stands in the training text: between two `end_of_text`, or after `start` if there is one."""
    ends = np.column_stack([np.zeros(len(sentences), np.int64), sentences.lengths()]).ravel()
    signs = np.tile([end_of_text if start is None else start, end_of_text], len(sentences))
    return sentences.insert(np.repeat(np.arange(len(sentences)), 2), ends, signs)


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
