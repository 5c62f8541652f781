"""Configurations of the named architectures: at each size as many parameters as a GPT-2 of it, to 5 %.

Width and vocabulary are those of the GPT-2 and the head is its embedding, so that what differs is in the blocks: their
inner width is chosen (llama, rwkv), or their number (mamba, whose blocks are half as large).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import BloomConfig, GPT2Config, LlamaConfig, MambaConfig, PretrainedConfig, RwkvConfig


@dataclass(frozen=True)
class Size:
    """How large a model is."""

    layers: int
    heads: int
    width: int


@dataclass(frozen=True)
class Fits:
    """What of a configuration the data and the recipe decide.

    Attributes:
        vocabulary_size: of the dataset.
        context: tokens in a block.
        end_of_text: the id that begins and ends a text, and pads.
        dropout: goes into every field for dropout that the configuration has.
    """

    vocabulary_size: int
    context: int
    end_of_text: int
    dropout: float

    @property
    def common(self) -> dict[str, Any]:
        """What all configurations of transformers call alike."""
        ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), self.end_of_text)
        return {"vocab_size": self.vocabulary_size, "tie_word_embeddings": True, "dtype": "float32", **ends}


Configure = Callable[[Size, Fits], "PretrainedConfig"]


def gpt2(size: Size, fits: Fits) -> "GPT2Config":
    """The attention is scaled by the inverse of the layer's number and computed in float32, as in published models."""
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=fits.vocabulary_size,
        n_positions=fits.context,
        n_embd=size.width,
        n_layer=size.layers,
        n_head=size.heads,
        resid_pdrop=fits.dropout,
        embd_pdrop=fits.dropout,
        attn_pdrop=fits.dropout,
        scale_attn_by_inverse_layer_idx=True,
        reorder_and_upcast_attn=True,
        bos_token_id=fits.end_of_text,
        eos_token_id=fits.end_of_text,
    )


def llama(size: Size, fits: Fits) -> "LlamaConfig":
    """Three matrices in the feed-forward part where GPT-2 has two, so that its inner width is two thirds of GPT-2's."""
    from transformers import LlamaConfig

    return LlamaConfig(
        hidden_size=size.width,
        intermediate_size=8 * round(size.width / 3),
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=fits.context,
        attention_dropout=fits.dropout,
        **fits.common,
    )


def bloom(size: Size, fits: Fits) -> "BloomConfig":
    """The blocks of GPT-2, and a layer norm after the embedding."""
    from transformers import BloomConfig

    return BloomConfig(
        hidden_size=size.width,
        n_layer=size.layers,
        n_head=size.heads,
        hidden_dropout=fits.dropout,
        attention_dropout=fits.dropout,
        **fits.common,
    )


def mamba(size: Size, fits: Fits) -> "MambaConfig":
    """As many of its blocks as have the parameters of GPT-2's."""
    from transformers import MambaConfig

    width, state, inner, rank = size.width, 16, 2 * size.width, -(-size.width // 16)
    of_gpt2 = 12 * width**2 + 13 * width
    of_one = 3 * width * inner + inner * (2 * rank + 3 * state + 7) + width
    return MambaConfig(
        hidden_size=width,
        state_size=state,
        time_step_rank=rank,
        num_hidden_layers=round(size.layers * of_gpt2 / of_one),
        **fits.common,
    )


def rwkv(size: Size, fits: Fits) -> "RwkvConfig":
    """Five square matrices in a block, and two of an inner width that makes them twelve. Weights are never rescaled."""
    from transformers import RwkvConfig

    return RwkvConfig(
        hidden_size=size.width,
        attention_hidden_size=size.width,
        intermediate_size=7 * size.width // 2,
        num_hidden_layers=size.layers,
        context_length=fits.context,
        rescale_every=0,
        **fits.common,
    )
