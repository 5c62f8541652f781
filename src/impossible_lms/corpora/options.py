"""What a corpus can be asked to be: `PATH:10M,column=text,sentences=split`, in specs and as flags."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impossible_lms.corpora.splitting import LANGUAGE
from impossible_lms.errors import UserError
from impossible_lms.files import is_there

LINE, SPLIT, PARAGRAPH = "line", "split", "paragraph"
STOP, SKIP = "stop", "skip"
ALIGNED, SHIFTED = "aligned", "shifted"
CHOICES = {"sentences": (LINE, SPLIT, PARAGRAPH), "bad-lines": (STOP, SKIP), "features": (ALIGNED, SHIFTED)}
WITH_LANGUAGE = re.compile(f"({SPLIT}|{PARAGRAPH})-[a-z]{{2,3}}")
TEST = re.compile("(?<=[:,])(test=)([^,]+)")  # in the options of a spec
KEYS = ("size", "column", "test", *CHOICES)
# Of these the sentences are given: there is nothing to be chosen.
MADE = ("grammar",)


@dataclass(frozen=True)
class Options:
    """How a corpus of text is read.

    Attributes:
        size: which of the training folders that stand side by side, by its size (`10M`) or name.
        column: the column of a table that holds the sentences.
        sentences: `line`, a sentence a line; `split`, each line is divided into sentences; `paragraph`, lines up to the
            next blank one are joined and divided. English, unless a code is added, as in `split-de`.
        bad_lines: `stop` at lines that are no text, or `skip` and count them.
        features: of sentences that the published script annotated: they must be seen to be `aligned` with the words,
            or may be `shifted`, as it leaves them.
        test: another file or folder, whose sentences are the test part in place of the corpus's own.
    """

    size: str | None = None
    column: str | None = None
    sentences: str = LINE
    bad_lines: str = STOP
    features: str = ALIGNED
    test: str | None = None

    @property
    def unit(self) -> str:
        """What is divided into sentences: `line` for nothing, `split` for a line, or `paragraph`."""
        return self.sentences.partition("-")[0]

    @property
    def language(self) -> str:
        """Of the sentences that are looked for."""
        return self.sentences.partition("-")[2] or LANGUAGE

    def changed(self) -> dict[str, str]:
        """What is not as it is by default, but for the size: it chooses files, and these tell themselves apart."""
        found = {
            "column": self.column,
            "sentences": self.sentences,
            "bad-lines": self.bad_lines,
            "features": self.features,
        }
        return {key: value for key, value in found.items() if value not in (None, LINE, STOP, ALIGNED)}

    def written(self) -> str:
        """The options as a spec has them after its colon, a path by its last part; empty where all are as usual."""
        parts = [self.size] if self.size else []
        parts += [f"{key}={value}" for key, value in self.changed().items()]
        return ",".join([*parts, f"test={Path(self.test).name}"] if self.test else parts)


def parted(spec: str) -> tuple[Path, Options]:
    """The path that a spec names, and its options.

    A path that is there is taken as it stands, whatever colons it has.

    Raises:
        UserError: nothing is there, or an option is unknown.
    """
    if is_there(spec):
        return Path(spec), Options()
    name, colon, text = spec.rpartition(":")
    if not colon or not is_there(name):
        raise UserError(f"--corpus {spec}: no such file or folder.")
    return Path(name), read_options(spec, text)


def read_options(spec: str, text: str) -> Options:
    """The options in the `text` behind the colon of a spec."""
    found: dict[str, str] = {}
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            key, value = "size", item
        if key not in KEYS:
            raise UserError(f"--corpus {spec}: unknown option '{key}'. Known: {', '.join(KEYS)}.")
        if key in found:
            raise UserError(f"--corpus {spec}: {key} is given twice.")
        if not value or not _is_choice(key, value):
            raise UserError(f"--corpus {spec}: {key} is {' or '.join(CHOICES.get(key, ('a name',)))}, not '{value}'.")
        found[key] = value
    return Options(**{key.replace("-", "_"): value for key, value in found.items()})


def _is_choice(key: str, value: str) -> bool:
    may_have_language = key == "sentences" and WITH_LANGUAGE.fullmatch(value) is not None
    return key not in CHOICES or value in CHOICES[key] or may_have_language


def with_flags(spec: str, flags: Mapping[str, str | None]) -> str:
    """A spec with the options that flags of the command line add; UserError where they say otherwise than the spec.

    >>> with_flags("README.md", {"bad-lines": "skip", "column": None})
    'README.md:bad-lines=skip'
    """
    given = {key: value for key, value in flags.items() if value is not None}
    if not given:
        return spec
    for key, value in given.items():
        if not _is_choice(key, value):
            raise UserError(f"--{key} {value}: {' or '.join(CHOICES[key])} is expected.")
    if spec.partition(":")[0] in MADE:
        raise UserError(f"--{next(iter(given))}: {spec} is made of sentences; the option is for files and datasets.")
    text = options_text(spec)
    there = read_options(spec, text)
    for key, value in given.items():
        said = getattr(there, key.replace("-", "_"))
        if f"{key}={value}" not in text.split(",") and f"{key}=" in text:
            raise UserError(f"--{key} {value}: the corpus {spec} says {said}. Say it once.")
    added = [f"{key}={value}" for key, value in given.items() if f"{key}={value}" not in text.split(",")]
    return ",".join([spec, *added]) if text and added else f"{spec}:{','.join(added)}" if added else spec


def options_text(spec: str) -> str:
    """What stands behind the colon of a spec, if these are options."""
    if is_there(spec):
        return ""
    name, _, text = spec.rpartition(":")
    return text if "=" in text or (name and is_there(name)) else ""


def located(spec: str, folders: Iterable[Path]) -> str:
    """A spec whose paths are absolute where they name something in one of the `folders`; any other as it is."""
    folders = tuple(folders)
    name, colon, text = spec.rpartition(":")
    for folder in folders:
        for path, rest in ((spec, ""), (name, colon + text)):
            there = folder / Path(path).expanduser()
            if path and there.exists():
                return str(there) + TEST.sub(lambda found: f"{found[1]}{located(found[2], folders)}", rest)
    return spec


def path_of(spec: str) -> Path:
    """The path in a spec, whether it is there or not."""
    return Path(spec.removesuffix(f":{options_text(spec)}"))


def described(options: Options) -> dict[str, Any]:
    """The options that decide what a source holds, for its hash."""
    return dict(options.changed())
