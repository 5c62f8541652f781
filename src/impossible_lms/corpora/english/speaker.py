"""Draws sentences as flat lists of integers: words, opening brackets of constituents, and their ends."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from impossible_lms.corpora.english.lexicon import (
    BASE,
    FIRST,
    IMPERATIVE,
    PAST,
    PERFECT,
    PLURAL,
    PRESENT,
    PROGRESSIVE,
    SECOND,
    THEY,
    THIRD,
    WE,
    lexicon,
    starts_with_vowel,
)
from impossible_lms.corpora.english.weights import SORTS

SHORTEST, LONGEST = 3, 40  # words in a sentence, punctuation counted
GRAIN = 4_096  # a choice is a table of so many entries, and a draw a place in it
CHUNK = 512  # draws made at once
LABELS = ["S", "NP", "VP", "PP", "ADJP", "ADVP", "SBAR", "WHNP", "WHADVP", "SQ", "SBARQ"]
END = -1
S, NP, VP, PP, ADJP, ADVP, SBAR, WHNP, WHADVP, SQ, SBARQ = range(-2, -2 - len(LABELS), -1)
NOMINATIVES = {"I": FIRST, "you": SECOND, "he": THIRD, "she": THIRD, "it": THIRD, "we": WE, "they": THEY}
UNCONTRACTED = ("may", "might")  # no n't after these, nor after "am"

Codes = list[int]  # words (their codes in the lexicon, 0 and up), opening brackets, END


Tables = Mapping[str, Sequence[Any]]  # of each choice, GRAIN entries


class Subject(NamedTuple):
    """A subject, whom its verb agrees with (FIRST to THEY), its sort, and whether an auxiliary can lean on it."""

    codes: Codes
    agreement: int
    sort: str
    is_pronoun: bool = False


class Frame(NamedTuple):
    """A verb and what follows it in the verb phrase."""

    verb: int
    rest: Codes
    is_active: bool = True  # may be progressive and take adjuncts


class Speaker:
    """Draws sentences. `depth` is how many clauses or modifiers may still be put into one another."""

    def __init__(self, generator: np.random.Generator, tables: Tables) -> None:
        self._draw = chain.from_iterable(_draws(generator)).__next__
        self._tables = tables
        self.closed = lexicon().closed  # codes of the function words

    def sentence(self) -> Codes:
        """One sentence of SHORTEST to LONGEST words, its first word capitalised."""
        while True:
            codes: Codes = self.pick("sentence")(self)
            places = [place for place, code in enumerate(codes) if code >= 0]
            if SHORTEST <= len(places) <= LONGEST:
                codes[places[0]] += len(lexicon().words)
                return codes

    def pick(self, choice: str) -> Any:
        return self._tables[choice][self._draw()]

    def chance(self, percent: int) -> bool:
        return bool(self._draw() * 100 < percent * GRAIN)

    # Kinds of sentence.

    def states(self) -> Codes:
        end = self.closed["!" if self.chance(4) else "."]
        if not self.chance(12):
            return [S, *self.clause(2), end, END]
        front = self.pick("adjunct")(self) if self.chance(60) else [ADVP, self.pick("adverb/perhaps"), END]
        return [S, *front, self.closed[","], *self.clause(2), end, END]

    def joins(self) -> Codes:
        first, second = self.clause(1), self.clause(1)
        joint = self.closed[self.pick("joint")]
        return [S, S, *first, END, self.closed[","], joint, S, *second, END, self.closed["."], END]

    def depends(self) -> Codes:
        dependent = [SBAR, self.closed[self.pick("why")], S, *self.clause(1), END, END]
        if self.chance(45):
            return [S, *dependent, self.closed[","], *self.clause(1), self.closed["."], END]
        clause = self.clause(1)  # its verb phrase takes the dependent clause in
        return [S, *clause[:-1], *dependent, END, self.closed["."], END]

    def polar(self) -> Codes:
        subject = self._subject(1)
        return [SQ, *self._inverted(subject, self._frame(subject.sort, subject.agreement, 1)), self.closed["?"], END]

    def asks_object(self) -> Codes:
        subject = self._person(1)
        sort = self.pick("object")
        frame = Frame(self.verb_of(sort), [])
        who = [WHNP, self.closed["who/Int" if sort == "person" else "what"], END]
        if sort != "person" and self.chance(40):
            who = [WHNP, self.closed["which/Int"], self.pick(f"noun/{sort}") + PLURAL * self.chance(30), END]
        return [SBARQ, *who, SQ, *self._inverted(subject, frame), END, self.closed["?"], END]

    def asks_subject(self) -> Codes:
        phrase = self._predicate(self._frame("person", THIRD, 1), THIRD, leans=False)
        return [SBARQ, WHNP, self.closed["who/Int"], END, SQ, *phrase, END, self.closed["?"], END]

    def asks_adverb(self) -> Codes:
        subject = self._subject(1)
        frame = self.plain_frame(subject.sort, subject.agreement, 0)
        if not frame.is_active:
            frame = Frame(self.pick("verb/act" if subject.sort == "person" else "verb/change"), [])
        question = self._inverted(subject, frame)
        return [SBARQ, WHADVP, self.closed[self.pick("question")], END, SQ, *question, END, self.closed["?"], END]

    def commands(self) -> Codes:
        frame = self.pick("command")(self, "person", SECOND, 1)
        please = [self.closed["please"]] if self.chance(25) else []
        stop = [self.closed["do"] + IMPERATIVE, self.closed["n't"]] if self.chance(20) else []
        verb = [VP, *stop, VP, frame.verb + BASE, *frame.rest, END, END] if stop else []
        verb = verb or [VP, frame.verb + IMPERATIVE, *frame.rest, END]
        return [S, *please, *verb, self.closed["!" if self.chance(30) else "."], END]

    def exists(self) -> Codes:
        phrase, agreement = self.phrase(self.pick("subject"), 1, determiner="a")
        tense = PRESENT if self.chance(60) else PAST
        there = [NP, self.closed["there"], END]
        return [S, *there, VP, self.closed["be"] + tense + agreement, *phrase, *self.at_place(), END,
                self.closed["."], END]  # fmt: skip

    # Clauses.

    def clause(self, depth: int) -> Codes:
        """A subject and its verb phrase, without the brackets of the clause."""
        subject = self._subject(depth)
        frame = self._frame(subject.sort, subject.agreement, depth)
        return [*subject.codes, *self._predicate(frame, subject.agreement, leans=subject.is_pronoun)]

    def plain_frame(self, sort: str, agreement: int, depth: int) -> Frame:
        """A frame without a clause in it for a subject of `sort`."""
        frame: Frame = self.pick(f"frame/{sort}")(self, sort, agreement, depth)
        return frame

    def _frame(self, sort: str, agreement: int, depth: int) -> Frame:
        if SORTS[sort].clausal and depth and self.chance(22):
            frame: Frame = self.pick(f"clausal/{sort}")(self, sort, agreement, depth)
        else:
            frame = self.plain_frame(sort, agreement, depth)
        if frame.is_active and self.chance(30):
            return frame._replace(rest=[*frame.rest, *self.pick("adjunct")(self)])
        return frame

    def _finite(self, frame: Frame, agreement: int, needs_auxiliary: bool) -> tuple[int | None, int | None]:
        """The finite auxiliary, if there is one, and the form of the verb after it, if it has not become the former."""
        is_be = frame.verb == self.closed["be"]
        tense = self.pick("tense" if frame.is_active and not is_be else "be_tense")
        if tense in ("present", "past"):
            finite = (PRESENT if tense == "present" else PAST) + agreement
            if is_be:
                return frame.verb + finite, None
            if needs_auxiliary:
                return self.closed["do"] + finite, frame.verb + BASE
            return None, frame.verb + finite
        if tense == "progressive":
            return self.closed["be"] + PRESENT + agreement, frame.verb + PROGRESSIVE
        if tense in ("perfect", "pluperfect"):
            return self.closed["have"] + (PRESENT if tense == "perfect" else PAST) + agreement, frame.verb + PERFECT
        return self.closed["will" if tense == "future" else self.pick("modal")], frame.verb + BASE

    def _predicate(self, frame: Frame, agreement: int, leans: bool) -> Codes:
        """The verb phrase of a statement; where it `leans`, an auxiliary may be a clitic on the subject."""
        is_negated = self.chance(9)
        auxiliary, verb = self._finite(frame, agreement, needs_auxiliary=is_negated)
        adverb = [ADVP, self.pick("adverb/often"), END] if frame.is_active and self.chance(7) else []
        if auxiliary is None:
            return [VP, *adverb, verb or 0, *frame.rest, END]
        head = [auxiliary]
        if leans and self.chance(45):
            head = [clitics().get(auxiliary, auxiliary), *([self.closed["not"]] if is_negated else [])]
        elif is_negated:
            head = self._not(auxiliary)
        if verb is None:
            return [VP, *head, *frame.rest, END]
        return [VP, *head, *adverb, VP, verb, *frame.rest, END, END]

    def _inverted(self, subject: Subject, frame: Frame) -> Codes:
        """Auxiliary, subject and the rest of the verb phrase, as in a question."""
        auxiliary, verb = self._finite(frame, subject.agreement, needs_auxiliary=True)
        head = self._not(auxiliary or 0, always_clitic=True) if self.chance(8) else [auxiliary or 0]
        rest = frame.rest if verb is None else [VP, verb, *frame.rest, END]
        return [*head, *subject.codes, *rest]

    def _not(self, auxiliary: int, always_clitic: bool = False) -> Codes:
        """An auxiliary with its negation: isn't, can't, may not."""
        closed = self.closed
        if auxiliary == closed["be"] + PRESENT + FIRST or auxiliary in [closed[modal] for modal in UNCONTRACTED]:
            return [auxiliary] if always_clitic else [auxiliary, closed["not"]]
        if not always_clitic and self.chance(25):
            return [auxiliary, closed["not"]]
        return [{closed["can"]: closed["ca"], closed["will"]: closed["wo"]}.get(auxiliary, auxiliary), closed["n't"]]

    # Phrases.

    def _subject(self, depth: int) -> Subject:
        sort = self.pick("subject")
        if sort == "person":
            return self._person(depth)
        codes, agreement = self.phrase(sort, depth)
        return Subject(codes, agreement, sort)

    def _person(self, depth: int) -> Subject:
        way = self.pick("person")
        if way == "pronoun":
            if self.chance(8):
                return Subject([NP, self.closed[self.pick("indefinite")], END], THIRD, "person")
            pronoun = self.pick("nominative")
            return Subject([NP, self.closed[pronoun], END], NOMINATIVES[pronoun], "person", is_pronoun=True)
        if way == "name":
            return Subject([NP, self.pick("name/first"), END], THIRD, "person")
        if way == "pair":
            return Subject(self._pair(), THEY, "person")
        codes, agreement = self.phrase("person", depth)
        return Subject(codes, agreement, "person")

    def _pair(self) -> Codes:
        second, _ = self.phrase("person", 0)
        return [NP, NP, self.pick("name/first"), END, self.closed["and"], *second, END]

    def object(self, sort: str, depth: int) -> Codes:
        if sort == "person":
            way = self.pick("person")
            if way == "pronoun":
                return [NP, self.closed[self.pick("accusative")], END]
            if way == "name":
                return [NP, self.pick("name/first"), END]
            if way == "pair":
                return self._pair()
        return self.phrase(sort, depth)[0]

    def phrase(
        self, sort: str, depth: int, is_plural: bool | None = None, determiner: str | None = None
    ) -> tuple[Codes, int]:
        """A noun phrase, and whom a verb agrees with: THIRD or THEY. Number and determiner are drawn unless given."""
        is_plural = self.chance(36) if is_plural is None else is_plural
        noun = self.pick(f"noun/{sort}") + PLURAL * is_plural
        agreement = THEY if is_plural else THIRD
        if self.chance(22):
            modifiers = self._adjective(sort)
        elif is_plural and self.chance(7):
            modifiers = [self.pick("numeral")]
        else:
            modifiers = []
        if determiner is None and self.chance(5):
            front = [NP, self.pick("name/first"), self.closed["'s"], END]
        elif determiner is None:
            front = list(self.pick("plural" if is_plural else "singular"))
        else:
            front = [self.closed[determiner]] if not is_plural else []
        codes = [NP, *front, *modifiers, noun, END]
        if front == [self.closed["a"]] and next(code for code in codes[2:] if code >= 0) in vowel_codes():
            codes[1] = self.closed["an"]
        if depth and self.chance(15):
            preposition, inner = self.pick(f"modifier/{sort}")
            return [NP, *codes, PP, preposition, *self.object(inner, depth - 1), END, END], agreement
        if depth and self.chance(10):
            return [NP, *codes, *self._relative(sort, agreement, depth - 1), END], agreement
        return codes, agreement

    def _adjective(self, sort: str) -> Codes:
        adjective = self.pick(f"adjective/{SORTS[sort].adjective}")
        return [ADJP, self.pick("adverb/very"), adjective, END] if self.chance(14) else [adjective]

    def _relative(self, sort: str, agreement: int, depth: int) -> Codes:
        """A relative clause on a noun of `sort`: its subject or its object is the gap."""
        who = self.closed["that/Rel" if self.chance(50) else "who" if sort == "person" else "which"]
        if self.chance(60):
            clause = self._predicate(self.plain_frame(sort, agreement, depth), agreement, leans=False)
            return [SBAR, WHNP, who, END, S, *clause, END, END]
        subject = self._person(depth)
        frame = Frame(self.verb_of(sort), [])
        clause = [*subject.codes, *self._predicate(frame, subject.agreement, leans=subject.is_pronoun)]
        return [SBAR, *([] if self.chance(30) else [WHNP, who, END]), S, *clause, END, END]

    def verb_of(self, sort: str) -> int:
        """A verb that nouns of `sort` are the object of."""
        verbs = self.pick(f"verb_of/{sort}")
        verb: int = self.pick(f"verb/{verbs}")
        return verb

    # What is added to a verb phrase.

    def at_place(self) -> Codes:
        if self.chance(20):
            return [PP, self.closed["in"], NP, self.pick("name/city"), END, END]
        place, _ = self.phrase("place", 0)
        return [PP, self.closed[self.pick("where")], *place, END]

    def in_manner(self) -> Codes:
        return [ADVP, self.pick("adverb/manner"), END]

    def in_period(self) -> Codes:
        return [PP, self.closed["in"], NP, self.closed["the"], self.pick("noun/period"), END, END]

    def on_day(self) -> Codes:
        return [PP, self.closed["on"], NP, self.pick("name/day"), END, END]

    def here(self) -> Codes:
        return [ADVP, self.closed["here"], END]


@cache
def clitics() -> dict[int, int]:
    """The clitic beside each auxiliary that has one: will, 'll."""
    closed = lexicon().closed
    pairs = {closed["will"]: closed["'ll"], closed["would"]: closed["'d"]}
    for person in (FIRST, SECOND, THIRD, WE, THEY):
        pairs[closed["be"] + PRESENT + person] = closed["be/clitic"] + person
        pairs[closed["have"] + PRESENT + person] = closed["have/clitic"] + person
        pairs[closed["have"] + PAST + person] = closed["had/clitic"] + person
    return pairs


@cache
def vowel_codes() -> frozenset[int]:
    """The words after which `a` is `an`."""
    return frozenset(code for code, word in enumerate(lexicon().words) if starts_with_vowel(word.form))


def _draws(generator: np.random.Generator) -> Iterator[list[int]]:
    while True:
        yield generator.integers(GRAIN, size=CHUNK).tolist()
