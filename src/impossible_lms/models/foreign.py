"""Anybody's causal language model: loaded by transformers without code of its own, or refused in a line."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.documents import read_json
from impossible_lms.errors import UserError
from impossible_lms.models.checkpoints import quiet_transformers

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# A file with all weights, or a list of such files, in the order in which they are taken.
SINGLE = ("model.safetensors", "pytorch_model.bin")
WEIGHTS = tuple(name for each in SINGLE for name in (each, f"{each}.index.json"))
NAMED = 5  # in a message
BITS = 8  # of a byte: no number has less than one


def weight_files(folder: Path, where: str) -> list[Path]:
    """The files with the weights of a model: one, or the list of several and these. UserError where there are none."""
    for name in WEIGHTS:
        path = folder / name
        if not path.is_file():
            continue
        parts = parts_of(path) if name.endswith(".json") else []
        missing = [part for part in parts if not (folder / part).is_file()]
        if missing:
            raise UserError(f"{path}: names {missing[0]}, which is not there.")
        return [path, *(folder / part for part in parts)]
    more = ""
    for each in SINGLE:
        if alone := sorted(folder.glob(each.replace(".", "-*of*."))):
            more = f", but {alone[0].name} without the list that says what is in which ({each}.index.json)"
            break
    raise UserError(f"{where}: has neither of {' and '.join(SINGLE)}{more}.")


def parts_of(index: Path) -> list[str]:
    """The names of the files that a list of weights is of; UserError where it is none."""
    try:
        found = read_json(index)["weight_map"]
        names = sorted({str(name) for name in found.values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index}: not a list of weights ({error}).") from error
    if any("/" in name or "\\" in name or name.startswith(".") for name in names):
        raise UserError(f"{index}: names files outside its folder.")
    return names


def foreign_config(folder: Path) -> "PretrainedConfig":
    """The configuration of a model of transformers; UserError where it is none, or no causal language model's."""
    from transformers import AutoConfig, AutoModelForCausalLM

    path = folder / "config.json"
    with _as_a_line(path):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise UserError(f"{path}: transformers has no causal language model of type {config.model_type}.")
    return config


def room_of(folder: Path) -> int | None:
    """The most tokens that a model takes in, by its configuration; None where it takes any number."""
    found = getattr(foreign_config(folder).get_text_config(), "max_position_embeddings", None)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def load_foreign(folder: Path) -> Any:
    """The model in a folder, in evaluation mode and float32, as `AutoModelForCausalLM` makes it of its files.

    Raises:
        UserError: it wants code of its own; weights are missing or have another shape, and would be random; they give
            no numbers; or a token sees those after it, so that it is no causal model.
    """
    import torch
    from transformers import AutoModelForCausalLM

    config = foreign_config(folder)
    with _as_a_line(folder, lambda: _damaged(folder)), quiet_transformers(), _without_warnings():
        with torch.device("meta"):
            numbers = sum(each.numel() for each in AutoModelForCausalLM.from_config(config).parameters())
        files = weight_files(folder, str(folder))
        size = sum(path.stat().st_size for path in files)
        if numbers > BITS * size:  # what is missing would be drawn at random, gigabytes of it
            said = f"{size:,} bytes, and {numbers:,} numbers by its config.json. They are of another model."
            raise UserError(f"{files[0]}: its weights have {said}")
        model, info = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
        )
    for said, names in (("lacks", info["missing_keys"]), ("has another shape of", info["mismatched_keys"])):
        if names:
            found = sorted(str(name[0] if isinstance(name, tuple) else name) for name in names)
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            raise UserError(
                f"{folder}: {said} {', '.join(found[:NAMED])}{more}, by its config.json. It would be random."
            )
    model.eval()
    with _as_a_line(folder / "config.json"):  # some values in it are looked at when they are used
        _refuse_uncausal(model, folder)
    return model


def _refuse_uncausal(model: Any, folder: Path) -> None:
    """UserError where what is predicted after a token is no number, or depends on what comes later."""
    import torch

    rows = model.get_input_embeddings().weight.shape[0]
    ids = torch.arange(8)[None].repeat(2, 1) % rows
    ids[1, 4:] = torch.arange(9, 13) % rows
    with torch.inference_mode():
        first, second = model(input_ids=ids, use_cache=False).logits.float()
    if not (torch.stack([first, second]) < torch.inf).all():  # less than infinite: a token may be ruled out
        file = _damaged(folder) or folder
        raise UserError(f"{file}: its weights give no numbers (NaN or infinite). They are damaged, or of a bad run.")
    apart = torch.where(first == second, 0.0, (first - second).abs()).amax(1)
    if not apart[:4].max() <= 1e-4 * apart[4:].max():
        kind = model.config.model_type
        raise UserError(f"{folder}: of type {kind}, whose tokens see those after them. A causal model is expected.")


def _damaged(folder: Path) -> Path | None:
    """The first file of weights that cannot be read by itself, or holds what is no number; None where there is none."""
    import torch

    for path in weight_files(folder, str(folder)):
        try:
            whole = all(bool(torch.isfinite(values).all()) for values in _tensors(path) if values.is_floating_point())
        except Exception:  # what cannot be unpickled raises anything
            return path
        if not whole:
            return path
    return None


def _tensors(path: Path) -> Iterator[Any]:
    """The weights in a file, one after the other; none in a list of files."""
    import torch
    from safetensors import safe_open

    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as weights:
            yield from (weights.get_tensor(name) for name in weights.keys())  # noqa: SIM118 - no dictionary
    elif path.suffix == ".bin":
        yield from torch.load(path, map_location="cpu", weights_only=True).values()


@contextlib.contextmanager
def _as_a_line(path: Path, at_fault: Callable[[], Path | None] = lambda: None) -> Iterator[None]:
    """Whatever goes wrong in transformers while the block runs is one line, of what is `at_fault` or of `path`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # what transformers raises has no common class below Exception
        said = " ".join(str(error).split())
        if "trust_remote_code" in said:
            raise UserError(f"{path}: wants code of its own, which is never run.") from error
        file = at_fault() or path
        raise UserError(f"{file}: transformers cannot load it ({type(error).__name__}: {said[:200]}).") from error


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Without transformers' report of what it loaded, which is read and not shown."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
