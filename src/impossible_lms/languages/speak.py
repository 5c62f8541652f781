"""One sentence said in a language: as text, tokens and ids."""

from dataclasses import dataclass, replace

from impossible_lms.corpora.corpus import Corpus
from impossible_lms.languages.language import Language
from impossible_lms.tokenizer import Tokenizer


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
    """

    text: str
    ids: list[int]
    pieces: list[str]
    markers: list[str]
    affected: bool
    dropped: str


def another_draw(language: Language, draw: int) -> Language:
    """The language with the random draws of another seed; `draw` 1 is its own."""
    return replace(language, seed=language.seed + draw - 1)


def speak(language: Language, sentence: Corpus, tokenizer: Tokenizer) -> Spoken:
    """Say a corpus of one sentence in a language; `tokenizer` comes without markers.

    A language that needs annotation which the sentence has not drops it.
    """
    columns = next(block for _, block in sentence.blocks()).schema.names
    if missing := [name for name in language.needs if name not in columns]:
        return Spoken("", [], [], list(language.family.markers), False, f"needs {', '.join(missing)}")
    result = language.apply(sentence, tokenizer)
    marked = tokenizer.with_markers(language.family.markers)
    ids = result.tokens[0].tolist() if len(result.tokens) else []
    return Spoken(
        text=marked.decode(ids),
        ids=ids,
        pieces=marked.pieces(ids),
        markers=list(language.family.markers),
        affected=bool(result.affected.any()),
        dropped=", ".join(reason for reason, count in result.dropped.items() if count),
    )
