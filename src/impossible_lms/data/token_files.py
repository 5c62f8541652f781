"""The published scripts' own files of ids (`babylm_<perturbation>/babylm_100M/*.train`) as a token dataset.

A line is a sentence in the language: ids with blanks between, those of the family's markers among them. Files hold
first what the language leaves as it is, then what it changes; test sentences stand in folders of their own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from impossible_lms.corpora.layout import WHOLE, File, LeftOut, found, listed
from impossible_lms.corpora.lines import Tally
from impossible_lms.corpora.options import parted
from impossible_lms.corpora.streams import file_digest
from impossible_lms.corpora.survey import Part, Survey
from impossible_lms.corpora.text import chunks
from impossible_lms.data.build import CONTEXT, Work
from impossible_lms.data.dataset import DATASET, TokenDataset
from impossible_lms.data.order import PUBLISHED
from impossible_lms.errors import UserError
from impossible_lms.files import digest_of, folder_beside, is_made
from impossible_lms.languages.language import KeptSentences, Language
from impossible_lms.locks import lock_beside, remove_lock_of_the_dead, writing
from impossible_lms.progress import Progress, usual
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

PREFIX = "babylm_"
# The published names of the fifteen.
LANGUAGES = {
    "hop_control": "no-hop",
    "hop_tokens4": "token-hop",
    "hop_words4": "word-hop",
    "reverse_control": "no-reverse",
    "reverse_partial": "partial-reverse",
    "reverse_full": "full-reverse",
    "shuffle_control": "no-shuffle",
    "shuffle_nondeterministic": "nondeterministic-shuffle",
    **{f"shuffle_deterministic{seed}": f"deterministic-shuffle-s{seed}" for seed in (21, 57, 84)},
    **{f"shuffle_local{width}": f"local-shuffle-w{width}" for width in (3, 5, 10)},
    "shuffle_even_odd": "even-odd-shuffle",
}
FOLDERS = {f"{PREFIX}{perturbation}": language for perturbation, language in LANGUAGES.items()}
TEXT = "sents"  # in the name of the folder that repeats test sentences as text
ENDS = re.compile("_(affected|unaffected)$")  # of the names of test files
LONGEST = 1 << 22  # bytes of a line
IDS = re.compile(rb"\s*[0-9]{1,9}(\s+[0-9]{1,9})*\s*")


@dataclass(frozen=True)
class TokenFiles:
    """The files of one language: `name` as it was asked for, what is read, and what is not."""

    language: str
    name: str
    files: tuple[File, ...]
    left_out: tuple[LeftOut, ...]

    def fingerprint(self) -> str:
        """sha256 over the content of all files, their splits and genres; it reads them once."""
        return digest_of([[file.split, _genre(file), file_digest(file.path)] for file in self.files])

    def sentences(self, file: File, tokenizer: Tokenizer) -> Iterator[Ragged]:
        """The lines of a file; UserError names one that is no ids, or has one that the tokenizer has not."""
        first = 1
        for chunk in chunks(file.path, LONGEST):
            lines = pc.split_pattern(pa.array([chunk], pa.binary()), b"\n").flatten()
            numbers = np.arange(first, first + len(lines))
            first += len(lines)
            try:
                texts = pc.utf8_trim_whitespace(lines.cast(pa.string()))
                is_text = np.asarray(pc.not_equal(texts, "").to_numpy(zero_copy_only=False))
                ids = pc.utf8_split_whitespace(texts.filter(pa.array(is_text)))
                values = ids.flatten().cast(pa.int64()).to_numpy()
            except pa.ArrowInvalid:
                place, line = next((at, line) for at, line in enumerate(lines.to_pylist()) if not _is_ids(line))
                shown = line[:40].decode("utf-8", "replace")
                raise UserError(
                    f"{file.path} line {numbers[place]:,}: no ids with blanks between, '{shown}'."
                ) from None
            sentences = Ragged.of_lengths(values, ids.value_lengths().to_numpy().astype(np.int64))
            wrong = np.flatnonzero((values < 0) | (values >= tokenizer.vocabulary_size))
            if len(wrong):
                line = numbers[is_text][np.searchsorted(sentences.offsets, wrong[0], side="right") - 1]
                raise UserError(
                    f"{file.path} line {line:,}: id {values[wrong[0]]}, and {tokenizer.name} has "
                    f"{tokenizer.vocabulary_size:,} with the markers of {self.language}. Give the files' own tokenizer."
                )
            if len(sentences):
                yield Ragged(sentences.values.astype(tokenizer.dtype), sentences.offsets)


def token_files(spec: str, language: Language) -> TokenFiles | None:
    """The published files of ids that a corpus spec names; None where it names something else.

    Args:
        spec: a folder `babylm_<perturbation>`, or one that holds such folders; `:100M` or `:10M` behind it chooses one
            of two sizes.
        language: which of several is wanted.

    Raises:
        UserError: they are of another language, both sizes are there and none is chosen, or there is no file.
    """
    try:
        path, options = parted(spec)
    except UserError:
        return None
    own = FOLDERS.get(path.resolve().name)
    if own is None:
        there = {FOLDERS[each.name]: each for each in sorted(path.glob(f"{PREFIX}*")) if each.name in FOLDERS}
        if not there:
            return None
        if language.name not in there:
            raise UserError(f"--corpus {spec}: files of ids in {', '.join(there)}; there is no {language.name}.")
        path = there[language.name]
    elif own != language.name:
        raise UserError(f"--corpus {spec}: files of ids in {own}, and not in {language.name}. Say --language {own}.")
    layout = found(path, options.size)
    files = [file for file in layout.files if TEXT not in file.path.parent.name.split("_")]
    if any(file.split == WHOLE for file in files):
        raise UserError(f"--corpus {spec}: {path} holds no folder babylm_100M, babylm_10M, babylm_dev or babylm_test.")
    return TokenFiles(language.name, spec, tuple(files), layout.left_out)


def build_from_token_files(
    source: TokenFiles,
    language: Language,
    tokenizer: Tokenizer,
    output: str | Path,
    *,
    context: int = CONTEXT,
    seed: int = 0,
    progress: Progress | None = None,
) -> TokenDataset:
    """Write published files of ids as a token dataset in the folder `output`, sentence for sentence.

    The training sentences are in the order of the published run with this `seed`. In the hop family a sentence counts
    as affected if it has a marker, in the others each does. Without training files the dataset has no blocks, and
    models can only be measured on it.

    Raises:
        UserError: a line is no ids, or has one that the tokenizer has not; the folder holds something else; `context`
            is longer than the data.
    """
    output, marked, progress = Path(output), tokenizer.with_markers(language.family.markers), progress or usual()
    request: dict[str, Any] = {
        "corpus": source.fingerprint(),
        "language": language.name,
        "tokenizer": marked.sha256,
        "context": context,
        "seed": seed,
        "order": PUBLISHED,
    }
    if context < 2:
        raise UserError(f"--context {context}: a block needs at least 2 tokens.")
    if is_made(output, DATASET, request):
        remove_lock_of_the_dead(lock_beside(output))
        return TokenDataset.open(output)
    record: dict[str, Any] = {"request": request, "corpus": source.name, "described": language.described()}
    with writing(output):
        if not is_made(output, DATASET, request):  # by another process, by now
            with folder_beside(output, DATASET, record) as folder:
                work = Work(language, marked, [(folder, record)])
                record["read"] = _fill(work, source, marked, progress).record()
                work.finish()
    return TokenDataset.open(output)


def _fill(work: Work, source: TokenFiles, tokenizer: Tokenizer, progress: Progress) -> Survey:
    """Give all sentences to the scratch files; what was read."""
    markers = np.array([tokenizer.markers[each] for each in work.language.family.markers if _tells(work.language)])
    parts: dict[tuple[str, str], Part] = {}
    read = 0
    progress.start(f"{work.language.name}: sentences read", None)
    try:
        for file in source.files:
            part = parts.setdefault((file.split, _genre(file)), Part(file.split, _genre(file)))
            part.files += 1
            for tokens in source.sentences(file, tokenizer):
                has_marker = np.isin(tokens.values, markers)
                row = tokens.spread(np.arange(len(tokens)))
                affected = np.bincount(row[has_marker], minlength=len(tokens)) > 0
                if not len(markers):
                    affected[:] = True
                rows = np.arange(read, read + len(tokens))
                work.add(file.split, KeptSentences(tokens, rows, affected, {}), _genre(file))
                read += len(tokens)
                part.tally.add(Tally(lines=len(tokens), sentences=len(tokens)))
                progress.at(read)
    finally:
        progress.end()
        work.close()
    if not read:
        raise UserError(f"corpus {source.name}: no sentences. Not read: {listed(source.left_out) or 'nothing'}.")
    return Survey(source.name, tuple(parts.values()), source.left_out)


def _tells(language: Language) -> bool:
    """Whether a marker tells an affected sentence: in the hop family, which leaves the others as they are."""
    return language.family.name == "hop"


def _genre(file: File) -> str:
    return ENDS.sub("", file.genre)


def _is_ids(line: bytes) -> bool:
    return not line.strip() or IDS.fullmatch(line) is not None
