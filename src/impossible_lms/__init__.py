"""Rewrite a corpus into impossible languages, train models on it, measure what they learn (Kallini et al. 2024).

The public names below are loaded when first used, so that `import impossible_lms` stays quick.
"""

import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impossible_lms.corpora import Corpus, corpus_of, read_corpus
    from impossible_lms.corpora.annotate import annotate, load_annotator
    from impossible_lms.corpora.splitting import split_sentences
    from impossible_lms.corpora.trees import constituents
    from impossible_lms.data.build import build_dataset, build_datasets
    from impossible_lms.data.dataset import TokenDataset
    from impossible_lms.errors import Interrupted, UserError
    from impossible_lms.evaluation.compare import compare
    from impossible_lms.evaluation.lengths import by_length
    from impossible_lms.evaluation.metric import Metric, Request
    from impossible_lms.evaluation.registry import METRICS
    from impossible_lms.evaluation.scoring import Scorer
    from impossible_lms.evaluation.separation import separation
    from impossible_lms.evaluation.word_surprisal import word_surprisal
    from impossible_lms.experiment.config import Experiment
    from impossible_lms.languages import LANGUAGES, KeptSentences, Language, Rewritten, get_language, get_languages
    from impossible_lms.languages.over_words import with_words
    from impossible_lms.models.published import Published, load_published
    from impossible_lms.models.run import Run
    from impossible_lms.notebook.measuring import Evaluations, evaluate
    from impossible_lms.notebook.reporting import report
    from impossible_lms.notebook.speaking import speak
    from impossible_lms.publishing.repository import publish, publish_to_hub
    from impossible_lms.ragged import Ragged
    from impossible_lms.tokenizer import Tokenizer, load_tokenizer
    from impossible_lms.training.recipe import Recipe, load_recipe
    from impossible_lms.training.train import train

__version__ = "0.1.0"

# tqdm, which transformers imports, says so in notebooks without ipywidgets; our own bars need none.
warnings.filterwarnings("ignore", "IProgress not found")

_HOMES = {
    "Corpus": "corpora",
    "corpus_of": "corpora",
    "read_corpus": "corpora",
    "annotate": "corpora.annotate",
    "load_annotator": "corpora.annotate",
    "split_sentences": "corpora.splitting",
    "constituents": "corpora.trees",
    "LANGUAGES": "languages",
    "Language": "languages",
    "Rewritten": "languages",
    "KeptSentences": "languages",
    "get_language": "languages",
    "get_languages": "languages",
    "with_words": "languages.over_words",
    "Ragged": "ragged",
    "Tokenizer": "tokenizer",
    "load_tokenizer": "tokenizer",
    "build_dataset": "data.build",
    "build_datasets": "data.build",
    "TokenDataset": "data.dataset",
    "Published": "models.published",
    "load_published": "models.published",
    "Run": "models.run",
    "Recipe": "training.recipe",
    "load_recipe": "training.recipe",
    "train": "training.train",
    "Evaluations": "notebook.measuring",
    "evaluate": "notebook.measuring",
    "Metric": "evaluation.metric",
    "Request": "evaluation.metric",
    "METRICS": "evaluation.registry",
    "Scorer": "evaluation.scoring",
    "word_surprisal": "evaluation.word_surprisal",
    "compare": "evaluation.compare",
    "by_length": "evaluation.lengths",
    "separation": "evaluation.separation",
    "speak": "notebook.speaking",
    "report": "notebook.reporting",
    "Experiment": "experiment.config",
    "publish": "publishing.repository",
    "publish_to_hub": "publishing.repository",
    "UserError": "errors",
    "Interrupted": "errors",
}

__all__ = [
    "Corpus",
    "corpus_of",
    "read_corpus",
    "annotate",
    "load_annotator",
    "split_sentences",
    "constituents",
    "LANGUAGES",
    "Language",
    "Rewritten",
    "KeptSentences",
    "get_language",
    "get_languages",
    "with_words",
    "Ragged",
    "Tokenizer",
    "load_tokenizer",
    "build_dataset",
    "build_datasets",
    "TokenDataset",
    "Published",
    "load_published",
    "Run",
    "Recipe",
    "load_recipe",
    "train",
    "Evaluations",
    "evaluate",
    "Metric",
    "Request",
    "METRICS",
    "Scorer",
    "word_surprisal",
    "compare",
    "by_length",
    "separation",
    "speak",
    "report",
    "Experiment",
    "publish",
    "publish_to_hub",
    "UserError",
    "Interrupted",
    "__version__",
]


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impossible_lms' has no attribute '{name}'")
    return getattr(import_module(f"impossible_lms.{_HOMES[name]}"), name)


class _Public(ModuleType):
    """A package whose public names stand before its rooms: `report` is a call, and a room that importing would set."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Public
