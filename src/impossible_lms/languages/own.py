"""Languages of one's own: a function or class in any Python file or installed package, made into a Language."""

import difflib
import hashlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impossible_lms.errors import UserError
from impossible_lms.languages.language import (
    OWN,
    Family,
    Language,
    Rewritten,
    Rule,
    Sentences,
    each_marker_once,
    no_bits,
    unknown_bits,
)
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

ENTRY_POINTS = "impossible_lms.languages"  # group in which a package names its languages
ARGUMENTS = ("tokens", "sentences", "generator")


def own_language(spec: str) -> Language:
    """The language that `spec`, `path/to/file.py:Name`, names.

    `Name` is a `Language`; or a function, or a class with a method `rewrite`, that takes what it names of `tokens` (the
    tokens of k sentences as a Ragged), `sentences` (the whole block with its columns of annotation), and `generator`
    (for draws; who takes none is deterministic), and returns k sequences as a Ragged, or a Rewritten. A class may also
    have `inverse(tokens)`, `added_bits(tokens)`, `well_formed(tokens)`, and the attributes `name`, `control`,
    `markers`, `summary`, `seed`.

    Raises:
        UserError: no such file or name, the file cannot be run, or what it names is no language.
    """
    path, _, name = spec.rpartition(":")
    file = Path(path)
    if not file.is_file():
        raise UserError(f"language {spec}: {path} is no file. Expected path/to/file.py:Name.")
    module = _module(file, spec)
    found = getattr(module, name, None)
    if found is None:
        near = difflib.get_close_matches(name, [key for key in vars(module) if not key.startswith("_")], n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UserError(f"language {spec}: {path} has no {name}.{hint}")
    return _made(found, spec, file, hashlib.sha256(file.read_bytes()).hexdigest())


def installed_languages() -> dict[str, Language]:
    """The languages that installed packages name in the entry point group `impossible_lms.languages`."""
    found = {}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            thing = entry.load()
        except Exception as error:
            raise UserError(f"language {entry.name}: {entry.value} cannot be loaded ({_said(error)}).") from error
        file = Path(sys.modules[entry.module].__file__ or "")
        found[entry.name] = _made(thing, entry.name, file, hashlib.sha256(file.read_bytes()).hexdigest())
    return found


def _module(file: Path, spec: str) -> Any:
    name = f"impossible_lms_own_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]}"
    found = importlib.util.spec_from_file_location(name, file)
    if found is None or found.loader is None:
        raise UserError(f"language {spec}: {file} is no Python file.")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        found.loader.exec_module(module)
    except SyntaxError as error:
        raise UserError(f"language {spec}: {file} line {error.lineno}: {error.msg}.") from error
    except Exception as error:
        raise UserError(f"language {spec}: {_where(error, file)}{_said(error)}.") from error
    return module


def _made(found: Any, spec: str, file: Path, version: str) -> Language:
    """`found` in `file` as a Language whose rule says in one line what it does wrong; `version` is of its code."""
    if isinstance(found, Language):
        return _guarded(found, spec, file, version)
    if inspect.isclass(found):
        try:
            found = found()
        except Exception as error:
            raise UserError(f"language {spec}: it cannot be made without arguments ({_said(error)}).") from error
    rewrite = getattr(found, "rewrite", found)
    if not callable(rewrite):
        raise UserError(f"language {spec}: neither a Language, nor a function, nor a class with a method rewrite.")
    arguments = list(inspect.signature(rewrite).parameters)
    if not arguments or not set(arguments) <= set(ARGUMENTS):
        raise UserError(f"language {spec}: rewrite takes {arguments}; it may take {', '.join(ARGUMENTS)}.")
    named = str(getattr(found, "name", _kebab(getattr(found, "__name__", type(found).__name__))))
    markers = tuple(getattr(found, "markers", ()))
    inverse, bits, well = (getattr(found, name, None) for name in ("inverse", "added_bits", "well_formed"))
    language = Language(
        name=named,
        family=Family(f"own:{named}", markers),
        control=str(getattr(found, "control", "no-shuffle")),
        rule=_rule(rewrite, arguments),
        summary=str(getattr(found, "summary", (inspect.getdoc(found) or named).split("\n")[0].rstrip("."))),
        style=getattr(found, "style", OWN),
        seed=int(getattr(found, "seed", 0)),
        added_bits=_bits(bits, draws="generator" in arguments),
        inverse=(lambda tokens, tokenizer: inverse(tokens)) if inverse else None,
        well_formed=(lambda tokens, tokenizer: np.asarray(well(tokens), bool)) if well else each_marker_once,
    )
    return _guarded(language, spec, file, version)


def _rule(rewrite: Callable[..., Any], arguments: list[str]) -> Rule:
    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        given = {"tokens": sentences.tokens, "sentences": sentences, "generator": generator}
        made = rewrite(**{name: given[name] for name in arguments})
        if isinstance(made, Rewritten):
            return made
        return Rewritten(made, _changed(sentences.tokens, made) if isinstance(made, Ragged) else np.empty(0, bool))

    return rule


def _guarded(language: Language, spec: str, file: Path, version: str) -> Language:
    """The language with a rule that checks what it gives; UserError names `spec` and the sentence at fault."""
    rule, where = language.rule, f"language {spec}"

    def guarded(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        before = sentences.tokens.values.copy()
        try:
            made = rule(sentences, generator)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{where}: {_where(error, file)}{_said(error)}.") from error
        fault = _fault(made, sentences)
        if fault is None and not np.array_equal(before, sentences.tokens.values):
            fault = "it changes the tokens it is given; work on a copy"
        if fault:
            raise UserError(f"{where}: {fault}.")
        tokens = Ragged(made.tokens.values.astype(sentences.tokenizer.dtype), made.tokens.offsets)
        return Rewritten(tokens, made.affected, made.dropped, made.origins)

    return replace(language, rule=guarded, spec=spec, version=version)


def _fault(made: Any, sentences: Sentences) -> str | None:
    """What is wrong with the result of a rule, if anything is."""
    if not isinstance(made, Rewritten) or not isinstance(made.tokens, Ragged):
        given = type(made.tokens if isinstance(made, Rewritten) else made).__name__
        return f"it returns a {given}; a Ragged (or a Rewritten) is expected"
    tokens, count = made.tokens, len(sentences.columns)
    if len(tokens) != count:
        return f"it returns {len(tokens)} sequences for {count} sentences; one for each is expected"
    if tokens.values.dtype.kind not in "iu":
        return f"its tokens are {tokens.values.dtype}, not whole numbers"
    if made.affected.shape != (count,) or made.affected.dtype != bool:
        return f"`affected` is {made.affected.dtype} of shape {made.affected.shape}; bool of ({count},) is expected"
    for reason, mask in made.dropped.items():
        if mask.shape != (count,) or mask.dtype != bool:
            return f"the mask of '{reason}' is {mask.dtype} of shape {mask.shape}; bool of ({count},) is expected"
    size = sentences.tokenizer.vocabulary_size
    outside = (tokens.values < 0) | (tokens.values >= size)
    if outside.any():
        place = int(np.argmax(outside))
        sentence = int(np.searchsorted(tokens.offsets, place, side="right")) - 1
        text = sentences.columns.column("text")[sentence].as_py()
        return f'id {tokens.values[place]} is not of the vocabulary (0 to {size - 1}), in the sentence "{text[:60]}"'
    return None


def _changed(before: Ragged, after: Ragged) -> NDArray[np.bool_]:
    """(k,) bool: which sentences differ."""
    if len(before) != len(after):
        return np.empty(0, bool)
    pairs = zip(before, after, strict=True)
    return np.array([not np.array_equal(old, new) for old, new in pairs], dtype=bool)


def _bits(given: Any, draws: bool) -> Callable[[Ragged, Tokenizer], NDArray[np.float64]]:
    """What a language says of the bits it adds, `added_bits(tokens)`, or what is known where it says nothing."""
    if given is None or given is no_bits:
        return unknown_bits if draws and given is None else no_bits
    return lambda tokens, tokenizer: np.asarray(given(tokens), dtype=np.float64)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def _where(error: Exception, file: Path) -> str:
    """The innermost line of a traceback that is in `file`."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == file.resolve()
    ]
    return f"{file} line {lines[-1]}: " if lines else ""


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ").rstrip(".")
