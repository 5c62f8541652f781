"""Checkpoints: complete Hugging Face folders with a manifest; write, list and open them."""

import contextlib
import copy
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from impossible_lms.documents import read_json
from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST, folder_beside, read_manifest, to_json, verify_files, write_text
from impossible_lms.models.architectures import (
    ARCHITECTURES,
    NO_POSITIONS_CLASS,
    Architecture,
    architecture_named,
    model_class,
)
from impossible_lms.tokenizer import Tokenizer, load_marked_tokenizer

if TYPE_CHECKING:
    import torch

CHECKPOINT = "checkpoint"
_NAME = re.compile(r"checkpoint-([0-9]+)")


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was after `step` steps, in `folder`; of the run of the identity `run`, where it is asked for."""

    folder: Path
    step: int
    run: str | None = None

    @property
    def revision(self) -> str:
        """The name of its revision in a published repository."""
        return f"checkpoint-{self.step}"

    def files(self) -> list[Path]:
        """What a repository holds of it: all files in its manifest, which they are compared with."""
        self.verify()
        return sorted(self.folder / name for name in self._manifest()["files"])

    def verify(self) -> None:
        """UserError where a file is not as its manifest says, or it is another one than its name and its run say."""
        verify_files(self.folder, self._manifest())

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, with the markers it has; UserError where its files are not as the manifest says."""
        self.verify()
        return load_marked_tokenizer(self.folder)

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration; UserError where its files are not as the manifest says."""
        self.verify()
        return config_of(self.folder)

    def _manifest(self) -> dict[str, Any]:
        manifest = read_manifest(self.folder, CHECKPOINT, {"step": int, "run": (str, NoneType)})
        record = manifest["record"]
        if record["step"] != self.step or (self.run is not None and record["run"] != self.run):
            raise UserError(f"{self.folder / MANIFEST}: of another checkpoint or run. Remove the folder.")
        return manifest

    def digests(self) -> dict[str, str]:
        """The sha256 of every file, by name, from the manifest."""
        manifest = self._manifest()
        return {name: entry["sha256"] for name, entry in manifest["files"].items()}

    def load(self) -> Any:
        """The model in float32, for evaluation, once its files are as the manifest says; UserError where not."""
        import torch

        self.verify()
        with quiet_transformers():
            kind = model_class(architecture_of(self.folder))
            model = kind.from_pretrained(self.folder, local_files_only=True, dtype=torch.float32)
        return model.eval()


class Blank:
    """The shape of a model without its weights, to make checkpoints from while the model itself is trained on."""

    def __init__(self, model: Any, tokenizer: Tokenizer, context: int, dtype: str) -> None:
        """Args: a model whose configuration and buffers to take, `context` tokens, and `fp32` or `bf16` weights."""
        import torch

        self._dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        self._tokenizer, self._context = tokenizer, context
        parameters = dict(model.named_parameters())
        # Buffers have values of their own (the zeros of GPT-2 without positions); tied weights stand once.
        self._buffers = {
            name: value.clone()
            for name, value in model.state_dict().items()
            if all(value.data_ptr() != parameter.data_ptr() for parameter in parameters.values())
        }
        self._numbers = sum(parameter.numel() for parameter in parameters.values())
        with torch.device("meta"):
            self._model = type(model)(copy.deepcopy(model.config))
        for name, buffer in model.named_buffers():
            owner, _, leaf = name.rpartition(".")
            self._model.get_submodule(owner)._buffers[leaf] = buffer.clone()
        self._model.to(self._dtype)

    def save(self, weights: "Mapping[str, torch.Tensor]", folder: Path, step: int, run: str) -> Checkpoint:
        """Write a checkpoint of a run with these weights, by the names of the model's parameters."""
        filled = {
            name: value.to(self._dtype) if value.is_floating_point() else value
            for name, value in {**weights, **self._buffers}.items()
        }
        return save_checkpoint(
            self._model, self._tokenizer, folder, step, context=self._context, weights=filled, run=run
        )

    def checkpoint_bytes(self) -> int:
        """Bytes of a checkpoint's weights and tokenizer; its other files have some thousands."""
        with tempfile.TemporaryDirectory() as scratch:
            self._tokenizer.save(Path(scratch), context=self._context)
            tokenizer = sum(path.stat().st_size for path in Path(scratch).iterdir())
        buffers = sum(value.numel() for value in self._buffers.values())
        return int((self._numbers + buffers) * self._dtype.itemsize + tokenizer)


def save_checkpoint(
    model: Any,
    tokenizer: Tokenizer,
    folder: Path,
    step: int,
    *,
    context: int,
    weights: "Mapping[str, torch.Tensor] | None" = None,
    run: str | None = None,
) -> Checkpoint:
    """Write the model after `step` steps as a complete Hugging Face folder; it appears whole or not at all.

    `config.json` says `GPT2LMHeadModel` also for a model without positions: with its `wpe` of zeros that is what it
    is to every tool that knows GPT-2. `auto_map` leads to the class without positions those who trust remote code.

    Args:
        model: what to save, or its shape alone where `weights` are given, by name.
        tokenizer: goes with it.
        folder: the checkpoint's.
        step: how many steps were taken.
        context: the longest sequence it was trained on, for the tokenizer.
        weights: in place of the model's own.
        run: the identity of the run it is of.
    """
    with folder_beside(folder, CHECKPOINT, {"step": step, "run": run}) as part:
        with quiet_transformers():
            model.generation_config.pad_token_id = tokenizer.end_of_text
            model.save_pretrained(part, state_dict=None if weights is None else dict(weights))
        config = read_json(part / "config.json")
        if config["model_type"] == "gpt2":
            config["architectures"] = ["GPT2LMHeadModel"]
            write_text(part / "config.json", to_json(config))
        tokenizer.save(part, context=context)
    return Checkpoint(folder, step)


def checkpoint_step(name: str) -> int | None:
    """N of the name `checkpoint-N`; None for any other name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def list_checkpoints(folder: Path, run: str | None = None) -> list[Checkpoint]:
    """The checkpoints `checkpoint-N` below `folder`, in the order of their steps.

    `run` is the identity that their run is to have. They appear by renaming, so one that is not whole has been damaged,
    and says so when it is used.
    """
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        step = checkpoint_step(path.name)
        if step is not None and path.is_dir() and any(path.iterdir()):
            found.append(Checkpoint(path, step, run))
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def config_of(folder: Path) -> dict[str, Any]:
    """The configuration of a saved model; UserError where it is none."""
    path = folder / "config.json"
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: a {type(found).__name__}, an object expected.")
    return found


def architecture_of(folder: Path) -> Architecture:
    """The architecture of a saved model, from its config: ours say it in `auto_map`, others in `architectures`."""
    config = config_of(folder)
    kind = config.get("model_type")
    if kind is None:
        raise UserError(f"{folder / 'config.json'}: model_type {kind}, gpt2 expected.")
    if kind != "gpt2":
        return architecture_named(str(kind), config)
    classes = [(config.get("auto_map") or {}).get("AutoModelForCausalLM", ""), *(config.get("architectures") or [])]
    has_positions = not any(str(name).endswith(NO_POSITIONS_CLASS) for name in classes)
    return ARCHITECTURES["gpt2" if has_positions else "gpt2-no-pos"]


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' progress bars while the block runs."""
    from transformers.utils import logging

    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
