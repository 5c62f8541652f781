"""Opening what an experiment names, before anything begins: all that is missing is reported in one list."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.corpora import Corpus, corpus_of, read_corpus
from impossible_lms.corpora.annotate import load_annotator
from impossible_lms.corpora.layout import WHOLE
from impossible_lms.errors import UserError, UserErrors
from impossible_lms.evaluation.blimp import read_pairs
from impossible_lms.evaluation.registry import METRICS
from impossible_lms.experiment.asked import model_of
from impossible_lms.experiment.config import Experiment
from impossible_lms.experiment.keys import Evaluate
from impossible_lms.experiment.store import content_of, short
from impossible_lms.languages import get_languages
from impossible_lms.tokenizer import TRAIN, load_tokenizer
from impossible_lms.training.recipe import Recipe

FLAG = re.compile("--([a-z]+) (.*)")  # how a message begins that names a flag and its value
T = TypeVar("T")


@dataclass
class Faults:
    """What cannot be had, each in one line; what is a flag on the command line is a key of the file here."""

    name: str
    found: list[str] = field(default_factory=list)

    def tried(self, work: Callable[[], T], key: str = "") -> T | None:
        """What `work` gives; None where it raises a UserError, which is kept, behind the `key` of the file it is of."""
        try:
            return work()
        except UserError as error:
            key, colon, rest = (f"{self.name}: {key}", ": ", str(error)) if key else str(error).partition(": ")
            flag = FLAG.fullmatch(key)
            said = f"{self.name}: {flag[1]}: {flag[2]}{colon}{rest}" if flag else f"{key}{colon}{rest}"
            if said not in self.found:
                self.found.append(said)
        return None

    def of(self, part: str) -> "Faults":
        """The same list, to which what is found of a part (a corpus's name) is added with its name."""
        return Faults(f"{self.name}: {part}", self.found) if part else self

    def refuse(self) -> None:
        """Raise them: UserError for one, UserErrors for several; nothing for none."""
        if len(self.found) == 1:
            raise UserError(self.found[0])
        if self.found:
            raise UserErrors(self.found)


@dataclass(frozen=True)
class Opened:
    """An experiment's inputs, opened.

    Attributes:
        found: the hashes of the corpus and of what metrics take their items from, and the tokenizer's key.
        corpus: the corpus; None where it cannot be had.
        columns: the first sentences of each of its sources.
        possible: the experiment without the languages and models that cannot be had, and without metrics.
    """

    found: dict[str, Any]
    corpus: Corpus | None
    columns: list[pa.RecordBatch]
    possible: Experiment


def opened(experiment: Experiment, faults: Faults) -> Opened:
    """Open the corpus, the tokenizer, and what metrics take their items from; look for languages and models."""
    corpus = faults.tried(lambda: read_corpus(experiment.corpus))
    columns = None if corpus is None else faults.tried(corpus.beginnings)
    fingerprint = None if columns is None or corpus is None else faults.tried(corpus.fingerprint)
    if experiment.tokenizer.startswith(TRAIN):
        tokenizer: str | None = short({"spec": experiment.tokenizer, "corpus": fingerprint})
    else:
        tokenizer = faults.tried(lambda: load_tokenizer(experiment.tokenizer).sha256[:12])
    items = {entry.corpus: _items(entry, faults) for entry in experiment.evaluate if entry.corpus}
    recipe = Recipe.model_validate(experiment.recipe)
    languages = [
        name
        for name in experiment.languages
        if faults.tried(lambda name=name: get_languages([name]), "languages")  # type: ignore[misc]
    ]
    models = [
        spec
        for spec in experiment.models
        if faults.tried(lambda spec=spec: model_of(spec, experiment.size, recipe)) is not None  # type: ignore[misc]
    ]
    for entry in experiment.evaluate if columns else ():
        if entry.corpus is None:
            _columns_of(entry, experiment.corpus, columns or [], faults)
    possible = experiment.model_copy(update={"languages": languages, "models": models, "evaluate": [], "publish": None})
    found = {"corpus": fingerprint or "", "tokenizer": tokenizer or "", "items": items}
    return Opened(found, None if fingerprint is None else corpus, columns or [], possible)


def refuse_unless_parallel(experiment: Experiment, faults: Faults) -> None:
    """A fault where the corpora have no test parts of their own, or not as many sentences in each."""

    def look() -> None:
        counts: dict[str, int] = {}
        for human in experiment.parallel_corpora:
            corpus = read_corpus(experiment.parts[human].corpus)
            test = corpus if corpus.splits == (WHOLE,) else corpus.part("test")
            counts[human] = sum(len(block) for _, block in test.blocks())
        if len(set(counts.values())) > 1 or 0 in counts.values():
            said = ", ".join(f"{human} {count:,}" for human, count in counts.items())
            raise UserError(
                f"{experiment.name}: parallel: the test parts have not as many sentences in each corpus ({said}). "
                "Name those of a parallel treebank, as in es.txt:test=es.conllu."
            )

    faults.tried(look)


def _items(entry: Evaluate, faults: Faults) -> Any:
    """The content of the corpus that a metric takes its items from, which is opened."""
    spec = str(entry.corpus)
    metric = METRICS.get(entry.metric)
    where = f"{faults.name}: evaluate {entry.metric}"

    def look() -> bool:
        try:
            if metric is not None and "corpus" in metric.needs:
                pairs = read_pairs(spec)
                if entry.annotator:
                    load_annotator(entry.annotator, corpus_of(pairs["good"].head(1).tolist()))
            elif metric is not None and "corpus" in metric.options:
                _columns_of(entry, spec, read_corpus(spec).beginnings(), faults)
        except UserError as error:
            said = str(error)
            flag = FLAG.match(said)
            raise UserError(f"{where}: {said.removeprefix('--') if flag else said}") from error
        return True

    return content_of(spec) if faults.tried(look) else ""


def _columns_of(entry: Evaluate, spec: str, blocks: Sequence[pa.RecordBatch], faults: Faults) -> None:
    """A fault where a metric needs annotation that no source of its corpus begins with."""
    metric = METRICS.get(entry.metric)
    for name in metric.columns if metric is not None else ():
        if not any(_has(block, name) for block in blocks):
            said = f"{faults.name}: evaluate {entry.metric}: corpus {spec} has no {name}, which its items are made of. "
            faults.found.append(f"{said}Annotate it with `impossible annotate`.")
            return


def _has(block: pa.RecordBatch, name: str) -> bool:
    """Whether a block has anything in a column."""
    if name not in block.schema.names:
        return False
    column = block.column(name)
    if pa.types.is_string(column.type):
        return bool(pc.any(pc.greater(pc.binary_length(column), 0)).as_py())
    return bool(column.null_count < len(column))
