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
from impossible_lms.files import is_there
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
IN_A_FILE = re.compile(r"\.py:\w+$")
ARGUMENTS, GIVEN = ("tokens", "sentences", "generator"), ("tokens", "tokenizer")
Rewriter = Callable[..., Any]  # a function, or a class or object with a method `rewrite`
# Languages known by their names in this process: of functions and classes that no file holds (those of a notebook's
# cells), and the controls of languages of users' own.
HERE: dict[str, Language] = {}


def own_language(spec: str) -> Language:
    """The language that `spec`, `path/to/file.py:Name`, names.

    `Name` is a `Language`; or a function, or a class with a method `rewrite`, that takes what it names of `tokens` (the
    tokens of k sentences as a Ragged), `sentences` (the whole block with its columns of annotation), and `generator`
    (for draws; who takes none is deterministic), and returns k sequences as a Ragged, or a Rewritten. A class may also
    have `inverse(tokens)`, `to_control(tokens)`, `added_bits(tokens)` and `well_formed(tokens)`, which may ask for the
    `tokenizer` too, and the attributes `name`, `control`, `markers`, `needs`, `summary`, `seed`; a function has them as
    attributes. `control` is the name of a language, or a function or class or `file.py:Name` that is its own control.

    Raises:
        UserError: no such file or name, the file cannot be run, or what it names is no language.
    """
    path, _, name = spec.rpartition(":")
    file = Path(path)
    if not (is_there(file) and file.is_file()):
        raise UserError(f"language {spec}: {path} is no file. Expected path/to/file.py:Name.")
    module = _module(file, spec)
    found = getattr(module, name, None)
    if found is None:
        near = difflib.get_close_matches(name, [key for key in vars(module) if not key.startswith("_")], n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UserError(f"language {spec}: {path} has no {name}.{hint}")
    return _made(found, spec, file, hashlib.sha256(file.read_bytes()).hexdigest())


def languages_in(path: Path) -> list[str]:
    """The specs of all languages in a file; UserError where there is none, or the file cannot be run."""
    spec = str(path)
    if not path.is_file():
        raise UserError(f"language {spec}: no such file.")
    module = _module(path, spec)
    names = [name for name, thing in vars(module).items() if not name.startswith("_") and _is_language(thing, module)]
    if not names:
        raise UserError(
            f"language {spec}: no language in it. One is a function of {', '.join(ARGUMENTS)} or some of these, or a "
            "class with such a method `rewrite`."
        )
    return [f"{path}:{name}" for name in names]


def _is_language(thing: Any, module: Any) -> bool:
    if isinstance(thing, Language):
        return True
    if getattr(thing, "__module__", None) != module.__name__:
        return False  # imported
    rewrite = (
        getattr(thing, "rewrite", None) if inspect.isclass(thing) else thing if inspect.isfunction(thing) else None
    )
    asked = set(inspect.signature(rewrite).parameters) - {"self"} if callable(rewrite) else set()
    return bool(asked) and asked <= set(ARGUMENTS)


def language_from(thing: Rewriter) -> Language:
    """The language that a function, a class or an object of one is, as `own_language` makes it from a file's.

    Where the file is known it is named, so that other processes find the language again; what was typed into a notebook
    is known to this process alone.

    Raises:
        UserError: it is no language.
    """
    name = str(getattr(thing, "__name__", type(thing).__name__))
    module = sys.modules.get(str(getattr(thing, "__module__", "")))
    file = Path(getattr(module, "__file__", None) or "")
    is_found_again = module is not None and module.__name__ != "__main__" and getattr(module, name, None) is thing
    if is_found_again and file.suffix == ".py":
        return _made(thing, f"{file}:{name}", file, hashlib.sha256(file.read_bytes()).hexdigest())
    return replace(_made(thing, name, Path("a cell"), _version(thing)), spec="")


def _version(thing: Any) -> str:
    """What tells the code of a function or class from another's, as far as it is known where it was typed."""
    try:
        code = inspect.getsource(thing if inspect.isfunction(thing) or inspect.isclass(thing) else type(thing))
    except (OSError, TypeError):
        rewrite = getattr(thing, "rewrite", thing)
        found = getattr(rewrite, "__code__", None)
        code = repr((found.co_code, found.co_consts)) if found is not None else repr(thing)
    return hashlib.sha256(code.encode()).hexdigest()


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
    needs, well = getattr(found, "needs", ()), _of_tokens(found, "well_formed", spec)
    control = _control(found, named, spec, file)
    language = Language(
        name=named,
        family=Family(f"own:{named}", markers),
        control=control,
        rule=_rule(rewrite, arguments, is_control=control == named),
        summary=str(getattr(found, "summary", (inspect.getdoc(found) or named).split("\n")[0].rstrip("."))),
        style=getattr(found, "style", OWN),
        seed=int(getattr(found, "seed", 0)),
        needs=(needs,) if isinstance(needs, str) else tuple(needs),
        added_bits=_bits(found, spec, draws="generator" in arguments),
        inverse=_of_tokens(found, "inverse", spec),
        to_control=_of_tokens(found, "to_control", spec),
        well_formed=(lambda tokens, tokenizer: np.asarray(well(tokens, tokenizer), bool)) if well else each_marker_once,
    )
    return _guarded(language, spec, file, version)


def _of_tokens(found: Any, name: str, spec: str) -> Callable[[Ragged, Tokenizer], Any] | None:
    """A function of a language that takes tokens, and the tokenizer where it names it; None where there is none."""
    function = getattr(found, name, None)
    if function is None or function in (no_bits, each_marker_once):
        return function
    asked = list(inspect.signature(function).parameters)
    if not set(asked) <= set(GIVEN) or "tokens" not in asked:
        raise UserError(f"language {spec}: {name} takes {asked}; it takes tokens, and may take the tokenizer.")

    def called(tokens: Ragged, tokenizer: Tokenizer) -> Any:
        given = {"tokens": tokens, "tokenizer": tokenizer}
        return function(**{each: given[each] for each in asked})

    return called


def _control(found: Any, named: str, spec: str, file: Path) -> str:
    """The name of a language's control; one of the user's own is known by its name in this process from then on."""
    control = getattr(found, "control", "no-shuffle")
    if control is found or control is type(found):
        return named
    if isinstance(control, str) and not IN_A_FILE.search(control):
        return control
    if isinstance(control, str):
        path, _, name = control.rpartition(":")
        there = file.parent / path if (file.parent / path).is_file() else Path(path)
        if f"{there.resolve()}:{name}" == f"{file.resolve()}:{spec.rpartition(':')[2]}":
            return named
        thing = getattr(_module(there, spec), name, None) if there.is_file() else None
        if thing is None:
            raise UserError(f"language {spec}: its control {control} is not there.")
    else:
        thing, name = control, str(getattr(control, "__name__", type(control).__name__))
    itself = str(getattr(thing, "name", _kebab(name)))
    own = getattr(thing, "control", None)
    if own is not thing and own != itself and not (isinstance(own, str) and own.endswith(f".py:{name}")):
        raise UserError(f'language {spec}: its control {itself} is no control. Write {name}.control = "{itself}".')
    HERE[itself] = language_from(thing)
    return itself


def _rule(rewrite: Callable[..., Any], arguments: list[str], *, is_control: bool) -> Rule:
    """The rule of a function: sentences that it changes are affected, and all of a control, as of the built-in ones."""

    def rule(sentences: Sentences, generator: np.random.Generator) -> Rewritten:
        given = {"tokens": sentences.tokens, "sentences": sentences, "generator": generator}
        made = rewrite(**{name: given[name] for name in arguments})
        if isinstance(made, Ragged):
            made = Rewritten(made, _changed(sentences.tokens, made), by_change=True)
        if not isinstance(made, Rewritten):
            return Rewritten(made, np.empty(0, bool))
        is_all = is_control and made.by_change
        return replace(made, affected=np.ones(len(made.tokens), bool)) if is_all else made

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
            raise UserError(f"{where}: {_where(error, file)}{_said(error)}.{_hint(error)}") from error
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


def _bits(found: Any, spec: str, draws: bool) -> Callable[[Ragged, Tokenizer], NDArray[np.float64]]:
    """The bits that a language adds by its own `added_bits(tokens)`, or what is known where it has none."""
    given = _of_tokens(found, "added_bits", spec)
    if given is None or given is no_bits:
        return unknown_bits if draws and given is None else no_bits
    return lambda tokens, tokenizer: np.asarray(given(tokens, tokenizer), dtype=np.float64)


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


def _hint(error: Exception) -> str:
    """What to do about the two errors that rules begin with."""
    if isinstance(error, KeyError) and (column := re.search('Field "(.*)" does not exist', str(error))):
        return f' The corpus has no such annotation. Say `needs = ("{column[1]}",)` in the language, and annotate it.'
    if isinstance(error, TypeError) and "'Sentences' object" in str(error):
        return " `sentences.tokens` are its tokens, `sentences.columns` its text and annotation."
    return ""


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ").rstrip(".")
