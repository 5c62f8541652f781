"""Sentences of running text, by rules alone: lines that are paragraphs, or texts wrapped over several lines.

sentencex (Wikimedia, MIT) needs no model and no download, keeps every character, and was the fastest and among the most
exact of those compared (`benchmarks/splitting.py`).
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from itertools import accumulate, pairwise
from typing import Any

import pyarrow as pa

LANGUAGE = "en"
WINDOW = 1_000  # characters looked at together
# A quotation or bracket that never ends would swallow all behind it: where it does, these are overlooked.
PAIRS = str.maketrans(dict.fromkeys("\"'`“”‘’«»‹›„()[]{}", " "))


def split_sentences(texts: Iterable[str], language: str = LANGUAGE) -> Iterator[str]:
    """The sentences of each text, in order, without the white space around them.

    Args:
        texts: a sentence does not go on in the next text.
        language: its ISO 639 code; abbreviations and signs differ.

    >>> list(split_sentences(["Mr. Fox runs. Does he? Yes."]))
    ['Mr. Fox runs.', 'Does he?', 'Yes.']
    """
    segment = _segmenter()
    for text in texts:
        start, size = 0, WINDOW
        while start < len(text):
            window = text[start : start + size]
            sentences = segment(language, window)
            if start + size < len(text):
                if len(sentences) < 2:
                    ends = accumulate(map(len, segment(language, window.translate(PAIRS))), initial=0)
                    sentences = [window[first:last] for first, last in pairwise(ends)]
                if len(sentences) < 2:
                    size *= 2
                    continue
                sentences = sentences[:-1]  # the last may go on behind the window
            yield from filter(None, (sentence.strip() for sentence in sentences))
            start, size = start + sum(map(len, sentences)), WINDOW


def divided(texts: pa.Array, language: str = LANGUAGE) -> pa.Array:
    """The sentences of an array of texts."""
    return pa.array(split_sentences(texts.to_pylist(), language), pa.string())


def splitter() -> str:
    """What finds the sentences, and its version, for records."""
    return f"sentencex {version('sentencex')}"


class Paragraphs:
    """Lines joined to paragraphs, which end at blank lines; a paragraph may go on in the lines that come next."""

    def __init__(self, longest: int) -> None:
        self._lines: list[str] = []
        self._size, self._longest = 0, longest

    def of(self, lines: Iterable[str | None]) -> Iterator[str]:
        """The paragraphs that end in these lines."""
        for line in lines:
            stripped = (line or "").strip()
            if stripped:
                self._lines.append(stripped)
                self._size += len(stripped)
            if not stripped or self._size > self._longest:
                yield from self.rest()

    def rest(self) -> Iterator[str]:
        """The paragraph that has not ended, if there is one."""
        if self._lines:
            yield " ".join(self._lines)
            self._lines, self._size = [], 0


@cache
def _segmenter() -> Any:
    from sentencex import segment

    return segment
