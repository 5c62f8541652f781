"""Hours, peak memory and disk of `build`, `inspect` and `annotate` on a text as large as BabyLM: 100 million words.

    python -m benchmarks.babylm_size make FOLDER --words 100_000_000 --sentences ../shared/data/babylm-like
    python -m benchmarks.babylm_size measure FOLDER --tokenizer ../shared/data/gpt2-bpe --annotate spacy:en_core_web_sm

`make` writes `FOLDER/raw` in BabyLM's layout, from the sentences of a folder in that layout and of the built-in
English, with blank lines, headings and speaker marks; in every third sentence a word is exchanged for one of two
million made-up ones, so that the vocabulary grows as a real one does. `FOLDER/annotated` is CoNLL-U of as many words,
varied alike, of the built-in English, whose annotation is gold. `measure` runs the commands a user would, each in a
process of its own, and `annotate` for `--seconds` only: its hours are extrapolated from the words done by then.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.languages import print_machine
from impossible_lms import read_corpus
from impossible_lms.languages.registry import PAPER

# BabyLM's genres, each with its share of the words, and how often a line of it is blank, has a speaker or is a heading.
GENRES: dict[str, tuple[float, dict[str, Any]]] = {
    "aochildes": (0.05, {"speakers": ("*CHI:\t", "*MOT:\t", "*FAT:\t")}),
    "bnc_spoken": (0.08, {}),
    "cbt": (0.06, {}),
    "children_stories": (0.04, {"blank": 5}),
    "gutenberg": (0.1, {"blank": 4}),
    "open_subtitles": (0.31, {}),
    "qed": (0.1, {}),
    "simple_wikipedia": (0.15, {"blank": 6, "heading": 12}),
    "switchboard": (0.01, {"speakers": ("A:\t", "B:\t")}),
    "wikipedia": (0.1, {"blank": 6, "heading": 12}),
}
HELD_OUT = {"dev": 0.02, "test": 0.02}  # of the training words, beside them
POOL = 400_000  # sentences of the built-in English that are repeated and varied
CHUNK = 50_000  # sentences written at a time
MADE_UP = 2_000_000
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "er", "is")]


def made_up(numbers: NDArray[np.int64]) -> list[str]:
    """A pronounceable name for each number."""
    names = []
    for number in numbers.tolist():
        name = ""
        while number or not name:
            number, rest = divmod(number, len(SYLLABLES))
            name += SYLLABLES[rest]
        names.append(name.capitalize())
    return names


def draw_names(generator: np.random.Generator, count: int) -> list[str]:
    """Names, some of them often and most of them seldom."""
    return made_up(np.minimum(generator.zipf(1.2, count), MADE_UP).astype(np.int64))


def make(options: argparse.Namespace) -> None:
    """Write both corpora."""
    pool = pa.Table.from_batches(
        [block for _, block in read_corpus(f"grammar:sentences={options.pool},seed=0").blocks()]
    ).combine_chunks()
    texts = pool.column("text").to_pylist()
    if options.sentences:
        texts += list(read_corpus(str(options.sentences)).texts())
    make_raw(options.folder / "raw", texts, options.words)
    make_annotated(options.folder / "annotated", pool, options.words)


def make_raw(folder: Path, texts: Sequence[str], words: int) -> None:
    """Write plain text in BabyLM's layout."""
    generator = np.random.default_rng(0)
    pieces = [text.split() for text in texts]
    for split, share_of_split in {"train": 1.0, **HELD_OUT}.items():
        (folder / split).mkdir(parents=True)
        for genre, (share, ways) in GENRES.items():
            left = int(words * share * share_of_split)
            with (folder / split / f"{genre}.{split}").open("w", encoding="utf-8") as file:
                while left > 0:
                    lines, count = raw_lines(generator, pieces, ways, left)
                    file.write(lines)
                    left -= count


def raw_lines(
    generator: np.random.Generator, pieces: Sequence[list[str]], ways: dict[str, Any], left: int
) -> tuple[str, int]:
    """Some lines of a genre with at most about `left` words, and the number of their words."""
    chosen = generator.integers(len(pieces), size=CHUNK)
    names = iter(draw_names(generator, CHUNK))
    places = generator.random(CHUNK)
    kinds = generator.integers(60, size=CHUNK)  # divisible by all of the numbers in GENRES
    speakers = ways.get("speakers", ("",))
    lines, count = [], 0
    for sentence, place, kind in zip(chosen.tolist(), places.tolist(), kinds.tolist(), strict=True):
        if "heading" in ways and kind % ways["heading"] == 1:
            lines.append(f" = = = {next(names)} {next(names)} = = = " if kind % 2 else f"= {next(names)} =")
        elif "blank" in ways and kind % ways["blank"] == 0:
            lines.append("")
        words = pieces[sentence]
        if kind % 3 == 0:
            words = [*words]
            words[int(place * len(words))] = next(names, "Bo")
        lines.append(speakers[kind % len(speakers)] + " ".join(words))
        count += len(words)
        if count >= left:
            break
    return "\n".join([*lines, ""]), count


def make_annotated(folder: Path, pool: pa.Table, words: int) -> None:
    """Write the built-in English with its gold annotation as `annotate` writes a corpus that is divided."""
    generator = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for split, share_of_split in {"train": 1.0, **HELD_OUT}.items():
        for genre, (share, _) in GENRES.items():
            left, number = int(words * share * share_of_split), 0
            with (folder / f"{genre}-{split}.conllu").open("w", encoding="utf-8") as file:
                while left > 0:
                    chosen = generator.integers(len(pool), size=min(CHUNK, left // 8 + 1))
                    sentences = pool.take(pa.array(chosen)).combine_chunks().to_batches()[0]
                    file.write(conllu(generator, sentences, f"{genre}-{number}"))
                    left -= len(sentences.column("words").flatten())
                    number += 1


def conllu(generator: np.random.Generator, sentences: pa.RecordBatch, name: str) -> str:
    """Sentences as CoNLL-U, with nouns exchanged for names; whole columns at a time, for there are many."""
    lists = {column: sentences.column(column).flatten() for column in ("words", "lemmas", "upos", "xpos", "features")}
    lengths = sentences.column("words").value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(lengths)
    nouns = np.flatnonzero(pc.equal(lists["xpos"], "NN").to_numpy(zero_copy_only=False))
    nouns = nouns[generator.random(len(nouns)) < 0.15]
    names = draw_names(generator, len(nouns))
    is_noun = np.zeros(len(lists["words"]), bool)
    is_noun[nouns] = True
    for column in ("words", "lemmas"):
        lists[column] = pc.replace_with_mask(lists[column], pa.array(is_noun), pa.array(names, pa.string()))
    numbers = pa.array(np.arange(len(lists["words"])) - np.repeat(ends - lengths, lengths) + 1).cast(pa.string())
    heads = sentences.column("head").flatten().cast(pa.string())
    fields = [numbers, *lists.values(), heads, sentences.column("deprel").flatten(), "_", "_"]
    filled = [pc.fill_null(field, "_") if isinstance(field, pa.Array) else pa.scalar(field) for field in fields]
    rows = pc.binary_join_element_wise(*filled, "\t").to_pylist()
    forms, written, first = lists["words"].to_pylist(), [], 0
    for index, end in enumerate(ends.tolist()):
        written += [f"# sent_id = {name}-{index + 1}", f"# text = {' '.join(forms[first:end])}", *rows[first:end], ""]
        first = end
    return "\n".join([*written, ""])


def measure(options: argparse.Namespace) -> None:
    """Run the commands and print a table."""
    print_machine()
    raw, annotated = options.folder / "raw", options.folder / "annotated"
    text_alone = [name for name, language in PAPER.items() if not language.needs]
    tokenizer = ["--tokenizer", str(options.tokenizer)]
    built = options.folder / "built"
    named = [word for name in text_alone for word in ("--language", name)]
    print(f"raw: {counted(raw)}; annotated: {counted(annotated)}\n")
    print("| command | time | processor time | peak memory | disk at most | disk at the end |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    parts: dict[str, Callable[[], None]] = {
        "raw": lambda: run_and_print(
            f"build, the {len(text_alone)} languages of text alone, from raw text",
            ["build", "--corpus", str(raw), *named, *tokenizer, "--output", str(built / "raw")],
            built / "raw",
        ),
        "split": lambda: run_and_print(
            f"build --sentences split, the {len(text_alone)} languages, from raw text",
            ["build", "--corpus", str(raw), "--sentences", "split", *named, *tokenizer, "--output", str(built / "cut")],
            built / "cut",
        ),
        "annotated": lambda: run_and_print(
            "build --language paper, from annotated text",
            ["build", "--corpus", str(annotated), "--language", "paper", *tokenizer, "--output", str(built / "paper")],
            built / "paper",
        ),
        "inspect": lambda: run_and_print(
            "inspect, of one language", ["inspect", str(built / "paper" / "word-hop")], built / "paper" / "word-hop"
        ),
        "annotate": lambda: annotate_for(options, raw),
    }
    for name in options.parts:
        parts[name]()


def counted(folder: Path) -> str:
    """Files and bytes of a folder."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{len(sizes)} files, {sum(sizes) / 1e9:.2f} GB"


def run_and_print(what: str, arguments: Sequence[str], output: Path) -> None:
    """One row of the table."""
    found = run(arguments, output)
    print(f"| {what} | {found['seconds']:,.0f} s | {found['processor']:,.0f} s | {found['peak_mb']:,.0f} MB | ", end="")
    print(f"{found['most_gb']:.2f} GB | {size_of(output) / 1e9:.2f} GB |", flush=True)


def run(arguments: Sequence[str], output: Path) -> dict[str, float]:
    """Run `impossible` with `arguments`.

    Returns its time by the clock and that of processors in seconds, its peak memory in MB, and the most that it kept on
    disk in GB.
    """
    most = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.5):
            most = max(most, size_of(output.parent) if output.parent.is_dir() else 0.0)

    before = size_of(output.parent) if output.parent.is_dir() else 0
    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    command = [sys.executable, "-m", "impossible_lms", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - the package's own command
    code, processor, peak = waited_for(process)
    taken = time.perf_counter() - start
    done.set()
    watcher.join()
    if code != 0:
        sys.exit(f"{' '.join(command)} ended with {code}")
    return {"seconds": taken, "processor": processor, "peak_mb": peak, "most_gb": (most - before) / 1e9}


def waited_for(process: "subprocess.Popen[bytes]") -> tuple[int, float, float]:
    """The exit code of a process, its processor time in seconds, and its peak memory in MB."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = used.ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20)
    return process.returncode, used.ru_utime + used.ru_stime, peak


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, which may be changing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def annotate_for(options: argparse.Namespace, raw: Path) -> None:
    """Annotate for some seconds from the first batch on, stop, and say how long all of it would take."""
    output = options.folder / "annotating" / "x"
    shutil.rmtree(output.parent, ignore_errors=True)
    output.parent.mkdir()
    words = read_corpus(str(raw)).survey.total.words
    command = [sys.executable, "-m", "impossible_lms", "annotate", str(raw), "--with", options.annotate]
    command += ["--processes", str(options.processes), "--output", str(output)]
    start = time.perf_counter()
    process = subprocess.Popen(command)  # noqa: S603 - the package's own command
    state = output.with_name(".x.annotating") / "state.json"
    while not state.is_file() and process.poll() is None:
        time.sleep(0.1)
    begun, first = time.perf_counter(), words_done(state)
    time.sleep(options.seconds)
    taken, last = time.perf_counter() - begun, words_done(state)
    process.terminate()  # what a script starts in the background may ignore Ctrl-C
    _, processor, peak = waited_for(process)
    rate, part = (last - first) / taken, size_of(output.parent)
    print(
        f"| annotate, {options.processes} processes, **extrapolated** from {last - first:,} of {words:,} words in ",
        end="",
    )
    print(f"{taken:.0f} s ({rate:,.0f} words/s); the first batch was done after {begun - start:.0f} s | ", end="")
    print(
        f"**{words / rate / 3600:.1f} hours** | {processor:,.0f} s | {peak:,.0f} MB, the largest process | | ", end=""
    )
    print(f"**{part * words / last / 1e9:.1f} GB** |", flush=True)


def words_done(state: Path) -> int:
    return int(json.loads(state.read_text(encoding="utf-8"))["words"])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    maker = verbs.add_parser("make")
    maker.set_defaults(do=make)
    maker.add_argument("folder", type=Path)
    maker.add_argument("--words", type=int, default=100_000_000)
    maker.add_argument("--pool", type=int, default=POOL, help="sentences of the built-in English to vary")
    maker.add_argument("--sentences", type=Path, help="a folder of more sentences, a line each, for the raw text")
    measurer = verbs.add_parser("measure")
    measurer.set_defaults(do=measure)
    measurer.add_argument("folder", type=Path)
    measurer.add_argument("--tokenizer", default="train:vocab=50257", help="folder with GPT-2's vocab.json, merges.txt")
    measurer.add_argument("--annotate", default="spacy", help="what `annotate --with` takes")
    measurer.add_argument("--processes", type=int, default=os.cpu_count())
    measurer.add_argument("--seconds", type=float, default=300, help="how long `annotate` is run")
    measurer.add_argument(
        "--parts", nargs="+", default=["raw", "split", "annotated", "inspect", "annotate"], help="which to measure"
    )
    return parser.parse_args()


if __name__ == "__main__":
    options = arguments()
    options.do(options)
