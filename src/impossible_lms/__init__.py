"""Rewrite a corpus into impossible languages, train models on it, measure what they learn (Kallini et al. 2024).

The public names below are loaded when first used, so that `import impossible_lms` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impossible_lms.corpora import Corpus, corpus_of, read_corpus
    from impossible_lms.corpora.annotate import annotate, load_annotator
    from impossible_lms.corpora.splitting import split_sentences
    from impossible_lms.corpora.trees import constituents
    from impossible_lms.data.build import build_dataset
    from impossible_lms.data.dataset import TokenDataset
    from impossible_lms.errors import UserError
    from impossible_lms.evaluation.compare import compare
    from impossible_lms.evaluation.driver import evaluate
    from impossible_lms.evaluation.metric import Request
    from impossible_lms.evaluation.registry import METRICS
    from impossible_lms.evaluation.scoring import Scorer
    from impossible_lms.evaluation.word_surprisal import word_surprisal
    from impossible_lms.languages import LANGUAGES, Language, Transformed, get_language
    from impossible_lms.models.published import Published, load_published
    from impossible_lms.publishing.repository import publish, publish_to_hub
    from impossible_lms.ragged import Ragged
    from impossible_lms.tokenizer import Tokenizer, load_tokenizer
    from impossible_lms.training.recipe import Recipe, load_recipe
    from impossible_lms.training.train import train

__version__ = "0.1.0"

_HOMES = {
    "Corpus": "corpora",
    "corpus_of": "corpora",
    "read_corpus": "corpora",
    "annotate": "corpora.annotate",
    "load_annotator": "corpora.annotate",
    "split_sentences": "corpora.splitting",
    "constituents": "corpora.trees",
    "build_dataset": "data.build",
    "TokenDataset": "data.dataset",
    "UserError": "errors",
    "compare": "evaluation.compare",
    "evaluate": "evaluation.driver",
    "Request": "evaluation.metric",
    "METRICS": "evaluation.registry",
    "Scorer": "evaluation.scoring",
    "word_surprisal": "evaluation.word_surprisal",
    "LANGUAGES": "languages",
    "Language": "languages",
    "Transformed": "languages",
    "get_language": "languages",
    "Published": "models.published",
    "load_published": "models.published",
    "publish": "publishing.repository",
    "publish_to_hub": "publishing.repository",
    "Ragged": "ragged",
    "Tokenizer": "tokenizer",
    "load_tokenizer": "tokenizer",
    "Recipe": "training.recipe",
    "load_recipe": "training.recipe",
    "train": "training.train",
}

__all__ = [
    "Corpus",
    "corpus_of",
    "read_corpus",
    "annotate",
    "load_annotator",
    "split_sentences",
    "constituents",
    "build_dataset",
    "TokenDataset",
    "UserError",
    "compare",
    "evaluate",
    "Request",
    "METRICS",
    "Scorer",
    "word_surprisal",
    "LANGUAGES",
    "Language",
    "Transformed",
    "get_language",
    "Published",
    "load_published",
    "publish",
    "publish_to_hub",
    "Ragged",
    "Tokenizer",
    "load_tokenizer",
    "Recipe",
    "load_recipe",
    "train",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impossible_lms' has no attribute '{name}'")
    return getattr(import_module(f"impossible_lms.{_HOMES[name]}"), name)
