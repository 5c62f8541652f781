"""Annotation of a corpus: sentences, lemmas, features, dependencies and trees, as CoNLL-U that `read_corpus` reads.

An annotator is one entry in ANNOTATORS. What is done so far is kept beside the output, so a run can be cut anywhere.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.corpora.annotated import Annotator, Row
from impossible_lms.corpora.conllu import SUFFIX, conllu_sentence
from impossible_lms.corpora.corpus import WHOLE, Corpus, Source
from impossible_lms.corpora.with_spacy import load_spacy
from impossible_lms.corpora.with_stanza import load_stanza
from impossible_lms.corpora.with_trees import load_trees
from impossible_lms.documents import read_json
from impossible_lms.errors import UserError
from impossible_lms.files import (
    GrowingFile,
    is_made,
    is_made_file,
    locked,
    publish_file,
    publish_folder,
    read_file_manifest,
    read_manifest,
    refuse_other,
    remove_unfinished,
    to_json,
    write_text,
)
from impossible_lms.progress import Progress, Quiet
from impossible_lms.versions import versions

KIND = "annotated corpus"
# By the name before the colon of --with: what follows it, whether trees are asked for, and the corpus, to an annotator.
ANNOTATORS: dict[str, Callable[[str, bool, Corpus], Annotator]] = {
    "spacy": load_spacy,
    "stanza": load_stanza,
    "trees": load_trees,
}


def load_annotator(spec: str, corpus: Corpus, trees: bool = False) -> Annotator:
    """The annotator that `spec` names.

    Args:
        spec: `spacy[:pipeline or folder]`, `stanza[:language or folder]`, or `trees:FILE-or-FOLDER` of bracketed trees.
        corpus: what is to be annotated.
        trees: whether bracketed trees are asked for.

    Raises:
        UserError: no such annotator; its library or model is not there, with the command that installs it; or it makes
            no trees.
    """
    name, _, model = spec.partition(":")
    if name not in ANNOTATORS:
        raise UserError(f"--with {spec}: no such annotator. Known: {', '.join(ANNOTATORS)}.")
    return ANNOTATORS[name](model, trees, corpus)


def annotate(
    corpus: Corpus, annotator: Annotator, output: str | Path, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Write `corpus` with the annotation of `annotator` as CoNLL-U, which `read_corpus(output)` reads.

    Args:
        corpus: its sentences; the annotator may divide one into several.
        annotator: as `load_annotator` gives it.
        output: a file ending in `.conllu`, for a corpus that is not divided into splits; a folder for one that is. The
            folder gets a file `<genre>-<split>.conllu` for each source.
        progress: is told how many sentences are done.

    Returns:
        the record that stands beside the file as `<output>.json`, or in the folder's `manifest.json`: `request` (corpus
        and annotator), `counts` (`read`, `sentences`, `words`, and what is missing), and `sources` with theirs.

    A run that is cut off is taken up by the same call, and gives the same bytes as one that is not: batches have fixed
    places. An output that holds what is asked for is left as it is.

    Raises:
        UserError: `output` does not fit the corpus or holds something else, or a sentence cannot be annotated
            faithfully; it is named.
    """
    output = Path(output)
    names = _names(corpus, output)
    packages = {package: version(package) for package in annotator.packages}
    request = {"corpus": corpus.fingerprint(), "annotator": annotator.description, "packages": packages}
    work = output.with_name(f".{output.name}.annotating")
    if not _is_made(output, request):
        with locked(work / ".lock", "being annotated"):
            if not _is_made(output, request):
                run = _Run(corpus, annotator, names, work, request)
                run.annotate(progress or Quiet())
                _publish(run, output)
    shutil.rmtree(work, ignore_errors=True)  # of a run that was cut off at the very end, too
    read = read_file_manifest if output.suffix == SUFFIX else read_manifest
    return dict(read(output, KIND)["record"])


def summary(record: dict[str, Any]) -> str:
    """The counts of a record in one line."""
    counts, found = record["counts"], record["request"]["annotator"]
    parts = [f"{counts['read']:,} read", f"{counts['sentences']:,} sentences", f"{counts['words']:,} words"]
    missing = {key: number for key, number in {**counts, **found}.items() if "without" in key and number}
    return ", ".join(parts + [f"{number:,} {key.replace('_', ' ')}" for key, number in missing.items()])


def _names(corpus: Corpus, output: Path) -> list[str]:
    """The file that each source goes to."""
    if corpus.splits == (WHOLE,):
        if output.suffix != SUFFIX:
            what = f"{corpus.name} is not divided into splits and becomes one file"
            raise UserError(f"--output {output}: {what}. Name it so that it ends in {SUFFIX}.")
        return [output.name] * len(corpus.sources)
    if output.suffix == SUFFIX:
        what = f"{corpus.name} is divided into {', '.join(corpus.splits)} and becomes several files"
        raise UserError(f"--output {output}: {what}. Name a folder.")
    names = [f"{source.genre}-{source.split}{SUFFIX}" for source in corpus.sources]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise UserError(f"{corpus.name}: two of its files would become {twice[0]}. Rename one.")
    return names


def _is_made(output: Path, request: dict[str, Any]) -> bool:
    return (is_made_file if output.suffix == SUFFIX else is_made)(output, KIND, request)


def _publish(run: "_Run", output: Path) -> None:
    """Give what is finished its name."""
    for name, file in run.files.items():
        if not file["size"]:
            raise UserError(f"{name}: would be empty, no sentence that belongs there has words.")
    if run.corpus.fingerprint() != run.request["corpus"]:
        what = f"corpus {run.corpus.name}: changed while it was annotated"
        raise UserError(f"{what}. Remove {run.work} and annotate it again.")
    if output.suffix == SUFFIX:
        publish_file(run.folder / output.name, output, KIND, run.record())
    else:
        publish_folder(run.folder, output, KIND, run.record())


@dataclass
class _Run:
    """The annotation of a corpus, which may be cut at any instant; `state.json` says how much is known to be on disk.

    A batch is appended to its file before the state says so, so what the state does not know is cut off again.
    """

    corpus: Corpus
    annotator: Annotator
    names: Sequence[str]
    work: Path
    request: dict[str, Any]
    counts: list[Counter[str]] = field(default_factory=list)  # of each source that is begun
    batches: int = 0  # done of the last of these
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # size and sha256 of each

    def __post_init__(self) -> None:
        self.folder, self._state = self.work / "files", self.work / "state.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(self._state)
        if self._state.is_file():
            state = read_json(self._state)
            refuse_other(self.work, state["request"], self.request)
            self.counts = [Counter(counts) for counts in state["counts"]]
            self.batches, self.files = state["batches"], state["files"]

    def annotate(self, progress: Progress) -> None:
        """Annotate what is not annotated yet."""
        # Read it all once: a fault in the corpus is said now, not after hours.
        total = sum(len(block) for _, block in self.corpus.blocks())
        progress.start("annotating", total)
        progress.at(self._done())
        try:
            for name, group in groupby(enumerate(self.corpus.sources), lambda pair: self.names[pair[0]]):
                with closing(GrowingFile(self.folder / name, **self.files.get(name, {}))) as file:
                    for number, source in group:
                        self._annotate_source(number, source, file, progress)
        finally:
            progress.end()

    def _annotate_source(self, number: int, source: Source, file: GrowingFile, progress: Progress) -> None:
        name = self.names[number]
        if number < len(self.counts) - 1:
            return
        if number == len(self.counts):
            self.counts.append(Counter())
            self.batches = 0
        counts = self.counts[number]
        for batch in islice(_batches(source, self.annotator.batch), self.batches, None):
            file.append(self._written(batch, source, counts).encode())
            self.files[name] = {"size": file.size, "sha256": file.sha256}
            self.batches += 1
            self._save()
            progress.at(self._done(), source.genre)

    def _done(self) -> int:
        return sum(counts["read"] for counts in self.counts)

    def _written(self, batch: pa.RecordBatch, source: Source, counts: "Counter[str]") -> str:
        """The batch as CoNLL-U; `counts` are added to."""
        written = []
        for rows in _annotated(batch, source, counts["read"], self.annotator):
            counts["read"] += 1
            counts["read_without_words"] += not rows
            for number, row in enumerate(rows, 1):
                counts["sentences"] += 1
                counts["words"] += len(row["words"])
                counts["words_without_lemma"] += (row.get("lemmas") or [None] * len(row["words"])).count(None)
                if self.annotator.makes_trees:
                    counts["sentences_without_tree"] += row.get("tree") is None
                if row.get("comments") is None:
                    row["comments"] = [
                        f"# sent_id = {source.genre}-{counts['read']}-{number}",
                        f"# text = {row['text']}",
                    ]
                written.append(conllu_sentence(row))
        return "".join(written)

    def _save(self) -> None:
        state = {"request": self.request, "counts": self.counts, "batches": self.batches, "files": self.files}
        write_text(self._state, to_json(state))

    def record(self) -> dict[str, Any]:
        """What was made from what, with the counts of each source."""
        sources = [
            {"split": source.split, "genre": source.genre, "file": name, "counts": counts}
            for source, name, counts in zip(self.corpus.sources, self.names, self.counts, strict=True)
        ]
        total = {key: sum(counts[key] for counts in self.counts) for key in self.counts[0]}
        made = {"request": self.request, "corpus": self.corpus.name, "versions": versions()}
        return made | {"counts": total, "sources": sources}


def _batches(source: Source, size: int) -> Iterator[pa.RecordBatch]:
    """The sentences of a source in batches of `size`, at the same places every time."""
    for block in source.blocks():
        for first in range(0, len(block), size):
            yield block.slice(first, size)


def _annotated(batch: pa.RecordBatch, source: Source, before: int, annotator: Annotator) -> Iterator[list[Row]]:
    """What each sentence of a batch becomes; faults name it. `before` sentences of its source come before the batch."""
    number = before + 1
    try:
        newline = pc.index(pc.match_substring(batch.column("text"), "\n"), True).as_py()
        if newline >= 0:
            number += newline
            raise UserError("holds a newline. Divide it into sentences.")
        for _, rows in zip(range(len(batch)), annotator.annotate(batch), strict=True):
            yield rows
            number += 1
    except UserError as error:
        where = source.genre if source.split == WHOLE else f"{source.genre} ({source.split})"
        raise UserError(f"{where} sentence {number}: {error}") from error
