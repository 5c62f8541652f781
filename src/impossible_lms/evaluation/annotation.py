"""Annotation of sentences that come without any, by spaCy or Stanza, kept beside the run."""

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from impossible_lms.corpora import corpus_of, read_corpus
from impossible_lms.corpora.annotate import annotate, load_annotator
from impossible_lms.corpora.conllu import SUFFIX
from impossible_lms.errors import UserError
from impossible_lms.evaluation.metric import Subject
from impossible_lms.files import digest_of

PLACE = re.compile(r"# sent_id = .*-([0-9]+)-[0-9]+")  # as `annotate` numbers what each text became


@dataclass(frozen=True, eq=False)
class Annotation:
    """What an annotator says of k sentences.

    Attributes:
        columns: the annotated sentences, each once.
        row: (k,) int64, which of these each sentence is.
        is_whole: (k,) bool: whether it is one; not where the annotator divided the sentence, or found no word in it.
        identity: the annotator, its model and the versions of its packages, for records.
    """

    columns: pa.RecordBatch
    row: NDArray[np.int64]
    is_whole: NDArray[np.bool_]
    identity: dict[str, Any]

    @classmethod
    def of(cls, texts: list[str], spec: str, subject: Subject) -> "Annotation":
        """The annotation of `texts` by the annotator that `spec` names, as `impossible annotate` has it.

        It is kept in the run's folder, and taken up where it was cut off. UserError where there is no such annotator.
        """
        distinct, which = np.unique(np.array(texts), return_inverse=True)
        corpus = corpus_of(distinct.tolist())
        annotator = load_annotator(spec, corpus)
        identity = {**annotator.description, "packages": {name: version(name) for name in annotator.packages}}
        folder = subject.run.folder / "evaluation" / "parts"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"annotation-{digest_of([corpus.fingerprint(), identity])[:24]}{SUFFIX}"
        annotate(corpus, annotator, file, progress=subject.progress)
        columns = pa.concat_batches([block for _, block in read_corpus(str(file)).blocks()])
        places = [PLACE.fullmatch(comments[0]) for comments in columns.column("comments").to_pylist()]
        text = np.array([int(place[1]) - 1 for place in places if place])
        if len(text) < len(columns):
            raise UserError(f"--with {spec}: does not number its sentences. Take spacy or stanza.")
        first = np.minimum(np.searchsorted(text, np.arange(len(distinct))), len(text) - 1)
        is_whole = np.bincount(text, minlength=len(distinct)) == 1
        return cls(columns, first[which], is_whole[which], identity)

    def take(self, sentences: NDArray[np.int64]) -> pa.RecordBatch:
        """The columns of some of the k sentences."""
        return self.columns.take(pa.array(self.row[sentences]))
