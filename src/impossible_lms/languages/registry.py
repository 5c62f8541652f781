"""The languages by name: the paper's, those from later work, and theirs with other parameters."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from impossible_lms.corpora.annotated import GET_STANZA
from impossible_lms.errors import UserError
from impossible_lms.languages import (
    constituent_hop,
    global_shuffle,
    hop,
    noun_phrase,
    reverse,
    shuffle,
    switch_indices,
    unmarked_reverse,
    word_order,
    word_reverse,
    word_shuffle,
)
from impossible_lms.languages.language import Language, Maker
from impossible_lms.languages.own import (
    HERE,
    Rewriter,
    installed_languages,
    language_from,
    languages_in,
    own_language,
)

PUBLISHED = (*shuffle.MAKERS, *reverse.MAKERS, *hop.MAKERS)
LATER = (
    *unmarked_reverse.MAKERS,
    *word_shuffle.MAKERS,
    *global_shuffle.MAKERS,
    *switch_indices.MAKERS,
    *word_reverse.MAKERS,
    *constituent_hop.MAKERS,
    *word_order.MAKERS,
)
MAKERS = {maker.stem: maker for maker in (*PUBLISHED, *LATER)}


def _listed(makers: tuple[Maker, ...]) -> dict[str, Language]:
    return {name: maker.make(name, number) for maker in makers for name, number in maker.listed.items()}


PAPER = _listed(PUBLISHED)  # the fifteen
LANGUAGES = PAPER | _listed(LATER)
FAMILIES = {
    name: {each.name: each for each in LANGUAGES.values() if each.family.name == name}
    for name in dict.fromkeys(language.family.name for language in LANGUAGES.values())
}
PHRASES = {name: made for name in noun_phrase.GROUP if (made := noun_phrase.language_of(name))}
GROUPS = {
    "paper": PAPER,
    "all": LANGUAGES,
    **FAMILIES,
    noun_phrase.STEM: PHRASES,
}  # what stands for several languages wherever names do


Named = str | Language | Rewriter  # what a language is asked for by


def get_language(name: Named) -> Language:
    """The language called `name`: a built-in one, or one with another parameter.

    `local-shuffle-w7`, `deterministic-shuffle-s3`, `token-hop-k2` and `partial-reverse-s5` have a window, a seed, a
    distance and a seed of their own; `token-hop-VERB.Number` and its like mark other words (`mark_of`), and
    `noun-phrase-N-Adj-Num-Dem` and its like put noun phrases into one of their 24 orders.
    `path/to/file.py:Name` is a language of the user's own (`own_language`), and installed packages may bring some. A
    function or class (`language_from`) is the language that it makes, known by its name from then on in this process; a
    Language is itself. UserError with the nearest names where there is none of the name.
    """
    if isinstance(name, Language):
        return name
    if not isinstance(name, str):
        made = language_from(name)
        if made.name in LANGUAGES:
            raise UserError(f"language {made.name}: is one of this package. Give yours another name.")
        if not made.spec:
            HERE[made.name] = made
        return made
    if name in LANGUAGES:
        return LANGUAGES[name]
    if name in PHRASES:
        return PHRASES[name]
    if name.endswith(".py"):
        first, *others = languages_in(Path(name))
        if others:
            raise UserError(f"language {name}: several are in it. Name one: {', '.join([first, *others])}.")
        return own_language(first)
    if re.search(r"\.py:\w*$", name):
        return own_language(name)
    if maker := next((each for each in hop.marked_makers(name) if each.stem == name), None):
        return maker.make(name, maker.listed[name])
    match = re.fullmatch("(.+)-([a-z])([0-9]{1,9})", name)
    maker = _maker(match[1]) if match else None
    if match and maker and maker.letter == match[2] and match[3] == str(int(match[3])):
        if int(match[3]) < maker.least:
            raise UserError(f"language '{name}': the number after {maker.letter} must be at least {maker.least}.")
        return maker.make(name, int(match[3]))
    if name in HERE:
        return HERE[name]
    installed = installed_languages()
    if name in installed:
        return installed[name]
    near = difflib.get_close_matches(name, [*LANGUAGES, *PHRASES, *GROUPS, *HERE, *installed], n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UserError(
        f"unknown language '{name}'. {hint}`impossible languages` lists all (no-shuffle leaves sentences as they are); "
        "one of your own is named ./FILE.py:NAME."
    )


def _maker(stem: str) -> Maker | None:
    """What makes the languages of a stem with a number."""
    return MAKERS.get(stem) or next((each for each in hop.marked_makers(stem) if each.stem == stem), None)


def get_languages(names: Named | Iterable[Named]) -> list[Language]:
    """The languages of these names, functions, classes or Languages, each once; or that of a single one.

    `paper` stands for the fifteen, a family's name (`shuffle`, `reverse`, `hop` are the paper's) for its languages
    (also `hop-VERB.Number`), `all` for every built-in one, and `path/to/file.py` for all that are in the file.
    """
    several = names if isinstance(names, Iterable) and not isinstance(names, str | type) else (names,)
    single = [each for name in several for each in _several(name)]
    found: dict[str, Language] = {}
    for language in map(get_language, single):
        before = found.setdefault(language.name, language)
        if (before.spec, before.version) != (language.spec, language.version):
            raise UserError(f"language {language.name}: two of this name. Give one of them another `name`.")
    return list(found.values())


def _several(name: Named) -> Iterable[Named]:
    """The languages that a name stands for: those of a group, or of a whole file; itself, mostly."""
    if isinstance(name, str) and name.endswith(".py"):
        return languages_in(Path(name))
    return _group(name) if isinstance(name, str) else (name,)


def _group(name: str) -> Iterable[str]:
    """The names that a name stands for."""
    if name.startswith("hop-"):
        return [each for maker in hop.marked_makers(name) for each in maker.listed] or (name,)
    return GROUPS.get(name, (name,))


def refuse_where_nothing_is_marked(languages: Iterable[Language], blocks: Sequence[pa.RecordBatch]) -> None:
    """UserError for the first language that is about something which no word of annotated sentences has."""
    for language in languages:
        if why := language.lacking(blocks):
            raise UserError(f"language {language.name}: {why}")


def refuse_without_annotation(languages: Iterable[Language], columns: Iterable[str]) -> None:
    """UserError, one for all, where languages need annotation that is not among the `columns` of a corpus."""
    languages, missing = list(languages), dict[str, None]()
    able = []
    for language in languages:
        lacks = [name for name in language.needs if name not in columns]
        missing |= dict.fromkeys(lacks)
        if not lacks:
            able.append(language.name)
    if not missing:
        return
    unable = [language.name for language in languages if language.name not in able]
    others = f" Of the corpus as it is there can be: {', '.join(in_short(able))}." if able else ""
    raise UserError(
        f"{', '.join(in_short(unable))}: the corpus has no {next(iter(missing))}, for it is not annotated. "
        f"Get a tagger: {GET_STANZA} Then: impossible annotate CORPUS --with stanza --output ANNOTATED.{others}"
    )


def in_short(names: Sequence[str]) -> list[str]:
    """The same languages with the name of a family in place of its languages, where all are there."""
    short: dict[str, None] = {}
    for name in names:
        family = LANGUAGES[name].family.name if name in LANGUAGES else ""
        whole = len(FAMILIES.get(family, ())) > 1 and FAMILIES[family].keys() <= set(names)
        short[family if whole else name] = None
    return list(short)
