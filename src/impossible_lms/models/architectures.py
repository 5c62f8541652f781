"""Architectures: names and sizes -> transformers configurations and fresh models."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from impossible_lms.errors import UserError

if TYPE_CHECKING:
    from transformers import GPT2Config, GPT2LMHeadModel

NO_POSITIONS_CLASS = "GPT2NoPositionalEncodingLMHeadModel"


@dataclass(frozen=True)
class Architecture:
    """A kind of model: its name, whether it is told positions, and a line about it."""

    name: str
    has_positions: bool
    summary: str


@dataclass(frozen=True)
class Size:
    """How large a model is."""

    layers: int
    heads: int
    width: int


ARCHITECTURES: dict[str, Architecture] = {
    "gpt2": Architecture("gpt2", True, "GPT-2"),
    "gpt2-no-pos": Architecture("gpt2-no-pos", False, "GPT-2 without positional encodings"),
}

SIZES: dict[str, Size] = {
    "small": Size(layers=12, heads=12, width=768),  # GPT-2 small, as published
    "tiny": Size(layers=4, heads=4, width=128),  # for demonstrations and tests on a laptop
}


def get_architecture(name: str) -> Architecture:
    """The architecture called `name`; UserError where there is none."""
    if name not in ARCHITECTURES:
        raise UserError(f"--model {name}: unknown. Known: {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def get_size(name: str) -> Size:
    """The size called `name`; UserError where there is none."""
    if name not in SIZES:
        raise UserError(f"--size {name}: unknown. Known: {', '.join(SIZES)}.")
    return SIZES[name]


def make_config(size: Size, *, vocabulary_size: int, context: int, end_of_text: int, dropout: float) -> "GPT2Config":
    """The configuration of a GPT-2 of this size.

    The attention is scaled by the inverse of the layer's number and computed in float32, as in the published models.
    """
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=vocabulary_size,
        n_positions=context,
        n_embd=size.width,
        n_layer=size.layers,
        n_head=size.heads,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
        scale_attn_by_inverse_layer_idx=True,
        reorder_and_upcast_attn=True,
        bos_token_id=end_of_text,
        eos_token_id=end_of_text,
    )


def model_class(architecture: Architecture) -> "type[GPT2LMHeadModel]":
    """The class of the architecture's models."""
    from transformers import GPT2LMHeadModel

    from impossible_lms.models.gpt2_no_pos import GPT2NoPositionalEncodingLMHeadModel

    kind: type[GPT2LMHeadModel] = GPT2LMHeadModel if architecture.has_positions else GPT2NoPositionalEncodingLMHeadModel
    return kind


def make_model(architecture: Architecture, config: "GPT2Config", seed: int) -> "GPT2LMHeadModel":
    """A model with fresh weights drawn from `seed`; both architectures draw the same for the weights they share."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model_class(architecture)(config)
