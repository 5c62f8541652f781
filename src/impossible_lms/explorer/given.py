"""What the explorer was given at its start: only that can be opened from its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from impossible_lms.corpora import read_corpus
from impossible_lms.errors import UserError
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.speaking import Speaker
from impossible_lms.languages import LANGUAGES, get_language
from impossible_lms.languages.language import Language
from impossible_lms.spec import EXAMPLE_CORPUS, EXAMPLE_TOKENIZER
from impossible_lms.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Given:
    """What the page may open.

    Attributes:
        speaker: says sentences.
    """

    speaker: Speaker


def given(
    sources: Sequence[str] = (),
    *,
    languages: Sequence[str] = (),
    tokenizer: str | None = None,
    annotator: str | None = None,
) -> Given:
    """Open all that the explorer is to show; UserError for the first thing that cannot be.

    Args:
        sources: runs, folders of such, experiments, published models (folders, caches or ids on the Hub).
        languages: of the user's own, as `path/to/file.py:Name`.
        tokenizer: what cuts sentences; that of the first model, if None, or one trained on the built-in English.
        annotator: finds verbs and parses: `spacy[:pipeline or folder]` or `stanza[:language or folder]`.
    """
    loaded = load_tokenizer(tokenizer or EXAMPLE_TOKENIZER, read_corpus(EXAMPLE_CORPUS).texts())
    speaker = Speaker(loaded, _own(languages), annotator)
    speaker.page(Chosen())  # what is compiled or loaded with the first sentence is there before anyone types one
    return Given(speaker)


def _own(names: Sequence[str]) -> Mapping[str, Language]:
    """Languages of the user's own by name; UserError for two of one name, or the name of one of ours."""
    found: dict[str, Language] = {}
    for name in names:
        language = get_language(name)
        if (language.name in LANGUAGES and name not in LANGUAGES) or language.name in found:
            raise UserError(f"--language {name}: there is a language {language.name} already. Give it another name.")
        found[language.name] = language
    return found
