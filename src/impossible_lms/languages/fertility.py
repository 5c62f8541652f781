"""Fertility: how many tokens a tokenizer makes of a word, or of a character in scripts without spaces between words."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.scripts import MOSTLY, are_unspaced
from impossible_lms.tokenizer import Tokenizer

SAMPLE = 2_000  # sentences of each beginning of a corpus
WORD, CHARACTER = "word", "character"


@dataclass(frozen=True)
class Fertility:
    """`tokens` of so many `units`, words or characters, in the first `sentences` of a corpus as they are."""

    tokens: int
    units: int
    unit: str
    sentences: int

    def __str__(self) -> str:
        return f"{self.tokens / self.units:.2f} tokens a {self.unit}" if self.units else "no words"

    def record(self) -> dict[str, Any]:
        """The same for a manifest."""
        return asdict(self)


def fertility(blocks: Iterable[pa.RecordBatch], tokenizer: Tokenizer) -> Fertility:
    """The fertility on the beginnings of a corpus, SAMPLE sentences of each, before a language changes them.

    Words are what stands between white space; where most sentences are of a script that has none between words (as
    Chinese, Japanese and Thai), characters count in their place.
    """
    texts = pa.chunked_array([block.column("text").slice(0, SAMPLE) for block in blocks], pa.string()).combine_chunks()
    if not len(texts):
        return Fertility(0, 0, WORD, 0)
    tokens = len(tokenizer.encode(texts).values)
    is_unspaced = are_unspaced(texts).mean() > MOSTLY
    pattern, unit = (r"\S", CHARACTER) if is_unspaced else (r"\S+", WORD)
    units = pc.sum(pc.count_substring_regex(texts, pattern)).as_py() or 0
    return Fertility(tokens, int(units), unit, len(texts))
