"""GPT-2 without positional encodings (Kallini et al. 2024), for `AutoModelForCausalLM` with `trust_remote_code=True`.

The position embedding of transformers' GPT-2 is replaced by a module without parameters whose output is zero; nothing
else changes. Its `weight` is a buffer of zeros, so that the checkpoint is also a complete plain GPT-2 which computes
the same. This file is all there is: it needs torch and transformers alone.
"""

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def refuse_positions(weight: torch.Tensor) -> None:
    """ValueError if a position embedding (context, hidden) holds anything but zeros."""
    if weight.any():
        raise ValueError(
            "transformer.wpe.weight is not zero: this is a GPT-2 with positional encodings. "
            "Load it with GPT2LMHeadModel, not as a model without them."
        )


class NoPositions(torch.nn.Module):
    """Stands where the position embedding stood: zero for every position, however many there are."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(config.max_position_embeddings, config.hidden_size))

    def forward(self, position_ids: torch.Tensor) -> torch.Tensor:
        """(batch, length) positions to (batch, length, hidden) zeros."""
        return self.weight.new_zeros(*position_ids.shape, self.weight.shape[1])

    def _load_from_state_dict(self, state_dict, prefix, *args):
        refuse_positions(state_dict.get(prefix + "weight", self.weight))
        super()._load_from_state_dict(state_dict, prefix, *args)


class GPT2NoPositionalEncodingLMHeadModel(GPT2LMHeadModel):
    """A GPT-2 language model that is told nothing of positions, and takes sequences of any length."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer.wpe = NoPositions(config)

    @torch.no_grad()
    def _init_weights(self, module: torch.nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, NoPositions):
            module.weight.zero_()

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        """As in transformers; ValueError if the checkpoint has position embeddings that are not zero."""
        loaded = super().from_pretrained(*args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        refuse_positions(model.transformer.wpe.weight)
        return loaded

    def save_pretrained(self, *args, **kwargs):
        """As in transformers; ValueError if the position embeddings are not zero."""
        refuse_positions(self.transformer.wpe.weight)
        return super().save_pretrained(*args, **kwargs)


GPT2NoPositionalEncodingLMHeadModel.register_for_auto_class("AutoModelForCausalLM")
