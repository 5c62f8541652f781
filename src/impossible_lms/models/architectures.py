"""Architectures: names and sizes, or any configuration of transformers -> configurations and fresh models."""

import difflib
import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.errors import UserError
from impossible_lms.models import configurations
from impossible_lms.models.configurations import Configure, Fits, Size
from impossible_lms.models.heads import blocks_of
from impossible_lms.network import cache_if_offline

if TYPE_CHECKING:
    from transformers import GPT2Config, PretrainedConfig

NO_POSITIONS_CLASS = "GPT2NoPositionalEncodingLMHeadModel"


@dataclass(frozen=True)
class Architecture:
    """A kind of model.

    Attributes:
        name: what it is asked for by.
        has_positions: whether a sequence may be no longer than a block; not of a model that is told nothing of places.
        summary: a line about it.
        is_of_transformers: whether it is all transformers' own, and loaded as such.
        order: how it knows in which order tokens stand.
        configure: its configuration at a size; None where it comes with one.
    """

    name: str
    has_positions: bool
    summary: str
    is_of_transformers: bool = False
    order: str = ""
    configure: Configure | None = field(default=None, compare=False, repr=False)


ARCHITECTURES: dict[str, Architecture] = {
    each.name: each
    for each in (
        Architecture("gpt2", True, "GPT-2", False, "learned positions", configurations.gpt2),
        Architecture(
            "gpt2-no-pos",
            False,
            "GPT-2 without positional encodings",
            False,
            "the causal mask alone",
            configurations.gpt2,
        ),
        Architecture("llama", True, "Llama", True, "rotary positions", configurations.llama),
        Architecture("bloom", True, "BLOOM", True, "ALiBi: attention falls with distance", configurations.bloom),
        Architecture("mamba", True, "Mamba", True, "recurrence (selective state space)", configurations.mamba),
        Architecture("rwkv", True, "RWKV-4", True, "recurrence (linear attention)", configurations.rwkv),
    )
}

SIZES: dict[str, Size] = {
    "small": Size(layers=12, heads=12, width=768),  # GPT-2 small, as published
    "tiny": Size(layers=4, heads=4, width=128),  # for demonstrations and tests on a laptop
}

# What the configurations of transformers call the probability of dropout.
DROPOUT_FIELDS = (
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_dropout",
    "attn_pdrop",
    "dropout",
    "emb_dropout",
    "embd_pdrop",
    "embed_dropout",
    "hidden_dropout",
    "hidden_dropout_prob",
    "resid_dropout",
    "resid_pdrop",
)


def architecture_named(name: str, configuration: dict[str, Any] | None) -> Architecture:
    """The architecture of that name in a run's record; one of transformers where the record has its configuration."""
    if configuration is not None:
        return Architecture(name, True, f"{configuration.get('model_type')} (a configuration of transformers)", True)
    return get_architecture(name)


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
    """The configuration of a GPT-2 of this size."""
    return configurations.gpt2(size, Fits(vocabulary_size, context, end_of_text, dropout))


def parameters_of(architecture: Architecture, size: Size, *, vocabulary_size: int, context: int) -> tuple[int, int]:
    """How many parameters a named architecture has at a size, and how many of them in its blocks.

    UserError for one that comes with a configuration.
    """
    import torch

    config = _configure(architecture)(size, Fits(vocabulary_size, context, 0, 0.0))
    with torch.device("meta"):
        model = make_model(architecture, config, 0)
    whole, blocks = (sum(each.numel() for each in part.parameters()) for part in (model, blocks_of(model)))
    return whole, blocks


def read_config(
    spec: str, *, vocabulary_size: int, context: int, end_of_text: int, dropout: float
) -> "tuple[str, PretrainedConfig]":
    """Any configuration of a causal language model: a name for it, and the configuration made to fit a dataset.

    Args:
        spec: a folder with `config.json`, such a file, or the id of a Hugging Face repository.
        vocabulary_size: of the dataset; takes the place of the configuration's own.
        context: tokens in a block.
        end_of_text: the id that begins and ends a text, and pads.
        dropout: goes into every field for dropout that the configuration has.

    Raises:
        UserError: there is no such configuration, it is not a causal language model's, it wants code of its own, or it
            has fewer positions than a block.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    path = Path(spec)
    name = path.resolve().parent.name if path.name == "config.json" else path.name.removesuffix(".json")
    try:
        with nullcontext() if path.exists() else cache_if_offline():
            config = AutoConfig.from_pretrained(spec, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        known = ", ".join(ARCHITECTURES)
        near = "".join(f" Did you mean {name}?" for name in difflib.get_close_matches(spec, ARCHITECTURES, n=1))
        reason = " ".join(str(error).split()).partition(". ")[0].removesuffix(".")
        raise UserError(
            f"--model {spec}: neither {known}, nor a folder or file with a configuration of transformers, nor a model "
            f"that can be had from the Hugging Face Hub ({reason[:200]}).{near}"
        ) from error
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise UserError(f"--model {spec}: transformers has no causal language model of type {config.model_type}.")
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions < context:
        raise UserError(f"--model {spec}: max_position_embeddings {positions}, but blocks have {context} tokens.")
    config.vocab_size = vocabulary_size
    config.bos_token_id = config.eos_token_id = config.pad_token_id = end_of_text
    config.dtype = "float32"
    for name_of_field in DROPOUT_FIELDS:
        if isinstance(getattr(config, name_of_field, None), float | int):
            setattr(config, name_of_field, dropout)
    return name, config


def described_model(
    spec: str, size: str | None, *, vocabulary_size: int, context: int, end_of_text: int, dropout: float
) -> "tuple[Architecture, PretrainedConfig, dict[str, Any]]":
    """The architecture that `spec` names, its configuration for a dataset, and what a run's record says of them.

    Args:
        spec: a name of `ARCHITECTURES`, or a configuration of transformers, as `read_config` takes it.
        size: of a name, `small` where None; others have their own.

    Raises:
        UserError: no such model or size, or a size for a configuration that has its own. All else as `read_config`.
    """
    fits: dict[str, Any] = {
        "vocabulary_size": vocabulary_size,
        "context": context,
        "end_of_text": end_of_text,
        "dropout": dropout,
    }
    if spec in ARCHITECTURES:
        named, described = described_by_name(spec, size)
        return named, _configure(named)(get_size(described["size"]), Fits(**fits)), described
    name, config = read_config(spec, **fits)
    if size is not None:
        raise UserError(f"--size {size}: the configuration {spec} has its own. Leave --size out.")
    architecture = Architecture(name, True, config.model_type, is_of_transformers=True)
    return architecture, config, {"model": name, "configuration": as_record(config)}


def described_by_name(name: str, size: str | None) -> tuple[Architecture, dict[str, Any]]:
    """A named architecture, and what a run's record says of it at a size; no library is imported for it."""
    size = size or "small"
    get_size(size)
    return get_architecture(name), {"model": name, "size": size}


def _configure(architecture: Architecture) -> Configure:
    """What makes the configurations of a named architecture; UserError for one that comes with a configuration."""
    if architecture.configure is None:
        raise UserError(f"--model {architecture.name}: has a size of its own.")
    return architecture.configure


def as_record(config: "PretrainedConfig") -> dict[str, Any]:
    """All of a configuration that decides the model, as JSON holds it."""
    record: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    for key in ("transformers_version", "_name_or_path", "architectures"):
        record.pop(key, None)
    return record


def make_model(architecture: Architecture, config: "PretrainedConfig", seed: int) -> Any:
    """A model with fresh float32 weights drawn from `seed`; GPT-2 with and without positions draw the same."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind = model_class(architecture)
        return kind.from_config(config) if architecture.is_of_transformers else kind(config)


def model_class(architecture: Architecture) -> Any:
    """What loads the architecture's models with `from_pretrained`."""
    from transformers import AutoModelForCausalLM, GPT2LMHeadModel

    from impossible_lms.models.gpt2_no_pos import GPT2NoPositionalEncodingLMHeadModel

    if architecture.is_of_transformers:
        return AutoModelForCausalLM
    return GPT2LMHeadModel if architecture.has_positions else GPT2NoPositionalEncodingLMHeadModel
