"""Language: a rule over the tokens of many sentences at once, with its family, its control and its marks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from impossible_lms.corpora.corpus import Corpus
from impossible_lms.corpora.example import SENTENCE
from impossible_lms.errors import UserError
from impossible_lms.ragged import Ragged
from impossible_lms.shown import Shown
from impossible_lms.tokenizer import Tokenizer

TOO_SHORT = "fewer than two tokens"
NEW = -1  # in place of the origin of a token that was none before, such as a marker
TRIAL = 500  # sentences that a language is tried on before anything is written


@dataclass(frozen=True, eq=False)
class Sentences:
    """One block of a corpus, as a rule sees it.

    `columns` holds the corpus's columns for k sentences, `tokenizer` the vocabulary with the family's markers, `first`
    the index of the first sentence in its corpus, and `encoded` gives the ids of the text, made once for all languages.
    """

    columns: pa.RecordBatch
    tokenizer: Tokenizer
    first: int
    encoded: Callable[[], Ragged]

    @cached_property
    def tokens(self) -> Ragged:
        """The ids of each sentence's text, in the tokenizer's type; k sequences."""
        tokens = self.encoded()
        return Ragged(tokens.values.astype(self.tokenizer.dtype, copy=False), tokens.offsets)

    def annotation(self, name: str) -> pa.ListArray:
        """A column of annotation, one entry a word; UserError where the corpus has none of this name, or too few."""
        if name not in self.columns.schema.names:
            raise UserError(f"the corpus has no {name}: annotate it with `impossible annotate`.")
        column, words = self.columns.column(name), self.columns.column("words")
        lengths, expected = (each.value_lengths().fill_null(0) for each in (column, words))
        if (row := pc.index(pc.not_equal(lengths, expected), True).as_py()) >= 0:
            where = f"sentence {self.first + row} of the corpus"
            raise UserError(f"{where}: {lengths[row]} entries in {name} for {expected[row]} words. Annotate it again.")
        return column


@dataclass(frozen=True)
class Rewritten:
    """What a rule makes of k sentences: `tokens` (k sequences), `affected` (k,) bool, and reasons to drop some.

    `dropped` maps a reason to a (k,) bool mask of the sentences that have it. `origins`, called where it is asked for
    alone, says of each token which one of its sentence's text it was, or NEW: k sequences of int64. A rule that moves
    tokens and does no more need not say it: it is read off by giving it numbers in place of tokens. `by_change` is for
    who finds `affected` by comparing the sentences before and after: of a control, all are affected then.
    """

    tokens: Ragged
    affected: NDArray[np.bool_]
    dropped: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    origins: Callable[[], Ragged] | None = None
    by_change: bool = False


Rule = Callable[[Sentences, np.random.Generator], Rewritten]


@dataclass(frozen=True)
class KeptSentences:
    """The kept sentences of a corpus in a language.

    Attributes:
        tokens: the ids of each kept sentence, k sequences.
        sentence: (k,) int64, the index of each in the corpus.
        affected: (k,) bool, whether the language changed it.
        dropped: how many sentences were not kept, by reason.
    """

    tokens: Ragged
    sentence: NDArray[np.int64]
    affected: NDArray[np.bool_]
    dropped: Mapping[str, int]


@dataclass(frozen=True)
class Family:
    """Languages that are shown together, on the English `sentence`.

    `markers` are added to the vocabulary in this order; `marks` says of what.
    """

    name: str
    markers: tuple[str, ...]
    marks: str = ""
    sentence: str = SENTENCE


@dataclass(frozen=True)
class Style:
    """How a language is drawn: its colour, and matplotlib's names of its dash and point sign."""

    colour: str
    dash: str = "-"
    sign: str = "o"


OWN = Style("#000000", ":", "P")  # of languages that are not part of this package


def no_bits(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.float64]:
    """The randomness that a rule without draws adds to each of k sentences: (k,) zeros."""
    return np.zeros(len(tokens))


def unknown_bits(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.float64]:
    """Of a language that draws and does not say how many bits it adds: NaN for each of k sentences."""
    return np.full(len(tokens), np.nan)


def each_marker_once(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """(k,) bool: whether each of k sentences holds every marker of the tokenizer, and each once, wherever it stands."""
    row, once = tokens.spread(np.arange(len(tokens))), np.ones(len(tokens), dtype=bool)
    for marker in tokenizer.markers.values():
        once &= np.bincount(row[tokens.values == marker], minlength=len(tokens)) == 1
    return once


@dataclass(frozen=True, repr=False)
class Language(Shown):
    """A way to rewrite sentences.

    Attributes:
        name: the published name, in kebab case; with other parameters, what stands in their place.
        family: its family.
        control: the name of the language it is compared with: it keeps the same sentences and has the same markers.
        rule: what it does to a block of sentences. The generator it is given is seeded with `seed` and runs through
            the sentences of a stream in order, so that the draws do not depend on how the stream is cut.
        summary: what it does, in a few words.
        style: how it is drawn; colours are those of the paper's figures.
        parameters: its numbers, and what it marks, by name, where it has any.
        seed: the seed of the draws of its rule, if it makes any.
        needs: the columns of annotation that its rule asks for.
        added_bits: given the tokens of k sentences before the change and the tokenizer with markers, (k,) float64: the
            bits of randomness that the draws add to each.
        inverse: from the tokens of kept sentences and the tokenizer with markers, the tokens before the change; None
            where they cannot be recovered.
        to_control: from tokens and the tokenizer with markers, those of the same sentences in the control, where it
            makes no draws; empty for what is no sentence of the language. None where they cannot be recovered so.
        well_formed: from k sequences of tokens and the tokenizer with markers, (k,) bool: whether each may be a
            sentence of the language, as far as tokens tell: its markers are there, in places where they can stand.
        lacking: from blocks of annotated sentences, why none can be rewritten as the language means it, for their words
            lack what it is about; None where some can.
        spec: what `get_language` makes it from again, where that is not its name.
        version: what tells its code from another of the same spec, for languages that are not part of this package.
    """

    name: str
    family: Family
    control: str
    rule: Rule
    summary: str
    style: Style
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    seed: int = 0
    needs: tuple[str, ...] = ()
    added_bits: Callable[[Ragged, Tokenizer], NDArray[np.float64]] = no_bits
    inverse: Callable[[Ragged, Tokenizer], Ragged] | None = None
    to_control: Callable[[Ragged, Tokenizer], Ragged] | None = None
    well_formed: Callable[[Ragged, Tokenizer], NDArray[np.bool_]] = each_marker_once
    lacking: Callable[[Sequence[pa.RecordBatch]], str | None] = lambda blocks: None
    spec: str = ""
    version: str = ""

    def title(self) -> str:
        return self.name

    def facts(self) -> dict[str, object]:
        found: dict[str, object] = {"family": self.family.name, "does": self.summary}
        found |= {} if self.is_control else {"control": self.control}
        return found | ({"needs": ", ".join(self.needs)} if self.needs else {})

    @property
    def is_control(self) -> bool:
        """Whether the others of the family are compared with this one."""
        return self.control == self.name

    @property
    def is_attested(self) -> bool:
        """Whether there are human languages like it: a control, or one that says so in its parameters."""
        return self.is_control or str(self.parameters.get("attested", "no")) != "no"

    @property
    def is_deterministic(self) -> bool:
        """Whether a sentence alone decides what becomes of it."""
        return self.added_bits is no_bits

    @property
    def is_recoverable(self) -> bool:
        """Whether the original tokens can be had back from the result; `inverse` does it."""
        return self.inverse is not None

    @property
    def gives_its_control(self) -> bool:
        """Whether the same sentences in the control can be had from the result."""
        return self.is_control or self.inverse is not None or self.to_control is not None

    def start(self) -> "Callable[[Sentences], KeptSentences]":
        """A function that rewrites the blocks of one stream, to be called on them in order."""
        generator = np.random.default_rng(self.seed)

        def rewrite(sentences: Sentences) -> KeptSentences:
            return kept(sentences, self.rule(sentences, generator))

        return rewrite

    def described(self) -> dict[str, Any]:
        """What figures and cards say of the language, for records: they are read where its code may not be."""
        return {"control": self.control, "summary": self.summary, "style": asdict(self.style), "spec": self.spec}

    def trial(self, columns: pa.RecordBatch, tokenizer: Tokenizer) -> None:
        """Rewrite the first TRIAL sentences of a block to see that the language keeps its word.

        Raises:
            UserError: two runs differ, or the result depends on how the sentences are cut into blocks, or a language
                that says it is deterministic takes draws.
        """
        count = min(len(columns), TRIAL)

        def rewritten(seed: int, cut: int) -> list[NDArray[np.int64]]:
            generator, tokens = np.random.default_rng(seed), []
            for start, end in ((0, cut), (cut, count)) if cut < count else ((0, count),):
                block = next(sentences_for([self.family], columns.slice(start, end - start), tokenizer, start))
                tokens.append(self.rule(block, generator).tokens)
            joined = Ragged.join(tokens)
            return [joined.values, joined.offsets]

        def differ(left: list[NDArray[np.int64]], right: list[NDArray[np.int64]]) -> bool:
            return not all(np.array_equal(one, other) for one, other in zip(left, right, strict=True))

        name, once = self.spec or self.name, rewritten(self.seed, count)
        fault = None
        if differ(once, rewritten(self.seed, count)):
            fault = "the same sentences come out differently the second time. Draw from `generator`, keep no state"
        elif self.is_deterministic and differ(once, rewritten(self.seed + 1, count)):
            fault = "its draws change the result, but it says that it adds no randomness. Give it `added_bits`"
        elif differ(once, rewritten(self.seed, count // 3)):
            fault = (
                "the result depends on how the sentences are cut into blocks. Each must depend on itself and the draws"
            )
        if fault:
            raise UserError(f"language {name}: {fault}.")

    def apply(self, corpus: Corpus, tokenizer: Tokenizer) -> KeptSentences:
        """Rewrite a whole corpus, held in memory.

        Each split is a stream of its own: random draws begin anew in it. `tokenizer` comes without markers; the
        family's are added to it.
        """
        parts: list[KeptSentences] = []
        first = 0
        for split in corpus.splits:
            rewrite = self.start()
            for _, columns in corpus.part(split).blocks():
                parts.append(rewrite(next(sentences_for([self.family], columns, tokenizer, first))))
                first += len(columns)
        return _joined(parts, tokenizer)


def sentences_for(
    families: Iterable[Family], columns: pa.RecordBatch, tokenizer: Tokenizer, first: int
) -> Iterator[Sentences]:
    """One block of a corpus for each of the `families`, which share the encoded text; `tokenizer` has no markers."""
    encoded = cache(lambda: tokenizer.encode(columns.column("text")))
    for family in families:
        yield Sentences(columns, tokenizer.with_markers(family.markers), first, encoded)


@dataclass(frozen=True)
class Maker:
    """Languages that differ in one number: `<stem>-<letter><number>`, and the names of those that are listed.

    Attributes:
        stem: how the names begin.
        letter: what stands before the number in a name: s a seed, w a window, k a distance.
        make: from a name and the number, the language.
        listed: the names in the registry with their numbers; of the paper's languages, those published.
        least: the smallest number that makes a language.
    """

    stem: str
    letter: str
    make: Callable[[str, int], Language]
    listed: Mapping[str, int]
    least: int = 0


def kept(sentences: Sentences, rewritten: Rewritten) -> KeptSentences:
    """The sentences of a result that no reason drops; one that has several reasons is counted under the first."""
    tokens = rewritten.tokens
    ordinary = tokens.lengths()
    if sentences.tokenizer.markers:
        is_marker = tokens.values >= min(sentences.tokenizer.markers.values())
        markers_before = np.append(0, np.cumsum(is_marker, dtype=np.int32))[tokens.offsets]
        ordinary = ordinary - np.diff(markers_before)
    keep = np.ones(len(tokens), dtype=bool)
    dropped: dict[str, int] = {}
    for reason, mask in [*rewritten.dropped.items(), (TOO_SHORT, ordinary < 2)]:
        dropped[reason] = int((mask & keep).sum())
        keep &= ~mask
    sentence = sentences.first + np.flatnonzero(keep)
    return KeptSentences(tokens.take(keep), sentence, rewritten.affected[keep], dropped)


def _joined(parts: list[KeptSentences], tokenizer: Tokenizer) -> KeptSentences:
    if not parts:
        nothing = Ragged.of([], dtype=tokenizer.dtype)
        return KeptSentences(nothing, np.empty(0, np.int64), np.empty(0, bool), {})
    dropped: dict[str, int] = {}
    for part in parts:
        for reason, count in part.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return KeptSentences(
        Ragged.join([part.tokens for part in parts]),
        np.concatenate([part.sentence for part in parts]),
        np.concatenate([part.affected for part in parts]),
        dropped,
    )
