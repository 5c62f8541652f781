"""One sentence in every language: rows of tokens, each with where it came from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from threading import Lock
from unicodedata import normalize

import numpy as np
import pyarrow as pa

from impossible_lms.corpora.annotate import annotated_texts
from impossible_lms.corpora.corpus import Corpus
from impossible_lms.corpora.example import SENTENCE, example
from impossible_lms.errors import UserError
from impossible_lms.explorer.address import ALL, MOST_CHARACTERS, WORDS, Chosen
from impossible_lms.languages import GROUPS, LANGUAGES, get_languages
from impossible_lms.languages.hop import verbs_to_mark
from impossible_lms.languages.language import Language
from impossible_lms.languages.registry import MAKERS
from impossible_lms.languages.speak import NEEDS, Spoken, another_draw, speak_in
from impossible_lms.report.examples import Token, tokens_of
from impossible_lms.tokenizer import Tokenizer

OWN = "own"  # the group of languages that are not of this package
TOKENIZING = Lock()  # held while a tokenizer learns words: threads must not do it at once
REMEMBERED = 256  # sentences
WAY_OUT = "Start the page with an annotator: impossible explore --with spacy"
NUMBERS = ("window", "seed", "hops")  # parameters of languages that can be chosen


@dataclass(frozen=True)
class Row:
    """What a language makes of the sentence.

    Attributes:
        language: its name.
        family: its family's.
        is_control: whether the others of its family are compared with it.
        summary: what it does, in a few words.
        tokens: of the sentence in it.
        ids: of its tokens.
        text: the same in one.
        why: why there is no sentence in it; empty where there is.
    """

    language: str
    family: str
    is_control: bool
    summary: str
    tokens: Sequence[Token] = ()
    ids: Sequence[int] = ()
    text: str = ""
    why: str = ""


@dataclass(frozen=True)
class Page:
    """All rows, family by family, controls first; a note on the verbs that were found; the tokens of the text."""

    rows: Sequence[Row]
    verbs: str
    original: Sequence[str]


@dataclass(frozen=True)
class Speaker:
    """Puts sentences into languages, the user's own (by name) among them; the annotator may be None."""

    tokenizer: Tokenizer
    own: Mapping[str, Language] = field(default_factory=dict)
    annotator: str | None = None

    @property
    def names(self) -> list[str]:
        """What can be asked for: all, the paper's, a family's, the user's own, and each language alone."""
        groups = [ALL, *(name for name in GROUPS if name != ALL), *([OWN] if self.own else [])]
        return list(dict.fromkeys([*groups, *LANGUAGES, *self.own]))

    def page(self, chosen: Chosen) -> Page:
        """The sentence in the languages asked for. UserError where it is too long, empty, or cannot be annotated."""
        text = sentence_of(chosen.s)
        sentence = self.annotated(text)
        languages = [another_draw(each, chosen.draw) for each in self.languages(chosen)]
        with TOKENIZING:
            spoken = speak_in(languages, sentence, self.tokenizer)
            original = self.tokenizer.pieces(self.tokenizer.encode([text])[0].tolist())
        rows = [self._row(each, spoken[each.name], original, chosen.by == WORDS) for each in languages]
        return Page(rows, self._verbs(sentence), original)

    def begin(self) -> None:
        """Load and compile what the first sentence needs; UserError where the annotator cannot be had.

        Whether the annotator takes the example for one sentence does not matter yet.
        """
        if self.annotator is not None:
            list(annotated_texts([SENTENCE], self.annotator))
        replace(self, annotator=None).page(Chosen())

    def languages(self, chosen: Chosen) -> list[Language]:
        """The languages asked for, family by family, those with the chosen numbers among their kin."""
        if chosen.languages == OWN or chosen.languages in self.own:
            return [each for name, each in self.own.items() if chosen.languages in (OWN, name)]
        one = (chosen.languages,) if chosen.languages in LANGUAGES else LANGUAGES
        names = GROUPS.get(chosen.languages, one)
        found = get_languages(_with_numbers(names, chosen))
        families = list(dict.fromkeys(each.family.name for each in found))
        found.sort(key=lambda each: (families.index(each.family.name), not each.is_control))
        return found + (list(self.own.values()) if chosen.languages == ALL else [])

    def annotated(self, text: str) -> Corpus:
        """A corpus of the sentence with as much annotation as there is."""
        return _annotated(text, self.annotator)

    def why(self, language: Language, spoken: Spoken) -> str:
        """Why there is no sentence in a language; where it lacks annotation, what would give it."""
        if not language.needs or not spoken.dropped.startswith(NEEDS):
            return f"does not keep this sentence: {spoken.dropped}"
        if self.annotator is not None:
            return f"{spoken.dropped}: columns of annotation that {self.annotator} does not give"
        return f"needs a parse of the sentence ({spoken.dropped.removeprefix(NEEDS).strip()}). {WAY_OUT}"

    def _row(self, language: Language, spoken: Spoken, original: Sequence[str], by_words: bool) -> Row:
        first = Row(language.name, language.family.name, language.is_control, language.summary)
        if spoken.dropped:
            return replace(first, why=self.why(language, spoken))
        places = words_of(original) if by_words else list(range(len(original)))
        return replace(first, tokens=tokens_of(spoken, places), ids=spoken.ids, text=spoken.text)

    def _verbs(self, sentence: Corpus) -> str:
        """A note on the verbs that were found, and by what."""
        found = [
            f"{form} ({lemma}, {normalize('NFKC', marker)})" for form, lemma, marker in verbs_to_mark(_block(sentence))
        ]
        by = self.annotator or "the built-in lexicon"
        if found:
            return f"Verbs that the hop languages mark, by {by}: {', '.join(found)}."
        marked = "they mark the third person present, as in “cleans”"
        return f"No verb that the hop languages mark is found by {by}: {marked}."


def sentence_of(text: str) -> str:
    """What was typed, without blanks at its ends; UserError where there is nothing, or more than MOST_CHARACTERS."""
    text = " ".join(text.split())
    if not text:
        raise UserError("Type a sentence.")
    if len(text) > MOST_CHARACTERS:
        raise UserError(f"A sentence of at most {MOST_CHARACTERS} characters, please; this one has {len(text)}.")
    return text


@lru_cache(REMEMBERED)
def _annotated(text: str, annotator: str | None) -> Corpus:
    if annotator is None:
        return example(text)
    found = list(annotated_texts([text], annotator))
    if len(found) != 1:
        raise UserError(f"{annotator} finds {len(found)} sentences in it. One at a time, please.")
    return found[0]


def _block(sentence: Corpus) -> pa.RecordBatch:
    return next(block for _, block in sentence.blocks())


def _with_numbers(names: Iterable[str], chosen: Chosen) -> list[str]:
    """Names of languages with those of the chosen numbers: in the place of one that has such a number, beside several.

    A number that is the default changes nothing.
    """
    found: dict[str, None] = dict.fromkeys(names)
    for maker in MAKERS.values():
        listed = [name for name in maker.listed if name in found]
        numbers = [each for each in NUMBERS if listed and each in LANGUAGES[listed[0]].parameters]
        number = getattr(chosen, numbers[0]) if numbers else None
        if number is None or number == getattr(Chosen, numbers[0]) or number in maker.listed.values():
            continue
        added, order = f"{maker.stem}-{maker.letter}{max(number, maker.least)}", list(found)
        if len(maker.listed) == 1:
            order[order.index(listed[0])] = added
        else:
            order.insert(order.index(listed[-1]) + 1, added)
        found = dict.fromkeys(order)
    return list(found)


def words_of(pieces: Sequence[str]) -> list[int]:
    """For each token of a sentence the number of its word: what stands between blanks."""
    words: list[int] = np.cumsum([piece.startswith(" ") for piece in pieces]).tolist()
    return words
