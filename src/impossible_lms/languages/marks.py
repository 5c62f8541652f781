"""Marks: which words the *Hop* family marks, and by what: the paper's rule, a feature of a word class, or the class."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.errors import UserError

SINGULAR, PLURAL = "🅂", "🄿"
# What makes a verb a marked one in the paper, beside its number.
MARKED = frozenset(["Person=3", "Tense=Pres", "VerbForm=Fin"])
CLASSES = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM"),
    *("PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
)  # of Universal Dependencies
# The values that are marked of a feature where none are named; most treebanks have these.
VALUES = {
    "Number": ("Sing", "Plur"),
    "Person": ("1", "2", "3"),
    "Tense": ("Past", "Pres", "Fut"),
    "Gender": ("Masc", "Fem", "Neut"),
    "Polarity": ("Pos", "Neg"),
    "Aspect": ("Perf", "Imp"),
    "Voice": ("Act", "Pass"),
    "Definite": ("Def", "Ind"),
    "Animacy": ("Anim", "Inan"),
    "VerbForm": ("Fin", "Inf", "Part"),
}
MOST = 3  # values of a feature that are marked
OFTEN = 0.05  # of the sentences must have a value for it to be offered
OFFERED = 6
SPELLING = re.compile(r"([A-Z]+)(?:\.([A-Z][A-Za-z]*)((?:\.[A-Za-z0-9]+)*))?")
PREFIXES = ("VERB", "AUX", "NOUN", "ADJ", "PRON", "DET")  # classes that are offered first


@dataclass(frozen=True)
class Mark:
    """Which words are marked, and by what.

    Attributes:
        spelling: how languages name it, as `VERB.Number`; empty for the paper's rule.
        word_class: the part of speech (UPOS) of the words; empty for any.
        feature: the feature whose value is marked; empty where the class alone is.
        values: the values, one a marker.
        markers: the marker of each value, or the one of the class.
        beside: other features that a word must have.
    """

    spelling: str
    word_class: str
    feature: str
    values: tuple[str, ...]
    markers: tuple[str, ...]
    beside: frozenset[str] = frozenset()

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of annotation that it is read from."""
        if not self.feature:
            return ("words", "upos")
        return ("words", "lemmas", *(("upos",) if self.word_class else ()), "features")

    @property
    def said(self) -> str:
        """Which words, for messages."""
        if not self.feature:
            return f"words of the class {self.word_class}"
        either = " or ".join(f"{self.feature}={value}" for value in self.values)
        if self.beside:
            return f"verbs whose features hold {', '.join(sorted(self.beside))} and {either}"
        return f"words of the class {self.word_class} with {either}"

    def codes(self, columns: dict[str, pa.Array], count: int) -> NDArray[np.int8]:
        """Of n words, annotated in `columns`, (n,) int8: 1 + the index of a word's marker, 0 for one that has none."""
        found = np.ones(count, dtype=np.int8)
        if self.feature:
            found = _looked_up(columns["features"], self._of_features)
        if self.word_class:
            found = found * _looked_up(columns["upos"], lambda upos: int(upos == self.word_class))
        return found

    def _of_features(self, features: str) -> int:
        """1 + the index of the value that a word with these features is marked for; 0 for none."""
        entries = set(features.split("|"))
        if not entries >= self.beside:
            return 0
        return next((code for code, value in enumerate(self.values, 1) if f"{self.feature}={value}" in entries), 0)

    def in_sentences(self, columns: pa.RecordBatch) -> dict[str, int]:
        """In how many of some annotated sentences a word gets each marker, where there is room for it to hop."""
        counts = columns.column("words").value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        sentence = np.repeat(np.arange(len(columns)), counts)
        names = [name for name in self.needs if name not in ("words", "lemmas")]
        codes = self.codes({name: columns.column(name).flatten() for name in names}, len(sentence))
        return {marker: len(np.unique(sentence[codes == code])) for code, marker in enumerate(self.markers, 1)}

    def lacking(self, blocks: Sequence[pa.RecordBatch]) -> str | None:
        """Why no word of some sentences can be marked, with the marks that there could be; None where one can.

        A word can be if it is of the class and carries the feature, whatever its value.
        """
        names = [name for name in self.needs if name not in ("words", "lemmas")]
        blocks = [block for block in blocks if {"upos", *names} <= set(block.schema.names)]
        if any(any(self.in_sentences(block).values()) for block in blocks):
            return None
        classes = (self.word_class,) if self.word_class else ("VERB", "AUX")
        if not self.word_class:  # the paper's rule goes by features alone, which may stand without parts of speech
            verbs = pa.array(classes)
            blocks = [block for block in blocks if pc.any(pc.is_in(_upos(block), verbs)).as_py()]
        pattern = rf"(?:^|\|){self.feature}="
        for block in blocks:
            is_able = np.isin(_upos(block).to_numpy(zero_copy_only=False), classes)
            if self.feature:
                features = _strings(block.column("features").flatten())
                has = pc.match_substring_regex(features, pattern).fill_null(False)
                is_able = is_able & has.to_numpy(zero_copy_only=False)
            if is_able.any():
                return None
        if not blocks:
            return None
        what = " or ".join(classes)
        said = f"no {what} carries {self.feature}" if self.feature else f"no word is {what}"
        count = sum(len(block) for block in blocks)
        return f"{said} in the first {count:,} sentences. {offer(blocks)}"


PAPER_MARK = Mark("", "", "Number", ("Sing", "Plur"), (SINGULAR, PLURAL), MARKED)


def mark_of(spelling: str) -> Mark:
    """The mark that `CLASS`, `CLASS.Feature` or `CLASS.Feature.Value.Value` spells, as `VERB.Number`.

    UserError for a class that Universal Dependencies has not, for a feature of which the values must be named, and for
    one value or more than MOST.
    """
    match = SPELLING.fullmatch(spelling)
    if match is None or match[1] not in CLASSES:
        raise UserError(
            f"mark '{spelling}': a word class, or one with a feature and its values, is expected, as VERB, VERB.Number "
            f"or VERB.Tense.Past.Pres. Classes: {', '.join(CLASSES)}."
        )
    word_class, feature = match[1], match[2] or ""
    if not feature:
        return Mark(spelling, word_class, "", (), (f"⟦{word_class}⟧",))
    named = tuple(filter(None, match[3].split(".")))
    values = named or VALUES.get(feature, ())
    if not values:
        raise UserError(
            f"mark '{spelling}': which values of {feature}? Name two or three, as in {spelling}.One.Other. "
            f"Without values can be named: {', '.join(VALUES)}."
        )
    if not 2 <= len(set(values)) == len(values) <= MOST:
        raise UserError(f"mark '{spelling}': two or three different values are expected, not {', '.join(values)}.")
    if named and values == VALUES.get(feature):
        raise UserError(f"mark '{spelling}': is spelled {word_class}.{feature}, for these are its values.")
    return Mark(spelling, word_class, feature, values, tuple(f"⟦{value}⟧" for value in values))


def offer(blocks: Iterable[pa.RecordBatch]) -> str:
    """What could be marked in annotated sentences, in one sentence."""
    found = marks_there(blocks)
    if not found:
        return "Its words have no part of speech; annotate it with `impossible annotate`."
    return f"What it has can be marked by: {', '.join(found[:OFFERED])} (as in token-hop-{found[0]})."


def marks_there(blocks: Iterable[pa.RecordBatch]) -> list[str]:
    """The spellings of marks whose markers would all stand in OFTEN of some sentences, those of verbs first."""
    sentences, classes, values = 0, Counter[str](), Counter[tuple[str, str, str]]()
    for block in blocks:
        if not {"upos", "features"} <= set(block.schema.names):
            continue
        sentences += len(block)
        for upos, features in zip(*(block.column(name).to_pylist() for name in ("upos", "features")), strict=True):
            in_classes, in_values = set(), set()
            for word_class, entries in zip(upos or (), features or (), strict=False):
                in_classes.add(word_class)
                pairs = (entry.partition("=") for entry in (entries or "").split("|") if entry)
                in_values |= {(word_class, feature, value) for feature, _, value in pairs}
            classes.update(in_classes)
            values.update(in_values)
    least = max(1.0, OFTEN * sentences)
    of_feature: dict[tuple[str, str], list[str]] = {}
    for (word_class, feature, value), count in sorted(values.items(), key=lambda each: (-each[1], each[0])):
        is_plain = word_class in CLASSES and re.fullmatch("[A-Z][A-Za-z]*", feature) and value.isalnum()
        if is_plain and count >= least:
            of_feature.setdefault((word_class, feature), []).append(value)
    found = []
    for (word_class, feature), there in of_feature.items():
        if len(there) < 2:
            continue
        usual = VALUES.get(feature, ())
        named = tuple(sorted(there[:MOST], key=lambda value: (usual.index(value) if value in usual else MOST, value)))
        found.append(f"{word_class}.{feature}" + ("" if named == usual else "." + ".".join(named)))
    found += [each for each in PREFIXES if classes[each] >= least]
    order = {each: place for place, each in enumerate(PREFIXES)}
    return sorted(found, key=lambda each: order.get(each.split(".")[0], len(order)))


def _looked_up(values: pa.Array, code: Any) -> NDArray[np.int8]:
    """(n,) int8: `code` of each distinct string, 0 where there is none."""
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    codes = np.array([*(code(entry) for entry in coded.dictionary.to_pylist()), 0], dtype=np.int8)
    taken: NDArray[np.int8] = codes[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return taken


def _upos(block: pa.RecordBatch) -> pa.Array:
    """The part of speech of each word of some sentences."""
    return _strings(block.column("upos").flatten())


def _strings(values: pa.Array) -> pa.Array:
    return values.cast(pa.string())
