"""Weights of a GPT-2 from a file, checked name by name before a model is made of them; nothing is left to chance."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.documents import read_json
from impossible_lms.errors import UserError
from impossible_lms.models.architectures import Architecture, model_class
from impossible_lms.models.checkpoints import quiet_transformers

if TYPE_CHECKING:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

POSITIONS, EMBEDDING, HEAD = "transformer.wpe.weight", "transformer.wte.weight", "lm_head.weight"
BASE = "transformer."  # before the names of all but the head; OpenAI's own GPT-2 was saved without
# Causal masks that transformers up to 4.30 kept among the weights.
_MASKS = re.compile(r"transformer\.h\.[0-9]+\.attn\.(bias|masked_bias)")
# What of a configuration decides what is computed. The rest, from code to attention kernels, is left where it is.
_SETTINGS = (
    "vocab_size",
    "n_positions",
    "n_embd",
    "n_layer",
    "n_head",
    "n_inner",
    "activation_function",
    "resid_pdrop",
    "embd_pdrop",
    "attn_pdrop",
    "layer_norm_epsilon",
    "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx",
    "reorder_and_upcast_attn",
    "bos_token_id",
    "eos_token_id",
    "tie_word_embeddings",
)


def build_model(config: Path, weights: Path, architecture: Architecture) -> "GPT2LMHeadModel":
    """A model from a `config.json` and a file of weights (safetensors or PyTorch's), in evaluation mode and float32.

    Raises:
        UserError: the file is damaged or more than weights, or its tensors are not exactly those that the configuration
            asks for; positions that a model without them would drop, or lack in a model with them, above all.
    """
    import torch

    settings = _settings(config)
    with torch.device("meta"):
        wanted = model_class(architecture)(settings).state_dict()
    state = _tensors(weights)
    _check_positions(weights, state, architecture)
    if not architecture.has_positions:
        state[POSITIONS] = torch.zeros(settings.n_positions, settings.n_embd)
    is_tied = settings.tie_word_embeddings
    if EMBEDDING in state and is_tied:
        state.setdefault(HEAD, state[EMBEDDING])
    shared = [name for name in wanted if name in state]
    for said, names in (
        ("lacks", [name for name in wanted if name not in state]),
        ("has no place for", [name for name in state if name not in wanted]),
        ("has another shape of", [name for name in shared if wanted[name].shape != state[name].shape]),
    ):
        if names:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise UserError(f"{weights}: {said} {', '.join(names[:5])}{more}, by {config.name} beside it.")
    if is_tied and not torch.equal(state[HEAD], state[EMBEDDING]):
        raise UserError(f"{weights}: {HEAD} is not {EMBEDDING}, as {config.name} says (tie_word_embeddings).")
    with quiet_transformers():
        model = model_class(architecture).from_pretrained(None, config=settings, state_dict=state, dtype=torch.float32)
    return model.eval()


def _settings(config: Path) -> "GPT2Config":
    from transformers import GPT2Config
    from transformers.activations import ACT2FN

    try:
        found = read_json(config)
        if found.get("model_type") != "gpt2":
            raise ValueError(f"model_type {found.get('model_type')}, gpt2 expected")
        settings = GPT2Config(**{name: found[name] for name in _SETTINGS if name in found})
        if settings.activation_function not in ACT2FN:
            raise ValueError(f"activation_function {settings.activation_function} is unknown")
        return settings
    except Exception as error:  # the configuration's own checks have no common class with JSON's below Exception
        raise UserError(f"{config}: cannot be read ({' '.join(str(error).split())[:200]}).") from error


def _tensors(weights: Path) -> "dict[str, torch.Tensor]":
    """The tensors of a file by name, masks left out. A pickle may hold tensors and nothing else."""
    import pickle  # only its error: torch reads the file with weights_only

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if weights.suffix == ".safetensors":
            found: Any = load_file(weights)
        else:
            found = torch.load(weights, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        said = " ".join(str(error).split("\n", 1)[0].split())
        raise UserError(f"{weights}: not a file of weights alone, or damaged ({said[:200]}).") from error
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise UserError(f"{weights}: not a file of weights alone: a tensor by each name is expected.")
    if EMBEDDING.removeprefix(BASE) in found:
        found = {name if name == HEAD else f"{BASE}{name}": tensor for name, tensor in found.items()}
    return {name: tensor for name, tensor in found.items() if not _MASKS.fullmatch(name)}


def _check_positions(weights: Path, state: "dict[str, torch.Tensor]", architecture: Architecture) -> None:
    """UserError where there are positions in a model without them, or none in a model with them."""
    if architecture.has_positions:
        if POSITIONS not in state:
            raise UserError(
                f"{weights}: has no {POSITIONS}, so it is a model without positional encodings, but its config.json "
                "says it has them. They would be random."
            )
    elif POSITIONS in state and state[POSITIONS].any():
        raise UserError(
            f"{weights}: {POSITIONS} is not zero, so it is a model with positional encodings, but its config.json says "
            "it has none. They would be lost."
        )
