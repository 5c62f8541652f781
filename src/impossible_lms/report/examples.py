"""The languages of a report on one sentence, with the tokenizer of its runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from impossible_lms.corpora import read_corpus
from impossible_lms.corpora.example import PARSE, SENTENCE, example
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import language_of
from impossible_lms.languages import get_language
from impossible_lms.languages.language import Language
from impossible_lms.languages.speak import speak
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.report.figures import language_order
from impossible_lms.spec import EXAMPLE_CORPUS, EXAMPLE_TOKENIZER
from impossible_lms.tokenizer import Tokenizer, load_tokenizer


@dataclass(frozen=True)
class Example:
    """What a language makes of the sentence: `said` in pieces, each with whether it is a marker, or `why` not."""

    language: str
    summary: str
    said: Sequence[tuple[str, bool]]
    why: str


def examples_of(runs: Sequence[Run | PublishedRun]) -> tuple[list[Example], str]:
    """The languages of the runs, each once, and whose tokenizer cut the sentence.

    It is that of the first dataset that is there; where none is, one trained on the built-in grammar.
    """
    datasets: dict[str, TokenDataset | None] = {}
    for run in runs:
        if datasets.get(run.language) is None:
            datasets[run.language] = _dataset_of(run)
    first = next((dataset for dataset in datasets.values() if dataset is not None), None)
    tokenizer, whose = _tokenizer(first)
    names = sorted(datasets, key=language_order)
    return [_example(name, datasets[name], tokenizer) for name in names], whose


def _example(name: str, dataset: TokenDataset | None, tokenizer: Tokenizer) -> Example:
    try:
        language = language_of(dataset) if dataset is not None else get_language(name)
        return _said(name, language, tokenizer)
    except UserError as error:
        summary = dataset.record.get("described", {}).get("summary", "") if dataset is not None else ""
        return Example(name, summary, (), str(error))


def _said(name: str, language: Language, tokenizer: Tokenizer) -> Example:
    spoken = speak(language, example(SENTENCE, parse=PARSE), tokenizer)
    if spoken.dropped:
        return Example(name, language.summary, (), f"does not keep this sentence: {spoken.dropped}")
    pieces = re.split(f"({'|'.join(map(re.escape, spoken.markers))})", spoken.text) if spoken.markers else [spoken.text]
    return Example(name, language.summary, [(piece, piece in spoken.markers) for piece in pieces if piece], "")


def _dataset_of(run: Run | PublishedRun) -> TokenDataset | None:
    """The dataset of a run, where it is still there."""
    if isinstance(run, PublishedRun):
        return None
    try:
        return run.dataset()
    except UserError:
        return None


def _tokenizer(dataset: TokenDataset | None) -> tuple[Tokenizer, str]:
    if dataset is None:
        return load_tokenizer(EXAMPLE_TOKENIZER, read_corpus(EXAMPLE_CORPUS).texts()), EXAMPLE_TOKENIZER
    return dataset.tokenizer.without_markers(), str(dataset.folder)
