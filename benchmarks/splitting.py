"""How well and how fast running text is divided into sentences: the splitter of `--sentences split` beside others.

    python -m benchmarks.splitting --conllu FOLDER --corpus FOLDER [--with NAME ...]

Gold are the paragraphs of the treebanks EWT and GUM in the folder of --conllu (`# newpar`), put together as they were
written, and the test files of a corpus of one sentence a line, whose lines are joined to paragraphs of two to eight.
A boundary is where a sentence ends within a paragraph; the end of a paragraph is given, and counts for nobody. Others
than spaCy take part where they are installed: pysbd, syntok, blingfire, nltk (Punkt without a model), nupunkt.
"""

import argparse
import importlib
import random
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from impossible_lms import read_corpus
from impossible_lms.corpora.splitting import split_sentences, splitter
from impossible_lms.versions import versions

TREEBANKS = {"EWT": ("en_ewt-dev", "en_ewt-test"), "GUM": ("en_gum-dev",)}
GENRES = ("abc_news", "brown", "childes", "genesis", "movie_reviews", "speeches")
SHORTEST, LONGEST = 2, 8  # sentences in a paragraph
Split = Callable[[str], Iterable[str]]


class Paragraph(NamedTuple):
    """A text, and where its sentences end: the characters that are no white space before each end."""

    text: str
    ends: frozenset[int]


def main() -> None:
    """Measure every splitter on every text and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conllu", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--with", dest="names", action="append", help="a splitter; all that are installed")
    options = parser.parse_args()
    gold = {name: list(_of_treebank(options.conllu, files)) for name, files in TREEBANKS.items()}
    for genre in GENRES:
        gold[genre] = list(_of_lines(options.corpus / "test" / f"{genre}.test"))
    boundaries = {name: sum(len(each.ends) - 1 for each in paragraphs) for name, paragraphs in gold.items()}
    print(", ".join(f"{name} {version}" for name, version in versions().items()), splitter(), sep=", ")
    print("boundaries: " + ", ".join(f"{name} {number:,}" for name, number in boundaries.items()) + "\n")
    print("| precision / recall / F1 | " + " | ".join(gold) + " | MB/s |")
    print("| --- |" + " --- |" * len(gold) + " ---: |")
    for name in options.names or SPLITTERS:
        try:
            split = SPLITTERS[name]()
        except ModuleNotFoundError:
            continue
        size, start = 0, time.process_time()
        found = {each: [list(split(paragraph.text)) for paragraph in paragraphs] for each, paragraphs in gold.items()}
        seconds = time.process_time() - start
        size = sum(len(each.text.encode()) for paragraphs in gold.values() for each in paragraphs)
        cells = [_scores(paragraphs, found[each]) for each, paragraphs in gold.items()]
        print(f"| {name} | " + " | ".join(cells) + f" | {size / seconds / 1e6:.2f} |", flush=True)


def _of_treebank(folder: Path, files: Iterable[str]) -> Iterator[Paragraph]:
    for file in files:
        sentences: list[tuple[str, bool]] = []
        for _, block in read_corpus(str(folder / f"{file}.conllu")).blocks():
            for row in block.select(["text", "comments", "space_after"]).to_pylist():
                begins = any(
                    each.startswith("# newdoc") or each.partition(" =")[0] == "# newpar" for each in row["comments"]
                )
                if begins and sentences:
                    yield _paragraph(sentences)
                    sentences = []
                sentences.append((row["text"], row["space_after"][-1]))
        yield _paragraph(sentences)


def _of_lines(path: Path) -> Iterator[Paragraph]:
    draw = random.Random(path.name)
    lines = [line.strip() for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    while lines:
        many = draw.randint(SHORTEST, LONGEST)
        yield _paragraph([(line, True) for line in lines[:many]])
        lines = lines[many:]


def _paragraph(sentences: Iterable[tuple[str, bool]]) -> Paragraph:
    text = "".join(sentence + " " * is_spaced for sentence, is_spaced in sentences).rstrip()
    return Paragraph(text, frozenset(_ends(sentence for sentence, _ in sentences)))


def _ends(sentences: Iterable[str]) -> Iterator[int]:
    """Where sentences end, white space not counted: some splitters change it."""
    end = 0
    for sentence in sentences:
        length = sum(not character.isspace() for character in sentence)
        if length:
            end += length
            yield end


def _scores(gold: Iterable[Paragraph], found: Iterable[list[str]]) -> str:
    right = said = there = 0
    for paragraph, sentences in zip(gold, found, strict=True):
        last = {max(paragraph.ends)}
        ends, expected = set(_ends(sentences)) - last, set(paragraph.ends) - last
        right, said, there = right + len(ends & expected), said + len(ends), there + len(expected)
    precision, recall = right / max(1, said), right / there
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return f"{precision:.3f} / {recall:.3f} / **{f1:.3f}**"


def _ours() -> Split:
    return lambda text: split_sentences([text])


def _spacy() -> Split:
    pipeline = importlib.import_module("spacy").blank("en")
    pipeline.add_pipe("sentencizer")
    return lambda text: [sentence.text for sentence in pipeline(text).sents]


def _pysbd() -> Split:
    segmenter: Any = importlib.import_module("pysbd").Segmenter(language="en", clean=False)
    return lambda text: segmenter.segment(text)


def _syntok() -> Split:
    segmenter: Any = importlib.import_module("syntok.segmenter")

    def split(text: str) -> Iterator[str]:
        for paragraph in segmenter.analyze(text):
            for sentence in paragraph:
                yield "".join(token.spacing + token.value for token in sentence)

    return split


def _blingfire() -> Split:
    library: Any = importlib.import_module("blingfire")
    return lambda text: library.text_to_sentences(text).split("\n")


def _punkt() -> Split:
    punkt: Any = importlib.import_module("nltk.tokenize.punkt").PunktSentenceTokenizer()
    return lambda text: punkt.tokenize(text)


def _nupunkt() -> Split:
    library: Any = importlib.import_module("nupunkt")
    return lambda text: library.sent_tokenize(text)


SPLITTERS: dict[str, Callable[[], Split]] = {
    "sentencex (ours)": _ours,
    "spaCy's sentencizer": _spacy,
    "blingfire": _blingfire,
    "nltk's Punkt, without a model": _punkt,
    "nupunkt": _nupunkt,
    "syntok": _syntok,
    "pysbd": _pysbd,
}


if __name__ == "__main__":
    main()
