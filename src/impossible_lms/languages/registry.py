"""The languages by name: the published ones, and theirs with other parameters."""

import difflib
import re

from impossible_lms.errors import UserError
from impossible_lms.languages import hop, reverse, shuffle
from impossible_lms.languages.language import Language
from impossible_lms.languages.own import installed_languages, own_language

MAKERS = {maker.stem: maker for maker in (*shuffle.MAKERS, *reverse.MAKERS, *hop.MAKERS)}
LANGUAGES: dict[str, Language] = {
    name: maker.make(name, number) for maker in MAKERS.values() for name, number in maker.published.items()
}


def get_language(name: str) -> Language:
    """The language called `name`: a published one, or one with another parameter.

    `local-shuffle-w7`, `deterministic-shuffle-s3`, `token-hop-k2` and `partial-reverse-s5` have a window, a seed, a
    distance and a seed of their own. `path/to/file.py:Name` is a language of the user's own (`own_language`), and
    installed packages may bring some. UserError with the nearest names where there is none of the name.
    """
    if name in LANGUAGES:
        return LANGUAGES[name]
    if re.search(r"\.py:\w*$", name):
        return own_language(name)
    match = re.fullmatch("(.+)-([a-z])([0-9]{1,9})", name)
    maker = MAKERS.get(match[1]) if match else None
    if match and maker and maker.letter == match[2] and match[3] == str(int(match[3])):
        if int(match[3]) < maker.least:
            raise UserError(f"language '{name}': the number after {maker.letter} must be at least {maker.least}.")
        return maker.make(name, int(match[3]))
    installed = installed_languages()
    if name in installed:
        return installed[name]
    near = difflib.get_close_matches(name, [*LANGUAGES, *installed], n=3, cutoff=0.4) or list(LANGUAGES)
    raise UserError(f"unknown language '{name}'. Did you mean {' or '.join(near)}? `impossible languages` lists all.")
