"""The languages of a report on one sentence, with the tokenizer of its runs."""

import re
import unicodedata
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

Pieces = Sequence[tuple[str, bool]]


@dataclass(frozen=True)
class Example:
    """What a language makes of the sentence, or `why` nothing; in pieces, each with whether it is a marker."""

    language: str
    summary: Pieces
    said: Pieces
    why: str


def examples_of(runs: Sequence[Run | PublishedRun]) -> tuple[list[Example], str]:
    """The languages of the runs, each once, and which tokenizer cut the sentence.

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
        return Example(name, _pieces(summary, ()), (), str(error))


def _said(name: str, language: Language, tokenizer: Tokenizer) -> Example:
    spoken = speak(language, example(SENTENCE, parse=PARSE), tokenizer)
    summary = _pieces(language.summary, spoken.markers)
    if spoken.dropped:
        return Example(name, summary, (), f"does not keep this sentence: {spoken.dropped}")
    return Example(name, summary, _pieces(spoken.text, spoken.markers), "")


def _pieces(text: str, markers: Sequence[str]) -> Pieces:
    """The text between the markers, and these as plain letters, for few fonts have 🅁."""
    parts = re.split(f"({'|'.join(map(re.escape, markers))})", text) if markers else [text]
    return [
        (unicodedata.normalize("NFKC", part) if part in markers else part, part in markers) for part in parts if part
    ]


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
        return load_tokenizer(
            EXAMPLE_TOKENIZER, read_corpus(EXAMPLE_CORPUS).texts()
        ), f"one trained on the built-in English ({EXAMPLE_TOKENIZER})"
    return dataset.tokenizer.without_markers(), f"that of the dataset {dataset.folder.resolve().name}"
