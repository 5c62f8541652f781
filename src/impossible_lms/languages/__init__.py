"""What is done to a sentence."""

from impossible_lms.languages.language import Family, Language, Rewritten, Sentences, Style, Transformed
from impossible_lms.languages.registry import LANGUAGES, get_language

__all__ = ["LANGUAGES", "Family", "Language", "Rewritten", "Sentences", "Style", "Transformed", "get_language"]
