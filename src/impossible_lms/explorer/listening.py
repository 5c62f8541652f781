"""What a sentence costs a model, token by token, and what it expects next."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from impossible_lms.errors import UserError
from impossible_lms.evaluation.scoring import BITS, framed
from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.models import Model, Models
from impossible_lms.explorer.speaking import TOKENIZING, Speaker, sentence_of
from impossible_lms.languages.speak import speak
from impossible_lms.ragged import Ragged
from impossible_lms.report.examples import Token, tokens_of

END = "end"  # of the sentence, which is predicted too
NEXT = 10  # tokens that are shown


@dataclass(frozen=True)
class Cost:
    """What a sentence costs one checkpoint.

    Attributes:
        model: its label.
        step: its steps.
        language: in which it is measured, that of the model.
        tokens: of the sentence in that language.
        bits: of each token, and last of the end.
        ids: of the tokens.
    """

    model: str
    step: int
    language: str
    tokens: Sequence[Token]
    bits: Sequence[float]
    ids: Sequence[int]

    @cached_property
    def total(self) -> float:
        """Of the whole sentence, its end included."""
        return float(np.sum(self.bits))


@dataclass(frozen=True)
class Candidate:
    """A token that may come next: its text, its probability, and whether it is the one that does."""

    text: str
    probability: float
    is_next: bool
    rank: int


@dataclass(frozen=True)
class Comparison:
    """A sentence under a model, under another, and under the control of the first, as far as there are these.

    Attributes:
        mine, other, control: what it costs each; `other` may be the control.
        expected: for `mine` and `other`, what each expects at the chosen place of its own; none where none is chosen.
    """

    mine: Cost
    other: Cost | None
    control: Cost | None
    expected: Sequence[tuple[Cost, int, Sequence[Candidate]]]


def compare(models: Models, speaker: Speaker, chosen: Chosen) -> Comparison:
    """All that is shown of a sentence to models; UserError as for `cost`."""
    model = models.get(chosen.model)
    mine = cost(models, speaker, model, model.step(chosen.step), chosen.s)
    beside, control = models.beside(chosen.model, chosen.other), models.control_of(model)
    other = cost(models, speaker, beside, beside.step(chosen.other_step), chosen.s) if beside else None
    is_other = beside is not None and control is not None and beside.label == control.label
    under_control = other if is_other else None
    if control is not None and not is_other:
        under_control = cost(models, speaker, control, control.step(mine.step), chosen.s)
    expected = []
    if chosen.at is not None:
        places = [(mine, chosen.at)] + ([(other, _same_place(mine, other, chosen.at))] if other else [])
        expected = [(each, place, candidates(models, each, place)) for each, place in places]
    return Comparison(mine, other, under_control, expected)


def _same_place(mine: Cost, other: Cost, at: int) -> int:
    """Where the token at a place of one language stands in the other; the same place, if it is not there."""
    origin = mine.tokens[at].place if at < len(mine.tokens) else None
    if at >= len(mine.tokens):
        return len(other.tokens)
    found = [number for number, token in enumerate(other.tokens) if origin is not None and token.place == origin]
    return found[0] if found else min(at, len(other.tokens))


def cost(models: Models, speaker: Speaker, model: Model, step: int, sentence: str) -> Cost:
    """What a sentence costs a checkpoint, in the language that it was trained on.

    Counted are all tokens and the end, each given what stands before it, from the end of another text on, as sentences
    stand in the training text. UserError where the language does not keep the sentence, or it is too long.
    """
    text = sentence_of(sentence)
    loaded = models.loaded(model, step)
    plain, annotated = loaded.tokenizer.without_markers(), speaker.annotated(text)
    with TOKENIZING:
        spoken = speak(model.language, annotated, plain)
        count = len(plain.encode([text])[0])
    if spoken.dropped:
        raise UserError(f"{model.language.name} {speaker.why(model.language, spoken)}.")
    if model.room is not None and len(spoken.ids) + 1 > model.room:
        raise UserError(f"{model.label} takes {model.room} tokens, and the sentence has {len(spoken.ids)}.")
    whole = framed(Ragged.of([spoken.ids]), loaded.tokenizer.end_of_text, loaded.scorer.start)
    bits = (loaded.scorer.token_logprobs(whole).values * -BITS).tolist()
    tokens = tokens_of(spoken, range(count))
    return Cost(model.label, step, model.language.name, tokens, bits, spoken.ids)


def candidates(models: Models, measured: Cost, place: int) -> list[Candidate]:
    """What the checkpoint expects at a place of a sentence: the NEXT likeliest tokens, and the one that comes.

    `place` counts the tokens of the sentence from 0; the number of its tokens stands for its end. UserError for others.
    """
    loaded = models.loaded(models.get(measured.model), measured.step)
    if not 0 <= place <= len(measured.ids):
        raise UserError(f"The sentence has {len(measured.ids)} tokens; there is none at place {place + 1}.")
    end = loaded.tokenizer.end_of_text
    prefix = Ragged.of([[loaded.tokenizer.begin_of_text, *measured.ids[:place]]])
    vocabulary = min(loaded.tokenizer.vocabulary_size, loaded.scorer.model.config.vocab_size)
    logprobs = loaded.scorer.next_logprobs(prefix, np.arange(vocabulary)[None])[0]
    actual = measured.ids[place] if place < len(measured.ids) else end
    order = np.argsort(-logprobs, kind="stable")
    rank = int(np.flatnonzero(order == actual)[0])
    shown = [*order[:NEXT].tolist(), *([actual] if rank >= NEXT else [])]
    ranks = [*range(1, len(shown[:NEXT]) + 1), rank + 1]
    texts = [END if token == end else loaded.tokenizer.decode([token]) for token in shown]
    return [
        Candidate(text, float(np.exp(logprobs[token])), token == actual, number)
        for text, token, number in zip(texts, shown, ranks, strict=False)
    ]
