"""One sentence typed by a user, with as much annotation as the hop languages ask for; the shown ones with a parse."""

import re
from collections.abc import Mapping
from functools import cache

import pyarrow as pa

from impossible_lms.corpora.corpus import Corpus, Memory
from impossible_lms.corpora.english.lexicon import lexicon

WORD = re.compile(r"n't\b|'(?:ll|s|re|ve|m|d)\b|(?:(?!n't\b)\w)+(?:-\w+)*|[^\w\s]", re.IGNORECASE)
SENTENCE = "He cleans his very messy bookshelf."
PHRASE = "She paints these two big houses."  # for languages of noun phrases
PARSES = {  # of the sentences that languages are shown on: the head of each word, from 1 on or 0, and its relation
    SENTENCE: ((2, "nsubj"), (0, "root"), (6, "nmod:poss"), (5, "advmod"), (6, "amod"), (2, "obj"), (2, "punct")),
    PHRASE: ((2, "nsubj"), (0, "root"), (6, "det"), (6, "nummod"), (6, "amod"), (2, "obj"), (2, "punct")),
}
DEMONSTRATIVES = {"this", "that", "these", "those"}
DEMONSTRATIVE = "PronType=Dem"
FINITE = "Mood=Ind|Number={number}|Person=3|Tense=Pres|VerbForm=Fin"


def example(
    text: str,
    singular: Mapping[str, str] | None = None,
    plural: Mapping[str, str] | None = None,
) -> Corpus:
    """A corpus of one sentence with words, lemmas and features; with a parse, if it is one of PARSES.

    Args:
        text: the sentence.
        singular: the third-person present verbs in it, each with its lemma: `{"cleans": "clean"}`.
        plural: those in the plural. With neither given, the built-in lexicon says which words are such verbs: forms in
            the singular that are nothing else (`cleans`, but not `plays`, which may be a noun), and `are`.
    """
    matches = list(WORD.finditer(text))
    words = [match[0] for match in matches]
    known = dict(_known_verbs()) if singular is None and plural is None else {}
    known |= {form.lower(): (lemma, "Sing") for form, lemma in (singular or {}).items()}
    known |= {form.lower(): (lemma, "Plur") for form, lemma in (plural or {}).items()}
    verbs = [known.get(word.lower()) for word in words]
    columns = {
        "text": [text],
        "words": [words],
        "lemmas": [[verb[0] if verb else word for word, verb in zip(words, verbs, strict=True)]],
        "features": [[_features(word, verb) for word, verb in zip(words, verbs, strict=True)]],
    }
    arrays = {
        name: pa.array(values, pa.string() if name == "text" else pa.list_(pa.string()))
        for name, values in columns.items()
    }
    ends = [match.end() for match in matches]
    touches = [end == match.start() for end, match in zip(ends, matches[1:], strict=False)]
    arrays["space_after"] = pa.array([[not touch for touch in (*touches, False)][: len(words)]], pa.list_(pa.bool_()))
    if parse := PARSES.get(text):
        arrays["head"] = pa.array([[head for head, _ in parse]], pa.list_(pa.int32()))
        arrays["deprel"] = pa.array([[relation for _, relation in parse]], pa.list_(pa.string()))
    return Corpus("example", (Memory(pa.record_batch(arrays)),))


def _features(word: str, verb: tuple[str, str] | None) -> str | None:
    """Of a word that may be a verb with its lemma and number; None where nothing is known."""
    if verb:
        return FINITE.format(number=verb[1])
    return DEMONSTRATIVE if word.lower() in DEMONSTRATIVES else None


@cache
def _known_verbs() -> dict[str, tuple[str, str]]:
    """Forms that are always finite verbs of the third person present, with lemma and number."""
    words = lexicon().words
    others = {word.form for word in words if word.xpos != "VBZ"}
    verbs = {word.form: (word.lemma, "Sing") for word in words if word.xpos == "VBZ" and word.form not in others}
    return verbs | {"are": ("be", "Plur"), "'re": ("be", "Plur")}
