"""What a language does, shown with evidence from a corpus, beside its control."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.corpora.corpus import Corpus, Memory
from impossible_lms.errors import UserError
from impossible_lms.languages.entropy import local_entropy
from impossible_lms.languages.language import KeptSentences, Language, sentences_for
from impossible_lms.languages.markers import sentences_with, shares
from impossible_lms.languages.registry import get_language, refuse_where_nothing_is_marked
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

SAMPLE = 20_000  # sentences
LOCAL = 4  # the m of m-local entropy
SHOWN, SHOWN_TOKENS = 2, (6, 16)  # sentences that are shown, and the tokens of one that reads well


@dataclass(frozen=True)
class Report:
    """The properties of a language on a sample of sentences.

    Attributes:
        language: its name.
        control: the name of its control.
        sentences: how many were rewritten.
        deterministic: whether another seed gave the same; that the same seed does is what `Language.trial` has shown.
        affected: the share of kept sentences that count as changed by the language.
        dropped: the share of sentences not kept.
        reasons: the share not kept, by reason.
        same_tokens: the share of kept sentences with the tokens of the same sentence in the control, in whatever order,
            markers and the spaces before words apart; of the control itself, with those of the text. None where the
            two have no sentence in common.
        recovered: the share of kept sentences that the inverse gives back; None without an inverse.
        added_bits: the mean bits of randomness added to a kept sentence; None where the language does not say.
        displacement: over the tokens of these sentences, the mean distance from the index there to the one here,
            markers not counted; None where there are none. Of equal tokens the first is taken to stay the first.
        local_entropy: `local_entropy` of these sentences in bits a token *of the control*, its markers not counted, so
            that languages which make more or fewer tokens of a sentence can be compared; None where there are none.
        tokens: the number of tokens that it was estimated from.
        markers: the share of kept sentences in which each marker stands.
        examples: sentences as text, and what the language makes of each: short ones that it changes, if there are any.
    """

    language: str
    control: str
    sentences: int
    deterministic: bool
    affected: float
    dropped: float
    reasons: dict[str, float]
    same_tokens: float | None
    recovered: float | None
    added_bits: float | None
    displacement: float | None
    local_entropy: float | None
    tokens: int
    markers: dict[str, float]
    examples: list[tuple[str, str]]

    def row(self) -> dict[str, Any]:
        """The report as a row of a table."""
        return asdict(self)


def sampled(corpus: Corpus, sample: int = SAMPLE) -> Corpus:
    """At most `sample` sentences in memory: the first of every file, each the same share where it has as many."""

    def blocks() -> Iterator[pa.RecordBatch]:
        left = sample
        for number, source in enumerate(corpus.sources):
            share = left // (len(corpus.sources) - number)
            for block in source.blocks() if share else ():
                yield block.slice(0, share)
                taken = min(share, len(block))
                left, share = left - taken, share - taken
                if not share:
                    break

    table = pa.Table.from_batches(list(blocks())).unify_dictionaries().combine_chunks()
    return Corpus(corpus.name, (Memory(table.to_batches()[0]),))


def check(language: Language, corpus: Corpus, tokenizer: Tokenizer, sample: int = SAMPLE) -> Report:
    """Rewrite some sentences of a corpus (`sampled`) and say what became of them.

    Raises:
        UserError: the language breaks its word (`Language.trial`), no sentence is kept, or annotation is missing.
    """
    _, columns = next(sampled(corpus, sample).blocks())
    language.trial(columns, tokenizer)
    refuse_where_nothing_is_marked([language], [columns])
    sentences = next(sentences_for([language.family], columns, tokenizer, 0))
    kept = language.start()(sentences)
    if not len(kept.tokens):
        raise UserError(f"language {language.name}: keeps none of {len(columns)} sentences ({dict(kept.dropped)}).")
    original = sentences.tokens.take(kept.sentence)
    compared, in_both = _compared(language, columns, tokenizer, original, kept.sentence)
    bare, unmarked = _bare(sentences.tokenizer), _without(kept.tokens, sentences.tokenizer).take(in_both)
    before, after = (Ragged(bare[tokens.values], tokens.offsets) for tokens in (compared, unmarked))
    both = kept.tokens.take(in_both)
    entropy = None
    if len(both) > 1:
        lengths = (unmarked if language.is_control else compared).lengths()
        entropy = local_entropy(both, LOCAL, sentences.tokenizer.vocabulary_size, lengths)
    is_same = _same_tokens(before, after)
    bits = language.added_bits(original, sentences.tokenizer)
    recovered = None
    if language.inverse is not None:
        recovered = float(np.mean(_equal(original, language.inverse(kept.tokens, sentences.tokenizer))))
    other = language.rule(sentences, np.random.default_rng(language.seed + 1)).tokens
    first = language.rule(sentences, np.random.default_rng(language.seed)).tokens
    return Report(
        language=language.name,
        control=language.control,
        sentences=len(columns),
        deterministic=np.array_equal(other.values, first.values) and np.array_equal(other.offsets, first.offsets),
        affected=float(kept.affected.mean()),
        dropped=1 - len(kept.tokens) / len(columns),
        reasons={reason: count / len(columns) for reason, count in kept.dropped.items() if count},
        same_tokens=float(is_same.mean()) if len(is_same) else None,
        recovered=recovered,
        added_bits=None if np.isnan(bits).any() else float(bits.mean()),
        displacement=_displacement(before.take(is_same), after.take(is_same)),
        local_entropy=entropy,
        tokens=len(both.values),
        markers=shares(sentences_with(kept.tokens, sentences.tokenizer.markers), len(kept.tokens)),
        examples=_examples(kept, columns, sentences.tokenizer),
    )


def _examples(kept: KeptSentences, columns: pa.RecordBatch, tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The first sentences of some tokens that are changed, as text before and after; or else the first there are."""
    lengths = kept.tokens.lengths()
    wanted = (lengths >= SHOWN_TOKENS[0]) & (lengths <= SHOWN_TOKENS[1])
    by_worth = np.lexsort((np.arange(len(lengths)), ~wanted, ~kept.affected))
    texts = columns.column("text")
    return [(texts[int(kept.sentence[row])].as_py(), tokenizer.decode(kept.tokens[row])) for row in by_worth[:SHOWN]]


def _compared(
    language: Language, columns: pa.RecordBatch, tokenizer: Tokenizer, original: Ragged, sentence: NDArray[np.int64]
) -> tuple[Ragged, NDArray[np.bool_]]:
    """Sentences in the control without markers, or in the text; (k,) bool: which of `sentence` (k,) are there."""
    control = get_language(language.control)
    if control.name == language.name:
        return original, np.ones(len(sentence), dtype=bool)
    theirs = next(sentences_for([control.family], columns, tokenizer, 0))
    kept = control.start()(theirs)
    tokens = _without(kept.tokens, theirs.tokenizer)
    return tokens.take(np.isin(kept.sentence, sentence)), np.isin(sentence, kept.sentence)


def _bare(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """(vocabulary,) int64: the same number for tokens that differ in the space before them alone."""
    pieces = [piece.removeprefix(" ") for piece in tokenizer.pieces(range(tokenizer.vocabulary_size))]
    return np.unique(np.array(pieces, dtype=object), return_inverse=True)[1]


def _without(tokens: Ragged, tokenizer: Tokenizer) -> Ragged:
    """The tokens that are no markers."""
    is_marker = np.isin(tokens.values, list(tokenizer.markers.values()))
    before = np.append(0, np.cumsum(is_marker))[tokens.offsets]
    return Ragged.of_lengths(tokens.values[~is_marker], tokens.lengths() - np.diff(before))


def _sorted(tokens: Ragged) -> NDArray[np.int64]:
    """(n,) int64: the indices of the elements, sequence by sequence, by value and then by place."""
    sequence = tokens.spread(np.arange(len(tokens)))
    return np.lexsort((np.arange(len(tokens.values)), tokens.values, sequence))


def _same_tokens(original: Ragged, changed: Ragged) -> NDArray[np.bool_]:
    """(k,) bool: whether both have the same tokens as multisets."""
    ordered = [Ragged(tokens.values[_sorted(tokens)], tokens.offsets) for tokens in (original, changed)]
    return _equal(*ordered)


def _equal(first: Ragged, second: Ragged) -> NDArray[np.bool_]:
    """(k,) bool: which sequences are equal."""
    same = first.lengths() == second.lengths()
    left, right = first.take(same), second.take(same)
    unequal = np.bincount(left.spread(np.arange(len(left)))[left.values != right.values], minlength=len(left)) > 0
    equal = np.asarray(same)
    equal[same] = ~unequal
    return equal


def _displacement(original: Ragged, changed: Ragged) -> float | None:
    """Mean distance between old and new index of tokens, over sequences with the same tokens; None for none."""
    if not len(original.values):
        return None
    old, new = original.place()[_sorted(original)], changed.place()[_sorted(changed)]
    return float(np.abs(new - old).mean())
