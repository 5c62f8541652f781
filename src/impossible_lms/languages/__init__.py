"""What is done to a sentence."""

from impossible_lms.languages.language import Language, Transformed
from impossible_lms.languages.registry import LANGUAGES, get_language

__all__ = ["LANGUAGES", "Language", "Transformed", "get_language"]
