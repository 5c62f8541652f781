"""Datasets of many languages, built in parts beside each other: in processes of this machine, or on nodes of Ray."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import chdir
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from impossible_lms.corpora import read_corpus
from impossible_lms.data.build import build_datasets
from impossible_lms.data.limits import Limits
from impossible_lms.errors import UserError
from impossible_lms.experiment.asked import dealt
from impossible_lms.experiment.engines.choice import RAY, Choice
from impossible_lms.languages import get_languages
from impossible_lms.languages.language import Language
from impossible_lms.tokenizer import Tokenizer


@dataclass(frozen=True)
class Part:
    """Some languages of a build, as a process of any machine can be told of them."""

    corpus: str
    fingerprint: str  # of the corpus, which every machine must have
    languages: tuple[str, ...]
    tokenizer: Tokenizer
    output: Path
    context: int
    seed: int
    as_published: bool
    limits: Limits
    home: Path  # what relative paths are relative to

    def build(self) -> None:
        """Write its datasets, in one pass over the corpus."""
        with chdir(self.home):
            self._build()

    def _build(self) -> None:
        corpus = read_corpus(self.corpus)
        if corpus.fingerprint() != self.fingerprint:
            raise UserError(f"corpus {self.corpus}: not the same on every machine, or changed since. Build again.")
        languages = get_languages(self.languages)
        build_datasets(
            corpus,
            languages,
            self.tokenizer,
            self.output,
            context=self.context,
            seed=self.seed,
            as_published=self.as_published,
            longest_training_sentence=self.limits.longest_training_sentence,
            most_training_modifiers=self.limits.most_training_modifiers,
        )


def build_in_parts(
    choice: Choice,
    corpus: str,
    languages: Sequence[Language],
    tokenizer: Tokenizer,
    output: Path,
    *,
    context: int,
    seed: int,
    as_published: bool = False,
    longest_training_sentence: int | None = None,
    most_training_modifiers: int | None = None,
    say: Callable[[str], None],
) -> None:
    """Write what `build_datasets` writes, byte for byte, in parts like those of an experiment's data tasks.

    Raises:
        UserError: as `build_datasets`, or no cluster is there; what other parts have finished stays.
    """
    fingerprint = read_corpus(corpus).fingerprint()
    groups = dealt(languages, choice.parts(len(languages)))
    parts = [
        Part(
            corpus,
            fingerprint,
            tuple(language.spec or language.name for language in group),
            tokenizer,
            output.resolve(),
            context,
            seed,
            as_published,
            Limits(longest_training_sentence, most_training_modifiers),
            Path.cwd(),
        )
        for group in groups
    ]
    for number, part in enumerate(_on_ray(parts) if choice.name == RAY else _here(parts), 1):
        say(f"{number} of {len(parts)} parts: {', '.join(part.languages)}")


def _here(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts as they are done, each in a process of its own."""
    # Not forked: threads of this process may hold locks that a copy of it would wait for.
    with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(part.build): part for part in parts}
        for future in as_completed(futures):
            future.result()
            yield futures[future]


def _on_ray(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts as they are done, one a node as far as there are nodes."""
    from impossible_lms.experiment.engines.ray import connect

    ray = connect("")  # as it was when the parts were counted
    build = ray.remote(Part.build).options(scheduling_strategy="SPREAD")
    waiting: dict[Any, Part] = {build.remote(part): part for part in parts}
    try:
        while waiting:
            for reference in ray.wait(list(waiting))[0]:
                _given(ray, reference)
                yield waiting.pop(reference)
    finally:
        ray.shutdown()


def _given(ray: Any, reference: Any) -> None:
    try:
        ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, UserError | OSError) else error) from error
