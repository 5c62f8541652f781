"""The words of the built-in English: every form with its lemma, tags and features as in Universal Dependencies."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from impossible_lms.corpora.english.word_lists import (
    ADJECTIVES,
    ADVERB_FEATURES,
    ADVERBS,
    ALSO_SYNTHETIC,
    CLITICS,
    CLOSED,
    COMPARATIVES,
    NAMES,
    NOUNS,
    NUMERALS,
    PASTS,
    PLURALS,
    STRESSED_LAST,
    VERBS,
)

VOWELS = "aeiou"
# A finite form is chosen by whom it agrees with: code of the lemma + PRESENT or PAST + one of these.
FIRST, SECOND, THIRD, WE, THEY = range(5)
PRESENT, PAST, BASE, PROGRESSIVE, GERUND, PERFECT, PASSIVE, IMPERATIVE = 0, 5, 10, 11, 12, 13, 14, 15
PLURAL = 1  # a noun's code + PLURAL
COMPARATIVE = 1  # an adjective's code + COMPARATIVE, if `synthetic`
PERSONS = ("Number=Sing|Person=1", "Number=Sing|Person=2", "Number=Sing|Person=3")
AGREEMENTS = (*PERSONS, "Number=Plur|Person=1", "Number=Plur|Person=3")


class Word(NamedTuple):
    """One form of one word, as a row of a treebank."""

    form: str
    lemma: str
    upos: str
    xpos: str
    features: str | None


@dataclass(frozen=True)
class Lexicon:
    """All words; a word's code is its place in `words`.

    A noun takes two places in a row (singular, plural), a verb sixteen (PRESENT to IMPERATIVE), an adjective two
    (positive, COMPARATIVE), anything else one; the code of a lemma is the first of them.
    """

    words: tuple[Word, ...]
    closed: dict[str, int]  # a function word's code by its key; "be", "do" and "have" are the auxiliaries
    classes: dict[str, tuple[int, ...]]  # the lemmas of an open class in order of rank, "noun/person" and the like
    prepositions: dict[str, tuple[int, ...]]  # for the classes of "look:at": the preposition beside each lemma
    synthetic: frozenset[int]  # adjectives with comparatives of their own, no "more"


@cache
def lexicon() -> Lexicon:
    """The lexicon, made once."""
    words: list[Word] = []
    codes: dict[tuple[str, str], int] = {}
    classes: dict[str, tuple[int, ...]] = {}
    prepositions: dict[str, tuple[int, ...]] = {}

    def add(kind: str, lemma: str) -> int:
        """The code of a lemma; two classes may share one."""
        if (kind, lemma) not in codes:
            codes[kind, lemma] = len(words)
            words.extend(FORMS[kind](lemma))
        return codes[kind, lemma]

    closed = {}
    for row in CLOSED.split(";"):
        name, lemma, upos, xpos, features = row.split()
        key, _, form = name.partition("=")
        closed[key] = len(words)
        words.append(Word(form or key, lemma, upos, xpos, None if features == "-" else features))
    for auxiliary in ("be", "have", "do"):
        closed[auxiliary] = len(words)
        words.extend(word._replace(upos="AUX") for word in verb_forms(auxiliary))
    for name, forms in CLITICS.items():
        closed[f"{name}/clitic"] = len(words)
        finite = closed["have"] + PAST if name == "had" else closed[name] + PRESENT
        words.extend(words[finite + person]._replace(form=form) for person, form in enumerate(forms.split()))
    for kind, lists in (
        ("noun", NOUNS),
        ("verb", VERBS),
        ("adjective", ADJECTIVES),
        ("adverb", ADVERBS),
        ("name", NAMES),
    ):
        for name, text in lists.items():
            pairs = [entry.partition(":")[::2] for entry in dict.fromkeys(text.split())]
            classes[f"{kind}/{name}"] = tuple(add(kind, lemma) for lemma, _ in pairs)
            prepositions[f"{kind}/{name}"] = tuple(closed[preposition] for _, preposition in pairs if preposition)
    classes["numeral"] = tuple(add("numeral", lemma) for lemma in NUMERALS.split())
    synthetic = frozenset(code for (kind, lemma), code in codes.items() if kind == "adjective" and is_synthetic(lemma))
    return Lexicon(tuple(words), closed, classes, prepositions, synthetic)


def noun_forms(lemma: str) -> tuple[Word, ...]:
    """Singular and plural."""
    plural = PLURALS.get(lemma) or with_s(lemma)
    return Word(lemma, lemma, "NOUN", "NN", "Number=Sing"), Word(plural, lemma, "NOUN", "NNS", "Number=Plur")


def verb_forms(lemma: str) -> tuple[Word, ...]:
    """The sixteen forms: five of the present, five of the past, then BASE to IMPERATIVE."""
    past, participle = PASTS.get(lemma) or (with_ed(lemma), with_ed(lemma))
    third = {"have": "has", "go": "goes", "do": "does"}.get(lemma) or with_s(lemma)
    presents = ["am", "are", "is", "are", "are"] if lemma == "be" else [lemma, lemma, third, lemma, lemma]
    pasts = ["was", "were", "was", "were", "were"] if lemma == "be" else [past] * len(AGREEMENTS)
    ing = with_ing(lemma)
    forms = [
        *(
            (form, "VBZ" if person == THIRD else "VBP", f"Mood=Ind|{AGREEMENTS[person]}|Tense=Pres|VerbForm=Fin")
            for person, form in enumerate(presents)
        ),
        *((form, "VBD", f"Mood=Ind|{AGREEMENTS[who]}|Tense=Past|VerbForm=Fin") for who, form in enumerate(pasts)),
        (lemma, "VB", "VerbForm=Inf"),
        (ing, "VBG", "Tense=Pres|VerbForm=Part"),
        (ing, "VBG", "VerbForm=Ger"),
        (participle, "VBN", "Tense=Past|VerbForm=Part"),
        (participle, "VBN", "Tense=Past|VerbForm=Part|Voice=Pass"),
        (lemma, "VB", "Mood=Imp|VerbForm=Fin"),
    ]
    return tuple(Word(form, lemma, "VERB", xpos, features) for form, xpos, features in forms)


def adjective_forms(lemma: str) -> tuple[Word, ...]:
    """Positive and comparative; the second serves only where `is_synthetic`."""
    stem = (
        lemma[:-1] + "i" if lemma.endswith("y") and lemma[-2] not in VOWELS else doubled(lemma.removesuffix("e"), lemma)
    )
    comparative = COMPARATIVES.get(lemma) or f"{stem}er"
    return (
        Word(lemma, lemma, "ADJ", "JJ", "Degree=Pos"),
        Word(comparative, lemma, "ADJ", "JJR", "Degree=Cmp"),
    )


FORMS: dict[str, Callable[[str], tuple[Word, ...]]] = {
    "noun": noun_forms,
    "verb": verb_forms,
    "adjective": adjective_forms,
    "adverb": lambda lemma: (Word(lemma, lemma, "ADV", "RB", ADVERB_FEATURES.get(lemma)),),
    "name": lambda lemma: (Word(lemma, lemma, "PROPN", "NNP", "Number=Sing"),),
    "numeral": lambda lemma: (Word(lemma, lemma, "NUM", "CD", "NumForm=Word|NumType=Card"),),
}


def with_s(stem: str) -> str:
    """The -s of plurals and of the third person."""
    if stem.endswith("y") and stem[-2] not in VOWELS:
        return f"{stem[:-1]}ies"
    return f"{stem}es" if stem.endswith(("s", "x", "z", "ch", "sh")) else f"{stem}s"


def with_ed(stem: str) -> str:
    """The regular past."""
    if stem.endswith("y") and stem[-2] not in VOWELS:
        return f"{stem[:-1]}ied"
    return f"{stem}d" if stem.endswith("e") else f"{doubled(stem, stem)}ed"


def with_ing(stem: str) -> str:
    """The present participle."""
    if stem.endswith("ie"):
        return f"{stem[:-2]}ying"
    if stem.endswith("e") and stem != "be" and stem[-2] not in "eoy":
        return f"{stem[:-1]}ing"
    return f"{doubled(stem, stem)}ing"


def doubled(stem: str, lemma: str) -> str:
    """The stem as it stands before -ed, -ing and -er: stop, stopp-; panic, panick-."""
    if stem.endswith("ic") and len(stem) > 4:
        return f"{stem}k"
    short = re.fullmatch(r"[^aeiou]*(qu)?[aeiou][^aeiouwxy]", stem)
    return stem + stem[-1] if stem == lemma and (short or stem in STRESSED_LAST) else stem


def is_synthetic(adjective: str) -> bool:
    """Whether an adjective has comparatives of its own: those of one syllable, and those in -y of two."""
    syllables = len(re.findall(r"[aeiouy]+", adjective.removesuffix("e")))
    return syllables == 1 or (syllables == 2 and adjective.endswith("y")) or adjective in ALSO_SYNTHETIC


def starts_with_vowel(form: str) -> bool:
    """Whether `an` stands before a form, by its sound."""
    return (form[0].lower() in VOWELS and not form.startswith(("uni", "use", "usu", "eu", "one"))) or form.startswith(
        ("hour", "honest", "heir", "honour")
    )
