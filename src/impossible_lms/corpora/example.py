"""One sentence typed by a user, with as much annotation as the hop languages ask for."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

import pyarrow as pa

from impossible_lms.corpora.corpus import Corpus, Memory
from impossible_lms.corpora.english.lexicon import lexicon

WORD = re.compile(r"n't\b|'(?:ll|s|re|ve|m|d)\b|(?:(?!n't\b)\w)+(?:-\w+)*|[^\w\s]", re.IGNORECASE)
SENTENCE = "He cleans his very messy bookshelf."
PARSE = [(2, "nsubj"), (0, "root"), (6, "nmod:poss"), (5, "advmod"), (6, "amod"), (2, "obj"), (2, "punct")]
FINITE = "Mood=Ind|Number={number}|Person=3|Tense=Pres|VerbForm=Fin"


def example(
    text: str,
    singular: Mapping[str, str] | None = None,
    plural: Mapping[str, str] | None = None,
    parse: Sequence[tuple[int, str]] | None = None,
) -> Corpus:
    """A corpus of one sentence with words, lemmas and features.

    Args:
        text: the sentence.
        singular: the third-person present verbs in it, each with its lemma: `{"cleans": "clean"}`.
        plural: those in the plural. With neither given, the built-in lexicon says which words are such verbs: forms in
            the singular that are nothing else (`cleans`, but not `plays`, which may be a noun), and `are`.
        parse: the head of each word, a number from 1 on or 0, and its relation; without it the sentence has none.
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
        "features": [[FINITE.format(number=verb[1]) if verb else None for verb in verbs]],
    }
    arrays = {
        name: pa.array(values, pa.string() if name == "text" else pa.list_(pa.string()))
        for name, values in columns.items()
    }
    ends = [match.end() for match in matches]
    touches = [end == match.start() for end, match in zip(ends, matches[1:], strict=False)]
    arrays["space_after"] = pa.array([[not touch for touch in (*touches, False)][: len(words)]], pa.list_(pa.bool_()))
    if parse is not None:
        arrays["head"] = pa.array([[head for head, _ in parse]], pa.list_(pa.int32()))
        arrays["deprel"] = pa.array([[relation for _, relation in parse]], pa.list_(pa.string()))
    return Corpus("example", (Memory(pa.record_batch(arrays)),))


@cache
def _known_verbs() -> dict[str, tuple[str, str]]:
    """Forms that are always finite verbs of the third person present, with lemma and number."""
    words = lexicon().words
    others = {word.form for word in words if word.xpos != "VBZ"}
    verbs = {word.form: (word.lemma, "Sing") for word in words if word.xpos == "VBZ" and word.form not in others}
    return verbs | {"are": ("be", "Plur"), "'re": ("be", "Plur")}
