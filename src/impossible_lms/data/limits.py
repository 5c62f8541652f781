"""Limits: what is left out of training, so that a model is measured on what it has not seen; dev and test keep all."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impossible_lms.corpora import Corpus
from impossible_lms.documents import shown
from impossible_lms.errors import UserError
from impossible_lms.languages.language import Sentences
from impossible_lms.languages.noun_phrase import NEEDS, kinds_in_phrases, lacking

# Why a sentence is not among those of training.
TOO_LONG = "longer than is trained on"
TOO_LARGE = "with a larger noun phrase than is trained on"


@dataclass(frozen=True)
class Limits:
    """Which sentences are trained on: by default all.

    Attributes:
        longest_training_sentence: those of up to so many tokens, before the language changes them.
        most_training_modifiers: those in whose noun phrases stand at most so many of demonstrative, numeral and
            adjective, so that 1 leaves out all that shows in which order two of them come (after Culbertson & Adger
            2014, "Language learners privilege structured meaning over surface frequency").

    Raises:
        UserError: a sentence has at least two tokens, and a noun phrase at most three modifiers.
    """

    longest_training_sentence: int | None = None
    most_training_modifiers: int | None = None

    def __post_init__(self) -> None:
        longest, most = self.longest_training_sentence, self.most_training_modifiers
        if longest is not None and longest < 2:
            raise UserError(f"--longest-training-sentence {longest}: a sentence has at least 2 tokens.")
        if most is not None and not 0 <= most <= 2:
            raise UserError(f"--most-training-modifiers {most}: 0, 1 or 2, for a noun phrase has at most 3.")

    @classmethod
    def of(cls, request: dict[str, Any], record: Path) -> "Limits":
        """Those in the request of a dataset, as the file `record` has it; UserError where one is no number."""
        found = {name: request[name] for name in cls.__dataclass_fields__ if name in request}
        for name, value in found.items():
            if type(value) is not int:
                raise UserError(
                    f"{record}: {name} is {shown(value)}, a whole number is expected. Build the data again."
                )
        return cls(**found)

    def request(self) -> dict[str, int]:
        """Those that there are, by name: their part of a dataset's request."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def said(self) -> str:
        """What is trained on, for tables; nothing where all is."""
        found = []
        if self.longest_training_sentence is not None:
            found.append(f"of up to {self.longest_training_sentence:,} tokens")
        if self.most_training_modifiers is not None:
            most = self.most_training_modifiers
            found.append(f"with up to {most} modifier{'' if most == 1 else 's'} in a noun phrase")
        return f"sentences {' and '.join(found)}" if found else ""

    def refuse(self, corpus: Corpus) -> None:
        """UserError where the corpus does not say what must be known of its sentences."""
        if self.most_training_modifiers is None:
            return
        missing = [name for name in NEEDS if name not in corpus.columns()]
        if missing:
            way_out = "Take a treebank, or annotate it with `impossible annotate`."
            reason = f"has no {', '.join(missing)}, by which noun phrases are found. {way_out}"
        else:
            reason = lacking(corpus.beginnings()) or ""
        if reason:
            raise UserError(f"--most-training-modifiers {self.most_training_modifiers}: corpus {corpus.name}: {reason}")

    def left_out(self, sentences: Sentences) -> dict[str, NDArray[np.bool_]]:
        """Which of k sentences are not trained on, (k,) bool each, by the reason."""
        found = {}
        if self.longest_training_sentence is not None:
            found[TOO_LONG] = sentences.tokens.lengths() > self.longest_training_sentence
        if self.most_training_modifiers is not None:
            found[TOO_LARGE] = kinds_in_phrases(sentences) > self.most_training_modifiers
        return found


ALL = Limits()
