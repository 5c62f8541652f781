"""What is done to a sentence."""

from impossible_lms.languages.language import Family, KeptSentences, Language, Rewritten, Sentences, Style
from impossible_lms.languages.registry import (
    GROUPS,
    LANGUAGES,
    PAPER,
    get_language,
    get_languages,
    refuse_where_nothing_is_marked,
    refuse_without_annotation,
)

__all__ = [
    "GROUPS",
    "LANGUAGES",
    "PAPER",
    "Family",
    "Language",
    "Rewritten",
    "Sentences",
    "Style",
    "KeptSentences",
    "get_language",
    "get_languages",
    "refuse_where_nothing_is_marked",
    "refuse_without_annotation",
]
