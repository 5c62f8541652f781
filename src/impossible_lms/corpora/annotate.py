"""Annotation of a corpus: sentences, lemmas, features, dependencies and trees, as CoNLL-U that `read_corpus` reads.

An annotator is one entry in ANNOTATORS. What is done so far is kept beside the output, so a run can be cut anywhere.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.compute as pc

from impossible_lms.corpora.annotated import AUTO, KIND, Annotator
from impossible_lms.corpora.batches import Batch, Workers, batches
from impossible_lms.corpora.conllu import SUFFIX
from impossible_lms.corpora.corpus import Corpus, Memory, Source
from impossible_lms.corpora.forecast import WORTH_SAYING, beginning, forecast
from impossible_lms.corpora.layout import WHOLE
from impossible_lms.corpora.with_spacy import load_spacy
from impossible_lms.corpora.with_stanza import load_stanza
from impossible_lms.corpora.with_trees import Trees, load_trees
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.files import (
    is_made,
    is_made_file,
    publish_file,
    publish_folder,
    read_file_manifest,
    read_manifest,
    read_record,
    refuse_other,
    write_record,
)
from impossible_lms.growing import GrowingFile
from impossible_lms.locks import lock_beside, locked
from impossible_lms.progress import Progress, usual
from impossible_lms.unfinished import remove_unfinished
from impossible_lms.versions import versions

STATE = {"request": dict, "counts": list, "done": list, "words": int, "files": dict}  # fields of the state
DEVICE = r"auto|cpu|mps|cuda(:[0-9]{1,3})?"
# By the name before the colon of --with: what follows it, whether trees are asked for, the corpus and the device, to an
# annotator.
ANNOTATORS: dict[str, Callable[[str, bool, Corpus, str], Annotator]] = {
    "spacy": load_spacy,
    "stanza": load_stanza,
    "trees": load_trees,
}


def load_annotator(spec: str, corpus: Corpus, trees: bool = False, device: str = AUTO) -> Annotator:
    """The annotator that `spec` names.

    Args:
        spec: `spacy[:pipeline or folder]`, `stanza[:language or folder]`, or `trees:FILE-or-FOLDER` of bracketed trees.
        corpus: what is to be annotated.
        trees: whether bracketed trees are asked for.
        device: where it computes: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto`, which is a GPU where there is one.

    Raises:
        UserError: no such annotator or device; its library or model is not there, with the commands that install them;
            or it makes no trees.
    """
    name, _, model = spec.partition(":")
    if name not in ANNOTATORS:
        raise UserError(f"--with {spec}: no such annotator. Known: {', '.join(ANNOTATORS)}.")
    if not re.fullmatch(DEVICE, device):
        raise UserError(f"--device {device}: no such device. Name auto, cpu, cuda, cuda:1 (the second GPU) or mps.")
    return ANNOTATORS[name](model, trees, corpus, device)


def annotate(
    corpus: Corpus,
    annotator: Annotator,
    output: str | Path,
    *,
    processes: int = 1,
    join_lines: int | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Write `corpus` with the annotation of `annotator` as CoNLL-U, which `read_corpus(output)` reads.

    Args:
        corpus: its sentences; the annotator may divide one into several.
        annotator: as `load_annotator` gives it.
        output: a file ending in `.conllu`, for a corpus that is not divided into splits; a folder for one that is. The
            folder gets a file `<genre>-<split>.conllu` for each source.
        processes: how many annotate beside each other; each loads the annotator anew, which must be able to be pickled.
            The result is the same to the byte.
        join_lines: give the annotator so many sentences of a source at a time as one text, with a space between two,
            and let it find the sentences, as the published procedure does with 5,000 lines.
        progress: is told how many words are done.
        say: is told how long it will take, before it begins.

    Returns:
        the record that stands beside the file as `<output>.json`, or in the folder's `manifest.json`: `request` (corpus
        and annotator), `counts` (`read`, `sentences`, `words`, and what is missing), and `sources` with theirs.

    A run that is cut off is taken up by the same call, and gives the same bytes as one that is not: batches have fixed
    places. An output that holds what is asked for is left as it is.

    Raises:
        UserError: `output` does not fit the corpus or holds something else, a sentence cannot be annotated
            faithfully (it is named), or a process has ended before its work.
        Interrupted: Ctrl-C.
    """
    output = Path(output)
    if processes < 1 or (join_lines is not None and join_lines < 1):
        raise UserError(f"--processes {processes}, --join-lines {join_lines}: 1 is the least of each.")
    if join_lines is not None and isinstance(annotator, Trees):
        raise UserError("--join-lines: a treebank's trees are looked up sentence by sentence. Leave it out.")
    names = outputs(corpus, output)
    packages = {package: version(package) for package in annotator.packages}
    request: dict[str, Any] = {"corpus": corpus.fingerprint(), "annotator": annotator.description, "packages": packages}
    if join_lines is not None:
        request["join_lines"] = join_lines
    work, lock = output.with_name(f".{output.name}.annotating"), lock_beside(output)
    if not _is_made(output, request) or work.exists() or lock.exists():
        with locked(lock, "is being annotated", output):
            if not _is_made(output, request):
                run = _Run(corpus, annotator, names, work, request, join_lines)
                try:
                    run.annotate(processes, progress or usual(), say)
                except KeyboardInterrupt:
                    said = f"stopped; {run.words:,} words are annotated. The same command goes on from there."
                    raise Interrupted(f"{output}: {said}") from None
                _publish(run, output)
            shutil.rmtree(work, ignore_errors=True)  # of a run that was cut off at the very end, too
    read = read_file_manifest if output.suffix == SUFFIX else read_manifest
    return dict(read(output, KIND)["record"])


def annotated_texts(texts: Sequence[str], spec: str) -> Iterator[Corpus]:
    """Each sentence that the annotator of `spec` finds in the texts, as a corpus of one with its annotation."""
    from impossible_lms.corpora import corpus_of, read_corpus

    corpus = corpus_of(texts)
    with TemporaryDirectory() as folder:
        output = Path(folder) / f"said{SUFFIX}"
        annotate(corpus, load_annotator(spec, corpus), output)
        for _, block in read_corpus(str(output)).blocks():
            for row in range(len(block)):
                yield Corpus("example", (Memory(block.slice(row, 1)),))


def summary(record: dict[str, Any]) -> str:
    """The counts of a record in one line."""
    counts, found = record["counts"], record["request"]["annotator"]
    parts = [f"{counts['read']:,} read", f"{counts['sentences']:,} sentences", f"{counts['words']:,} words"]
    missing = {key: number for key, number in {**counts, **found}.items() if "without" in key and number}
    return ", ".join(parts + [f"{number:,} {key.replace('_', ' ')}" for key, number in missing.items()])


def outputs(corpus: Corpus, output: Path) -> list[str]:
    """The name of the file that each source goes to; UserError where `output` does not fit the corpus."""
    if corpus.splits == (WHOLE,):
        if output.suffix != SUFFIX:
            what = f"{corpus.name} is not divided into splits and becomes one file"
            raise UserError(f"--output {output}: {what}. Name it so that it ends in {SUFFIX}.")
        return [output.name] * len(corpus.sources)
    if output.suffix == SUFFIX:
        what = f"{corpus.name} is divided into {', '.join(corpus.splits)} and becomes several files"
        raise UserError(f"--output {output}: {what}. Name a folder.")
    return [f"{source.genre}-{source.split}{SUFFIX}" for source in corpus.sources]


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
    joined: int | None
    counts: list[Counter[str]] = field(init=False)  # of each source
    done: list[int] = field(init=False)  # batches of each source
    words: int = 0  # read, as white space divides them
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # size and sha256 of each

    def __post_init__(self) -> None:
        self.folder, self._state = self.work / "files", self.work / "state.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.counts, self.done = [Counter() for _ in self.names], [0] * len(self.names)
        remove_unfinished(self._state)
        if self._state.is_file():
            mend = f"Remove {self.work} and begin again."
            state = read_record(self._state, STATE, mend)
            refuse_other(self.work, state["request"], self.request)
            self.counts = [Counter(counts) for counts in state["counts"]]
            self.done, self.words, self.files = state["done"], state["words"], state["files"]

    def annotate(self, processes: int, progress: Progress, say: Callable[[str], None]) -> None:
        """Annotate what is not annotated yet."""
        _ = self.corpus.survey  # all that is wrong in it is said now, not after hours
        sizes = self._sizes()
        with Workers(self.annotator, self.joined, processes) as workers:
            if (left := sum(sizes) - self.words) >= WORTH_SAYING:
                say(forecast(workers, self._start(sizes), left))
            progress.start("annotating: words", sum(sizes))
            progress.at(self.words)
            try:
                self._write(workers, progress)
            finally:
                progress.end()

    def _sizes(self) -> list[int]:
        """The words of each source."""
        sizes = []
        for number, source in enumerate(self.corpus.sources):
            words = 0
            for batch in self._batches(number, source):
                words += batch.words()
                self._check_length(batch)
            sizes.append(words)
        return sizes

    def _check_length(self, batch: Batch) -> None:
        lengths = pc.utf8_length(batch.texts.column("text"))
        longest, most = self.annotator.longest, pc.max(lengths).as_py()
        if longest is not None and most > longest:
            what = f"{most:,} characters; this annotator takes {longest:,} at a time"
            place = batch.place(pc.index(lengths, most).as_py(), self.joined)
            raise UserError(f"{place}: {what}." + " Join fewer lines." * (self.joined is not None))

    def _batches(self, number: int, source: Source) -> Iterator[Batch]:
        alike = sum((each.split, each.genre) == (source.split, source.genre) for each in self.corpus.sources[:number])
        genre = f"{source.genre}.{alike + 1}" if alike else source.genre  # no sentence has the id of another
        return batches(number, source, self.annotator.batch, self.joined, genre)

    def _start(self, sizes: Sequence[int]) -> Iterator[Batch]:
        """The first sentences of each source, the largest first, to see how long they take."""
        for number in sorted(range(len(sizes)), key=lambda number: -sizes[number]):
            for batch in islice(self._batches(number, self.corpus.sources[number]), 1):
                yield from beginning(batch)

    def _write(self, workers: Workers, progress: Progress) -> None:
        """Append every batch that is not done to its file."""
        left = (
            batch
            for number, source in enumerate(self.corpus.sources)
            for batch in islice(self._batches(number, source), self.done[number], None)
        )
        for name, group in groupby(workers.in_order(left), lambda pair: self.names[pair[0].source]):
            with closing(GrowingFile(self.folder / name, **self.files.get(name, {}))) as file:
                for batch, result in group:
                    file.append(result.content)
                    self.files[name] = {"size": file.size, "sha256": file.sha256}
                    self.counts[batch.source].update(result.counts)
                    self.done[batch.source] += 1
                    self.words += batch.words()
                    self._save()
                    progress.at(self.words, batch.genre)

    def _save(self) -> None:
        state = {"request": self.request, "counts": self.counts, "done": self.done, "words": self.words}
        write_record(self._state, state | {"files": self.files})

    def record(self) -> dict[str, Any]:
        """What was made from what, with the counts of each source."""
        sources = [
            {"split": source.split, "genre": source.genre, "file": name, "counts": counts}
            for source, name, counts in zip(self.corpus.sources, self.names, self.counts, strict=True)
        ]
        total: Counter[str] = Counter()
        for counts in self.counts:
            total.update(counts)
        made = {"request": self.request, "corpus": self.corpus.name, "read": self.corpus.survey.record()}
        made["versions"] = versions()
        return made | {"counts": dict(total), "sources": sources}
