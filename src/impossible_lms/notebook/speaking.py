"""speak: sentences in several languages at once, as a table whose tokens are coloured by where they came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from impossible_lms.corpora import Corpus, read_corpus
from impossible_lms.corpora.annotate import annotated_texts
from impossible_lms.corpora.example import SENTENCE, example
from impossible_lms.languages import get_languages
from impossible_lms.languages.registry import Named
from impossible_lms.languages.speak import another_draw
from impossible_lms.report.examples import SHADES, Example, Token, spoken_example
from impossible_lms.shown import CELL
from impossible_lms.spec import EXAMPLE_CORPUS, EXAMPLE_TOKENIZER
from impossible_lms.tokenizer import Tokenizer, load_tokenizer

INK = "#16181d"  # on the light shades, whatever the page's own colours are
PIECE = "display:inline-block;padding:0 0.15em;margin:0.1em 0 0.1em {space};border-radius:0.2em;white-space:pre"
MARKER = f"background:{INK};color:#ffffff;font-weight:bold"


@dataclass(frozen=True, repr=False)
class Sayings:
    """What languages make of sentences: a list of (sentence, language, Example), in rows of a table."""

    rows: tuple[tuple[str, Example], ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row a sentence and language: `sentence`, `language`, `text`, `tokens` (a list), `dropped` (why)."""
        return pd.DataFrame(
            [
                {
                    "sentence": sentence,
                    "language": said.language,
                    "text": _text(said),
                    "tokens": [token.text for token in said.tokens],
                    "dropped": said.why,
                }
                for sentence, said in self.rows
            ]
        )

    def __repr__(self) -> str:
        width = max((len(said.language) for _, said in self.rows), default=0)
        lines, last = [], None
        several = len({sentence for sentence, _ in self.rows}) > 1
        for sentence, said in self.rows:
            if several and sentence != last:
                lines.append(sentence)
            last = sentence
            lines.append(f"{said.language:<{width}}  {_text(said) or f'({said.why})'}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        lines = []
        for sentence, said in self.rows:
            tokens = "".join(map(_token, said.tokens)) or f"<i>{escape(said.why)}</i>"
            name = f'<th scope="row" style="{CELL}">{escape(said.language)}</th>'
            lines.append(f'<tr title="{escape(sentence)}">{name}<td style="{CELL}" dir="auto">{tokens}</td></tr>')
        return f'<table style="border-collapse:collapse">{"".join(lines)}</table>'


def speak(
    languages: Named | Iterable[Named],
    text: str | Sequence[str] = SENTENCE,
    *,
    tokenizer: Tokenizer | str = EXAMPLE_TOKENIZER,
    annotator: str | None = None,
    draw: int = 1,
) -> Sayings:
    """Say sentences of English in some languages; in a notebook, tokens are shaded by where they came from.

    >>> speak(["no-reverse", "full-reverse"], "He cleans his very messy bookshelf.")  # doctest: +SKIP

    Args:
        languages: whatever `get_languages` takes.
        text: a sentence, or several.
        tokenizer: a Tokenizer without markers or what `load_tokenizer` takes; one trained on the built-in English.
        annotator: `spacy[:pipeline or folder]` or `stanza[:language or folder]`, which finds verbs and parses; without
            one the built-in lexicon marks the verbs that it is sure of.
        draw: of languages that draw: 1 is theirs, 2 another, and so on.

    Raises:
        UserError: no such language, tokenizer or annotator.
    """
    chosen = [another_draw(language, draw) for language in get_languages(languages)]
    texts = [text] if isinstance(text, str) else list(text)
    if isinstance(tokenizer, str):
        tokenizer = load_tokenizer(tokenizer, read_corpus(EXAMPLE_CORPUS))
    rows = []
    for sentence, columns in zip(texts, _sentences(texts, annotator), strict=True):
        rows += [(sentence, spoken_example(each.name, each, columns, tokenizer)) for each in chosen]
    return Sayings(tuple(rows))


def _sentences(texts: Sequence[str], annotator: str | None) -> Iterable[Corpus]:
    if annotator is not None:
        return annotated_texts(texts, annotator)
    return map(example, texts)


def _text(example: Example) -> str:
    return "".join(f" {token.text}" if token.after_blank else token.text for token in example.tokens).strip()


def _token(token: Token) -> str:
    look = MARKER if token.is_marker else "border:1px solid"
    if token.shade is not None:
        look = f"background:{SHADES[token.shade][0]};color:{INK}"
    where = "marker" if token.is_marker else "new" if token.place is None else f"token {token.place} of the sentence"
    style = PIECE.format(space="0.5em" if token.after_blank or token.is_marker else "0")
    return f'<span title="{where}" style="{style};{look}">{escape(token.text)}</span>'
