"""Word surprisal: the bits of every word of a text under a model, the space before a word counted where it belongs.

A token of a byte-level vocabulary carries the space before it, so the product of a word's tokens says that the word
*before* it has ended, and not that it ends itself. After Pimentel & Meister (2024, "How to Compute the Probability of a
Word") and Oh & Schuler (2024, "Leading Whitespaces of Language Models' Subword Vocabulary Pose a Confound for
Calculating Word Probabilities"), a word's bits are those of its tokens, and of what follows them being the beginning of
another word or the end, less what the word before it was charged for that:

    bits(word) = -log2 P(its tokens) - log2 B(after it) + log2 B(before it)

B is the probability that the next token begins with white space, ends the text or is a marker; before the first word it
is 1. The sum over the words of a sentence and its end is what the whole sentence costs (`Scorer.sentence_bits`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.corpora import Corpus
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import chosen, context_of, scorer_of
from impossible_lms.evaluation.scoring import BITS, Scorer
from impossible_lms.models.published import PublishedRun
from impossible_lms.models.run import Run
from impossible_lms.progress import Progress, usual
from impossible_lms.ragged import Ragged
from impossible_lms.special_tokens import END_OF_TEXT
from impossible_lms.tokenizer import Tokenizer

WHITE = " \t\n\r\v\f"  # what stands between words; other spaces of Unicode belong to their word
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~‘’“”«»–—…¿¡。、，"
COLUMNS = ("sentence", "position", "word", "tokens", "bits", "token_bits")


def word_surprisal(
    run: Run | PublishedRun,
    corpus: Corpus,
    *,
    checkpoints: str = "all",
    frequencies: Corpus | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The surprisal of every word of a corpus under the checkpoints of a model, one row a word and checkpoint.

    Each sentence stands by itself, after the end of a text, and is taken as it is: it is not rewritten in the model's
    language. Words are what stands between white space, punctuation included. Sentences that the model's positions
    cannot hold have no rows; `attrs["too_long"]` counts them.

    Args:
        run: the model.
        corpus: what is read.
        checkpoints: `all`, `last`, `every=200`, or steps as `100,200`.
        frequencies: the corpus that words are counted in; `corpus` itself by default.
        progress: is told how many checkpoints are done.

    Returns the columns `language`, `architecture`, `seed` and `step` of the model; `genre`; `sentence` (from 0, in the
    order of the corpus); `position` (from 1); `word`; `tokens` (their number); `bits`; `token_bits`, the bits of its
    tokens as they come, without the correction; `length` in characters; and `frequency`, occurrences in a million
    words, small letters and punctuation around words aside. The last row of a sentence is its end, `<|endoftext|>`, of
    no length and frequency; with it the bits of a sentence add up to those of the whole.

    Raises:
        UserError: no such checkpoint, another vocabulary in one of them, or a tokenizer with a token that holds the
            end of a word and the beginning of the next.
    """
    steps = chosen(run, checkpoints)
    room = context_of(run)
    tokenizer = steps[-1].tokenizer
    genres, texts = _sentences(corpus)
    tokens = tokenizer.encode(texts)
    is_read = tokens.lengths() + 1 <= (np.inf if room is None else room)
    rows = np.flatnonzero(is_read & (tokens.lengths() > 0))
    if not len(rows):
        raise UserError(f"corpus {corpus.name}: no sentence that the positions of {run.folder} can hold.")
    words = _words(tokenizer, tokens.take(rows), [texts[row] for row in rows])
    counted = _frequencies(frequencies or corpus, sorted(set(words.text)))
    begins = begins_word(tokenizer)
    said: dict[str, Any] = {"language": run.language, "architecture": run.architecture.name, "seed": run.seed}
    parts = []
    progress = progress or usual()
    progress.start(f"words under {run.name}, checkpoints", len(steps))
    try:
        for count, checkpoint in enumerate(steps, 1):
            if checkpoint.tokenizer.sha256 != tokenizer.sha256:
                raise UserError(f"{checkpoint.folder}: has another vocabulary than the last checkpoint.")
            table = words.table(*_bits(scorer_of(checkpoint), tokenizer, tokens.take(rows), begins, words))
            parts.append(table.assign(**said, step=checkpoint.step))
            progress.at(count)
    finally:
        progress.end()
    table = pd.concat(parts, ignore_index=True)
    is_end = table["word"] == END_OF_TEXT
    place = table["sentence"].to_numpy()
    table = table.assign(
        sentence=rows[place],
        genre=np.array(genres, dtype=object)[rows[place]],
        length=table["word"].str.len().mask(is_end, 0).astype(int),
        frequency=table["word"].map(counted).mask(is_end),
    )
    table = table[[*said, "step", "genre", *COLUMNS, "length", "frequency"]]
    table.attrs["too_long"] = int((~is_read).sum())
    return table


def begins_word(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """(vocabulary,) bool: which tokens say that the word before them has ended: white space, a marker, or the end."""
    pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
    begins = np.array([piece.startswith(tuple(WHITE)) for piece in pieces])
    begins[[tokenizer.end_of_text, *tokenizer.markers.values()]] = True
    return begins


@dataclass(frozen=True)
class _Words:
    """The words of k sentences: `sentence` (w,), `text`, and of each token (n,) the number of its word."""

    sentence: NDArray[np.int64]
    text: list[str]
    of_token: NDArray[np.int64]

    def table(self, bits: NDArray[np.float64], token_bits: NDArray[np.float64]) -> pd.DataFrame:
        """One row a word, in order."""
        place = np.arange(len(self.sentence)) - np.searchsorted(self.sentence, self.sentence)
        tokens = np.bincount(self.of_token, minlength=len(self.sentence))
        values = (self.sentence, place + 1, self.text, tokens, bits, token_bits)
        return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _words(tokenizer: Tokenizer, tokens: Ragged, texts: Sequence[str]) -> _Words:
    """Which word each token is of; the end of each sentence is a word without tokens of the sentence's own.

    A token of white space alone belongs to the word after it, and after the last word to the end.
    """
    pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
    ends_in = np.array([any(sign in piece.lstrip(WHITE) for sign in WHITE) for piece in pieces])
    if ends_in[tokens.values].any():
        token = int(tokens.values[ends_in[tokens.values]][0])
        raise UserError(
            f"tokenizer {tokenizer.name}: token {token} ({pieces[token]!r}) holds a space after a word; the bits of "
            "words cannot be told apart. A tokenizer whose tokens begin with the space is expected."
        )
    is_white = np.array([not piece.strip(WHITE) for piece in pieces])[tokens.values]
    opens = np.array([piece.startswith(tuple(WHITE)) for piece in pieces])[tokens.values]
    first = tokens.place() == 0
    # A word begins at white space that follows something else, and at the beginning of a sentence.
    follows_white = np.append(False, is_white[:-1]) & ~first
    begin = first | (opens & ~follows_white)
    of_token = np.cumsum(begin) - 1
    sentence = tokens.spread(np.arange(len(tokens)))[begin]
    has_sign = np.bincount(of_token, weights=~is_white) > 0  # of each stretch; the last may be white space alone
    split = [_split(text) for text in texts]
    counts = np.bincount(sentence[has_sign], minlength=len(tokens))
    wrong = np.flatnonzero(counts != [len(words) for words in split])
    if len(wrong):
        raise UserError(f"tokenizer {tokenizer.name}: does not give back the words of {texts[int(wrong[0])]!r}.")
    # The stretches by sentence, then its end; what is white space alone goes to the end.
    number = np.cumsum(has_sign) - 1 + sentence  # with an end after each sentence before it
    number[~has_sign] += 1
    text = [word for words in split for word in (*words, END_OF_TEXT)]
    return _Words(np.repeat(np.arange(len(tokens)), counts + 1), text, number[of_token])


def _split(text: str) -> list[str]:
    """The words of a text, which only WHITE divides."""
    return [word for word in text.translate(dict.fromkeys(map(ord, WHITE), " ")).split(" ") if word]


def _bits(
    scorer: Scorer, tokenizer: Tokenizer, tokens: Ragged, begins: NDArray[np.bool_], words: _Words
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(w,) each: the bits of each word, and those of its tokens alone."""
    rows = np.arange(len(tokens))
    before = tokens.insert(rows, np.zeros(len(tokens), np.int64), tokenizer.begin_of_text)
    framed = before.insert(rows, before.lengths(), tokenizer.end_of_text)
    cost = scorer.token_logprobs(framed).values * -BITS
    known = np.zeros(scorer.model.config.vocab_size, dtype=bool)
    known[: len(begins)] = begins[: len(known)]
    boundary = scorer.masses(before, known).values * -BITS
    # Of each framed sentence: its tokens, then its end, which is the last word's.
    is_end = np.zeros(len(cost), dtype=bool)
    is_end[before.offsets[1:] - 1] = True
    ends = np.searchsorted(words.sentence, rows, side="right") - 1
    word = np.empty(len(cost), np.int64)
    word[~is_end], word[is_end] = words.of_token, ends
    plain = np.bincount(word, weights=cost, minlength=len(words.sentence)).astype(np.float64)
    # After the last token of each word but the end; `boundary` stands after the element before each cost.
    last = np.append(np.flatnonzero(np.diff(word)), len(word) - 1)
    after = np.zeros(len(words.sentence))
    is_word = ~is_end[last]
    after[word[last[is_word]]] = boundary[last[is_word] + 1]
    before_it = np.append(0.0, after[:-1])
    before_it[np.append(-1, ends[:-1]) + 1] = 0.0  # nothing was before the first word
    return plain + after - before_it, plain


def _sentences(corpus: Corpus) -> tuple[list[str], list[str]]:
    genres: list[str] = []
    texts: list[str] = []
    for source, block in corpus.blocks():
        texts += block.column("text").to_pylist()
        genres += [source.genre] * len(block)
    return genres, texts


def _frequencies(corpus: Corpus, wanted: list[str]) -> dict[str, float]:
    """How often each of the `wanted` words occurs in a million words of a corpus; read once, in blocks."""
    plain = _plain(pa.array(wanted, pa.string()))
    values = pc.unique(plain)
    found: Counter[str] = Counter()
    total = 0
    for _, block in corpus.blocks():
        words = _plain(pc.ascii_split_whitespace(block.column("text")).flatten())
        words = words.filter(pc.not_equal(words, ""))
        total += len(words)
        for entry in pc.value_counts(words.filter(pc.is_in(words, value_set=values))).to_pylist():
            found[entry["values"]] += entry["counts"]
    each = zip(wanted, plain.to_pylist(), strict=True)
    return {word: found[as_counted] * 1e6 / max(total, 1) for word, as_counted in each}


def _plain(words: pa.Array) -> pa.Array:
    """Words as they are counted: small letters, without the punctuation around them."""
    return pc.utf8_trim(pc.utf8_lower(words), PUNCTUATION)
