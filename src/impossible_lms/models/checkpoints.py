"""Checkpoints: complete Hugging Face folders with a manifest; write, list and open them."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST, folder_beside, read_manifest, to_json, verify_files, write_text
from impossible_lms.models.architectures import ARCHITECTURES, NO_POSITIONS_CLASS, Architecture, model_class
from impossible_lms.tokenizer import Tokenizer

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

CHECKPOINT = "checkpoint"
_NAME = re.compile(r"checkpoint-([0-9]+)")


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was after `step` steps, in `folder`."""

    folder: Path
    step: int

    @property
    def revision(self) -> str:
        """The name of its revision in a published repository."""
        return f"checkpoint-{self.step}"

    def files(self) -> list[Path]:
        """What a repository holds of it: all files but the manifest."""
        return sorted(path for path in self.folder.iterdir() if path.name != MANIFEST)

    def digests(self) -> dict[str, str]:
        """The sha256 of every file, by name, from the manifest."""
        manifest = read_manifest(self.folder, CHECKPOINT)
        return {name: entry["sha256"] for name, entry in manifest["files"].items()}

    def weights_digest(self) -> str:
        """The sha256 of its weights, from the manifest."""
        return self.digests()["model.safetensors"]

    def load(self) -> "GPT2LMHeadModel":
        """The model, in evaluation mode, once its files are found to be as the manifest says; UserError where not."""
        verify_files(self.folder, read_manifest(self.folder, CHECKPOINT))
        with quiet_transformers():
            model = model_class(architecture_of(self.folder)).from_pretrained(self.folder, local_files_only=True)
        return model.eval()


def save_checkpoint(model: "GPT2LMHeadModel", tokenizer: Tokenizer, folder: Path, step: int) -> Checkpoint:
    """Write the model after `step` steps as a complete Hugging Face folder; it appears whole or not at all.

    `config.json` says `GPT2LMHeadModel` also for a model without positions: with its `wpe` of zeros that is what it
    is to every tool that knows GPT-2. `auto_map` leads to the class without positions those who trust remote code.
    """
    with folder_beside(folder, CHECKPOINT, {"step": step}) as part:
        with quiet_transformers():
            model.generation_config.pad_token_id = tokenizer.end_of_text
            model.save_pretrained(part)
        config = json.loads((part / "config.json").read_text(encoding="utf-8"))
        config["architectures"] = ["GPT2LMHeadModel"]
        write_text(part / "config.json", to_json(config))
        tokenizer.save(part, context=config["n_positions"])
    return Checkpoint(folder, step)


def checkpoint_step(name: str) -> int | None:
    """N of the name `checkpoint-N`; None for any other name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def list_checkpoints(folder: Path) -> list[Checkpoint]:
    """The finished checkpoints `checkpoint-N` below `folder`, in the order of their steps."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        step = checkpoint_step(path.name)
        if step is not None and (path / MANIFEST).is_file():
            found.append(Checkpoint(path, step))
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def architecture_of(folder: Path) -> Architecture:
    """The architecture of a saved model, from its config: ours say it in `auto_map`, others in `architectures`."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / 'config.json'}: cannot be read ({error}).") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "gpt2":
        raise UserError(f"{folder / 'config.json'}: model_type {kind}, gpt2 expected.")
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
