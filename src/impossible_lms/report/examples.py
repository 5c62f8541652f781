"""The languages of a report on one sentence, each token with where it came from, by the tokenizer of its runs."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from impossible_lms.corpora import read_corpus
from impossible_lms.corpora.corpus import Corpus
from impossible_lms.corpora.example import example
from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.evaluation.driver import Evaluation
from impossible_lms.evaluation.generation import ALL, GENERATION, MODEL, REAL
from impossible_lms.evaluation.metric import language_of
from impossible_lms.languages import get_language
from impossible_lms.languages.language import Language
from impossible_lms.languages.speak import Spoken, speak
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.report.figures import architecture_order, language_order, positions_of
from impossible_lms.spec import EXAMPLE_CORPUS, EXAMPLE_TOKENIZER
from impossible_lms.tokenizer import Tokenizer, load_tokenizer

# Behind tokens, from the first of a sentence to the last, on light and on dark paper: the shades of cividis, thinned.
SHADES = (
    *(("#c9d6f2", "#1d3a6e"), ("#cfd9ea", "#2b456b"), ("#d8dde3", "#3b4c66"), ("#e1e1dc", "#474f61")),
    *(("#e9e5d1", "#56554f"), ("#f0e8c0", "#635b3d"), ("#f6eaa8", "#6e6028"), ("#fdea8f", "#776410")),
)
SHOWN = 3  # sentences of a model
Pieces = Sequence[tuple[str, bool]]


@dataclass(frozen=True)
class Token:
    """A token: its text, whether a blank comes before it, the `place` it had (from 1 on, None if new), its shade."""

    text: str
    after_blank: bool
    place: int | None
    shade: int | None
    is_marker: bool


@dataclass(frozen=True)
class Example:
    """What a language makes of the sentence, or `why` nothing; its summary in pieces, markers apart."""

    language: str
    summary: Pieces
    tokens: Sequence[Token]
    why: str

    @property
    def is_told(self) -> bool:
        """Whether the language says of each token, markers aside, where it stood."""
        return all(token.is_marker or token.shade is not None for token in self.tokens)


@dataclass(frozen=True)
class Said:
    """Sentences of a model: `model` in words, the first it said, each with what it was made from and what it cost."""

    language: str
    model: str
    sentences: Sequence[tuple[Pieces, str]]
    note: str


def examples_of(
    runs: Sequence[Run | PublishedRun], datasets: dict[str, TokenDataset | None]
) -> tuple[list[Example], str]:
    """The languages of the runs, each once on the sentence of its family, and which tokenizer cut the sentence.

    It is that of the first dataset that is there; where none is, one trained on the built-in grammar.
    """
    first = next((dataset for dataset in datasets.values() if dataset is not None), None)
    tokenizer, whose = _tokenizer(first)
    names = sorted(datasets, key=language_order)
    return [_example(name, datasets[name], tokenizer) for name in names], whose


def datasets_of(
    runs: Sequence[Run | PublishedRun], evaluations: Sequence[Evaluation] = ()
) -> dict[str, TokenDataset | None]:
    """The dataset of each language of the runs, None where it is not there any more.

    Of models by others whose names say none, these are the languages that they were measured on.
    """
    found: dict[str, TokenDataset | None] = {}
    foreign = [each for each in evaluations if each.is_foreign]
    homes = {each.folder.parents[1].resolve() for each in foreign}
    for run in runs:
        if found.get(run.language) is None and run.folder.resolve() not in homes:
            found[run.language] = _dataset_of(run)
    for each in foreign:
        for name in map(str, each.curve["data"].dropna().unique()):
            found.setdefault(name, None)
    return found


def said_of(evaluations: Sequence[Evaluation]) -> list[Said]:
    """The first sentences that each model generated at its last step, with the judge's bits; of one run each."""
    models: dict[tuple[str, str], Evaluation] = {}
    for each in evaluations:
        if each.metric.name == GENERATION.name and (measured := each.curve[each.curve["fault"].isna()]).size:
            models.setdefault((str(measured["language"].iloc[0]), str(measured["architecture"].iloc[0])), each)
    order = sorted(models, key=lambda key: (language_order(key[0]), architecture_order(key[1])))
    return [_said(*key, models[key]) for key in order]


def _said(name: str, architecture: str, evaluation: Evaluation) -> Said:
    curve, items = evaluation.curve, evaluation.items()
    last = items[(items["step"] == items["step"].max()) & (items["who"] == MODEL)].head(SHOWN)
    real = curve[(curve["step"] == last["step"].max()) & (curve["who"] == REAL) & (curve["length"] == ALL)]
    markers = _markers(name)
    sentences = []
    for row in last.itertuples():
        undone = row.undone.strip() if isinstance(row.undone, str) else ""
        cost = "" if pd.isna(row.bits_a_token) else f"{row.bits_a_token:.1f} bits a token"
        behind = f"made from “{undone}”" if undone and undone != row.text.strip() else ""
        note = ", ".join(filter(None, (behind, cost))) if row.well_formed else "not a sentence of the language"
        sentences.append((pieces_of(row.text.strip(), markers), note))
    real_bits = real["bits_a_token"].iloc[0] if len(real) and "bits_a_token" in real else float("nan")
    note = "" if pd.isna(real_bits) else f"Sentences of the test set: {real_bits:.1f} bits a token."
    return Said(name, positions_of(architecture), sentences, note)


def _example(name: str, dataset: TokenDataset | None, tokenizer: Tokenizer) -> Example:
    try:
        language = language_of(dataset) if dataset is not None else get_language(name)
        return spoken_example(name, language, example(language.family.sentence), tokenizer)
    except UserError as error:
        summary = dataset.record.get("described", {}).get("summary", "") if dataset is not None else ""
        return Example(name, pieces_of(summary, ()), (), str(error))


def spoken_example(name: str, language: Language, sentence: Corpus, tokenizer: Tokenizer) -> Example:
    """What a language makes of a corpus of one sentence, each token with its place and shade."""
    spoken = speak(language, sentence, tokenizer)
    summary = pieces_of(language.summary, spoken.markers)
    if spoken.dropped:
        return Example(name, summary, (), f"does not keep this sentence: {spoken.dropped}")
    count = len(tokenizer.encode(list(sentence.texts()))[0])
    tokens = tokens_of(spoken, range(count))
    return Example(name, summary, tokens, "")


def tokens_of(spoken: Spoken, places: Sequence[int]) -> list[Token]:
    """The tokens of a sentence in a language; `places`, of each token of the sentence itself, is where it stands."""
    last, tokens = max(1, max(places, default=0)), []
    for piece, origin in zip(spoken.pieces, spoken.origins, strict=True):
        is_marker = piece.strip() in spoken.markers
        text = unicodedata.normalize("NFKC", piece.strip()) if is_marker else piece.strip(" ")
        place = None if origin is None else places[origin]
        shade = None if place is None else place * (len(SHADES) - 1) // last
        tokens.append(Token(text, piece.startswith(" "), None if place is None else place + 1, shade, is_marker))
    return tokens


def pieces_of(text: str, markers: Sequence[str]) -> Pieces:
    """The text between the markers, and these as plain letters, for few fonts have 🅁."""
    parts = re.split(f"({'|'.join(map(re.escape, markers))})", text) if markers else [text]
    return [
        (unicodedata.normalize("NFKC", part) if part in markers else part, part in markers) for part in parts if part
    ]


def _markers(name: str) -> Sequence[str]:
    try:
        return get_language(name).family.markers
    except UserError:
        return ()


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
        texts = read_corpus(EXAMPLE_CORPUS).texts()
        return load_tokenizer(EXAMPLE_TOKENIZER, texts), f"one trained on the built-in English ({EXAMPLE_TOKENIZER})"
    return dataset.tokenizer.without_markers(), "that of the models"
