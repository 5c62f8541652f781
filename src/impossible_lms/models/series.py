"""Series: the revisions of a model that are checkpoints of one training, told by names with a number in them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from impossible_lms.errors import UserError

MAIN = "main"
NUMBER = "{}"  # stands for the number in a pattern
UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_NUMBERS = re.compile(r"([0-9]+)([KMBkmb]?)(?![A-Za-z0-9])")
# What a number after one of these words counts is told by its name alone; other names need a second one like it.
_WORDS = re.compile(r"(checkpoint|checkpt|chck|ckpt|ckp|step|iter|iteration|update|epoch|words|tokens)[-_]?$", re.I)


class Named(NamedTuple):
    """A revision's name: the `pattern` it has (`step{}`), its number in full (1,000,000 of `chck_1M`)."""

    pattern: str
    number: int
    is_plain: bool  # whether a word before the number says that it is a checkpoint's


@dataclass(frozen=True)
class Series:
    """Revisions in the order of their numbers, and the pattern that they have; None of a model that stands alone."""

    pattern: str | None
    revisions: tuple[str, ...]


def named(name: str) -> Named | None:
    """The pattern and the number of a revision's name; None where there is no number at the end of a word in it.

    Of several numbers it is the first after a word such as `step` or `checkpoint`, else the last; those behind it
    (`step1000-tokens2B`) go with it.

    >>> named("chck_10M")
    Named(pattern='chck_{}', number=10000000, is_plain=True)
    >>> named("stage1-step1000-tokens5B").pattern
    'stage1-step{}-tokens*'
    """
    found = [] if is_commit(name) else list(_NUMBERS.finditer(name))
    if not found:
        return None
    plain = next((match for match in found if _WORDS.search(name[: match.start()])), None)
    match = plain or found[-1]
    behind = _NUMBERS.sub("*", name[match.end() :])
    return Named(f"{name[: match.start()]}{NUMBER}{behind}", int(match[1]) * UNITS[match[2].lower()], plain is not None)


def is_commit(name: str) -> bool:
    """Whether a revision is named by its commit, in full."""
    return re.fullmatch("[0-9a-f]{40}", name) is not None


def step_of(name: str) -> int:
    """The number of a revision's name, in full; 0 of a model that stands alone, whose name says none."""
    found = named(name)
    return 0 if found is None else found.number


def series_in(names: Iterable[str], source: str, wanted: str | None = None) -> Series:
    """The series among the revisions of `source`, or the revision or pattern that is `wanted` of them.

    Where there are several series, `checkpoint-{}` comes first, then the longest. A model without any stands alone: it
    is its `main`, or its only revision.

    Raises:
        UserError: nothing like what is wanted; or no series, several revisions, and none called main.
    """
    there = sorted(set(names))
    if wanted is not None and NUMBER not in wanted:
        if wanted not in there and not is_commit(wanted):  # commits are not listed
            raise UserError(f"{source}: has no revision {wanted}. {_has(there)}")
        return Series(None, (wanted,))
    found: dict[str, list[tuple[int, str]]] = {}
    plain = set()
    for name in there:
        if said := named(name):
            found.setdefault(said.pattern, []).append((said.number, name))
            if said.is_plain:
                plain.add(said.pattern)
    found = {pattern: mine for pattern, mine in found.items() if pattern in plain or len(mine) > 1}
    if wanted is not None:
        if wanted not in found:
            raise UserError(f"{source}: has no revisions {wanted}. {_has(there)}")
        return Series(wanted, tuple(name for _, name in sorted(found[wanted])))
    if found:
        best = max(found, key=lambda each: (each == "checkpoint-{}", each in plain, len(found[each]), each))
        return Series(best, tuple(name for _, name in sorted(found[best])))
    if MAIN in there or len(there) == 1:
        return Series(None, (MAIN if MAIN in there else there[0],))
    raise UserError(
        f"{source}: no revisions with a number in their names, as checkpoint-100 or step1000, and none called {MAIN}. "
        f"{_has(there)} Choose one as {source}@REVISION."
    )


def split_source(source: str) -> tuple[str, str | None]:
    """A source and the revision or pattern behind its `@`, if there is one: `org/name@step{}`, `folder@main`."""
    head, at, tail = source.rpartition("@")
    return (head, tail) if at and head and tail and "/" not in tail else (source, None)


def _has(there: list[str]) -> str:
    shown = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")
    return f"It has {shown}." if there else "It has none."
