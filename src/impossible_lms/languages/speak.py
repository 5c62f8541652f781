"""One sentence in a language: as text, tokens and ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from impossible_lms.corpora.corpus import Corpus
from impossible_lms.languages.language import NEW, Language, Sentences, kept, sentences_for
from impossible_lms.languages.origins import origins
from impossible_lms.tokenizer import Tokenizer

NEEDS = "needs"  # begins why a sentence is dropped that lacks annotation


@dataclass(frozen=True)
class Spoken:
    """What a language makes of a sentence.

    Attributes:
        text: the sentence, decoded.
        ids: its tokens.
        pieces: each token as text.
        markers: the markers of the language's family.
        affected: whether the language changed it.
        dropped: why the language does not keep it; empty where it does.
        origins: of each token, which of the sentence's own it was, from 0 on; None for markers and what else is new.
    """

    text: str
    ids: list[int]
    pieces: list[str]
    markers: list[str]
    affected: bool
    dropped: str
    origins: list[int | None] = field(default_factory=list)


def another_draw(language: Language, draw: int) -> Language:
    """The language with the random draws of another seed; `draw` 1 is its own."""
    return replace(language, seed=language.seed + draw - 1)


def speak(language: Language, sentence: Corpus, tokenizer: Tokenizer) -> Spoken:
    """Say a corpus of one sentence in a language; `tokenizer` comes without markers.

    A language that needs annotation which the sentence has not drops it.
    """
    return speak_in([language], sentence, tokenizer)[language.name]


def speak_in(languages: Sequence[Language], sentence: Corpus, tokenizer: Tokenizer) -> dict[str, Spoken]:
    """The same in several languages, by name; what they share is done once."""
    columns = next(block for _, block in sentence.blocks())
    families = {language.family.name: language.family for language in languages}
    blocks = dict(zip(families, sentences_for(families.values(), columns, tokenizer, 0), strict=True))
    return {language.name: _said(language, blocks[language.family.name]) for language in languages}


def _said(language: Language, sentences: Sentences) -> Spoken:
    markers = list(language.family.markers)
    if missing := [name for name in language.needs if name not in sentences.columns.schema.names]:
        return Spoken("", [], [], markers, False, f"{NEEDS} {', '.join(missing)}")
    rewritten, places = origins(language, sentences)
    result = kept(sentences, rewritten)
    if not len(result.tokens):
        return Spoken("", [], [], markers, False, ", ".join(why for why, count in result.dropped.items() if count))
    marked, ids = sentences.tokenizer, result.tokens[0].tolist()
    return Spoken(
        text=marked.decode(ids),
        ids=ids,
        pieces=marked.pieces(ids),
        markers=markers,
        affected=bool(result.affected.any()),
        dropped="",
        origins=[None if place == NEW else place for place in places.values.tolist()],
    )
