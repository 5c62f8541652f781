"""How fast corpora become token datasets in all fifteen languages, beside the published sentence-by-sentence procedure.

    python -m benchmarks.languages --conllu FOLDER --tokenizer FOLDER [--golden FILE] [--words 100000000]

The corpus is the annotated sentences of the CoNLL-U files in FOLDER, in one seeded order after another until there are
enough. Both sides read it from the same Parquet file, in one process on the same cores; run it under `taskset -c 0` for
one core.
"""

import argparse
import gzip
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import published
from impossible_lms import get_language, load_tokenizer, read_corpus
from impossible_lms.corpora.parquet import ROWS, write_parquet
from impossible_lms.data.build import build_datasets
from impossible_lms.languages import PAPER
from impossible_lms.languages.language import sentences_for
from impossible_lms.ragged import Ragged
from impossible_lms.versions import versions

COLUMNS = ("text", "words", "lemmas", "features")
CONTEXT = 1024


def main() -> None:
    """Run every measurement and print the table."""
    options = arguments()
    if options.build is not None:
        build_and_report(options)
        return
    print_machine()
    if options.golden:
        print(f"baseline equal to {options.golden.name}: {checked(options):,} sequences in {len(PAPER)} languages\n")
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        corpus = Path(scratch) / "corpus.parquet"
        words = make_corpus(options.conllu, corpus, options.sentences, None)
        print(f"corpus: {options.sentences:,} sentences, {words:,} words\n")
        print(
            "| from raw text to shards, all fifteen languages | sentences/s | s for the corpus | peak memory | ratio |"
        )
        print("| --- | ---: | ---: | ---: | ---: |")
        ours = [built(options, corpus)]
        rate = published_rate(options, corpus)
        ours.append(built(options, corpus))
        seconds = options.sentences / rate
        print(f"| sentence by sentence ({options.sample:,} sentences) | {rate:,.0f} | {seconds:,.0f} | | 1 |")
        for seconds, memory in ours:
            found = options.sentences / seconds
            print(f"| impossible-lms | {found:,.0f} | {seconds:.1f} | {memory:,.0f} MB | **{found / rate:.0f}** |")
        print()
        tokens_in_hand(options, corpus)
        if options.words:
            corpus.unlink()
            words = make_corpus(options.conllu, corpus, None, options.words)
            seconds, memory = built(options, corpus)
            print(f"\n{words:,} words, all fifteen languages: {seconds:,.0f} s, peak memory {memory:,.0f} MB")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conllu", type=Path, required=True, help="folder of CoNLL-U files (those named *-train)")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with GPT-2's vocab.json and merges.txt")
    parser.add_argument("--golden", type=Path, help="golden file; its sentences are en_ewt-dev.conllu of --conllu")
    parser.add_argument("--sentences", type=int, default=1_200_000)
    parser.add_argument("--sample", type=int, default=10_000, help="sentences the published procedure is timed on")
    parser.add_argument("--words", type=int, help="also build a corpus of so many words, for time and memory")
    parser.add_argument("--scratch", type=Path, help="folder for temporary files")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)  # the child process
    return parser.parse_args()


def print_machine() -> None:
    """Machine, versions and commit."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"command: python -m benchmarks.{Path(sys.argv[0]).stem} {' '.join(sys.argv[1:])}")
    print(f"machine: {processor()}, {cores} of {os.cpu_count()} cores; commit {commit.stdout.strip()}")
    print(", ".join(f"{name} {version}" for name, version in versions("numpy", "pyarrow", "tokenizers").items()) + "\n")


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().split("\n") if line.startswith("model name")
        ]
        return names[0] if names else platform.machine()
    return platform.processor()


def make_corpus(folder: Path, path: Path, sentences: int | None, words: int | None) -> int:
    """Write the corpus to Parquet, of so many sentences or at least so many words; the number of its words."""
    table = pa.Table.from_batches(
        [
            block.select(COLUMNS)
            for file in sorted(folder.glob("*-train.conllu"))
            for _, block in read_corpus(str(file)).blocks()
        ]
    ).combine_chunks()
    lengths = table.column("words").combine_chunks().value_lengths().to_numpy()
    count = 0

    def blocks() -> Iterator[pa.RecordBatch]:
        nonlocal count
        generator, left = np.random.default_rng(0), sentences
        while left if left is not None else count < (words or 0):
            order = generator.permutation(len(table))[:left]
            left = None if left is None else left - len(order)
            count += int(lengths[order].sum())
            yield from table.take(pa.array(order)).combine_chunks().to_batches(max_chunksize=ROWS)

    write_parquet(blocks(), path)
    return count


def built(options: argparse.Namespace, corpus: Path) -> tuple[float, float]:
    """Seconds and peak memory in MB of building all languages in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.languages", "--build", str(corpus), "--conllu", str(options.conllu)]
    command += ["--tokenizer", str(options.tokenizer)]
    if options.scratch:
        command += ["--scratch", str(options.scratch)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - this script
    report = json.loads(done.stdout)
    return report["seconds"], report["peak_mb"]


def build_and_report(options: argparse.Namespace) -> None:
    """The child: build, and print time and memory."""
    tokenizer = load_tokenizer(str(options.tokenizer))
    languages = [get_language(name) for name in PAPER]
    with tempfile.TemporaryDirectory(dir=options.scratch) as output:
        start = time.perf_counter()
        build_datasets(read_corpus(str(options.build)), languages, tokenizer, output, context=CONTEXT)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20)
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


def published_rate(options: argparse.Namespace, corpus: Path) -> float:
    """Sentences a second of the published procedure: each language reads, encodes, changes, filters and writes."""
    encoders = {family: published.tokenizer_of(options.tokenizer, family) for family in published.MARKERS}
    start = time.perf_counter()
    for name in published.LANGUAGES:
        sentences = rows_as_sentences(corpus, options.sample)
        values: list[int] = []
        for _, tokens in published_language(name, sentences, encoders):
            values += [*tokens, 50256]
        blocks = len(values) // CONTEXT
        with tempfile.TemporaryFile(dir=options.scratch) as file:
            np.save(file, np.array(values[: blocks * CONTEXT], dtype=np.uint16).reshape(blocks, CONTEXT))
    return float(options.sample / (time.perf_counter() - start))


def published_language(
    name: str, sentences: Iterator[published.Sentence], encoders: dict[str, Any]
) -> Iterator[tuple[int, list[int]]]:
    """The kept sentences of a language with their tokens; `encoders` holds each family's tokenizer."""
    family, make = published.LANGUAGES[name]
    encoder, change = encoders[family], make()

    def encode(text: str) -> list[int]:
        return list(encoder.encode(text))

    for index, sentence in enumerate(sentences):
        tokens = change(sentence, encode)
        if tokens is not None:
            yield index, tokens


def rows_as_sentences(corpus: Path, count: int) -> Iterator[published.Sentence]:
    """The first sentences of the Parquet file."""
    for block in pq.ParquetFile(corpus).iter_batches(batch_size=1_000):
        for row in block.to_pylist():
            if not count:
                return
            count -= 1
            features = [entry or "_" for entry in row["features"]]
            yield published.Sentence(row["text"], list(zip(row["words"], row["lemmas"], features, strict=True)))


def checked(options: argparse.Namespace) -> int:
    """Compare the published procedure with the golden file; the number of sequences. AssertionError if not equal."""
    expected = defaultdict(list)
    with gzip.open(options.golden, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            expected[row["language"]].append((row["sentence"], row["tokens"]))
    encoders = {family: published.tokenizer_of(options.tokenizer, family) for family in published.MARKERS}
    compared = 0
    for name, rows in expected.items():
        sentences = published.read_sentences(options.conllu / "en_ewt-dev.conllu")
        found = list(published_language(name, sentences, encoders))
        assert found == sorted(rows), f"the baseline's {name} differs from the golden file"
        compared += len(found)
    return compared


def tokens_in_hand(options: argparse.Namespace, corpus: Path) -> None:
    """Print the time of each shuffle on encoded tokens, beside copying them and numpy's own shuffle calls."""
    tokenizer = load_tokenizer(str(options.tokenizer))
    blocks = [columns.select(["text"]) for _, columns in read_corpus(str(corpus)).blocks()]
    encoded = [tokenizer.encode(columns.column("text")) for columns in blocks]
    family = get_language("no-shuffle").family
    count = sum(len(tokens.values) for tokens in encoded)

    def rewritten(name: str) -> Callable[[], Any]:
        def run() -> None:
            rewrite = get_language(name).start()
            for columns, tokens in zip(blocks, encoded, strict=True):
                sentences = next(sentences_for([family], columns, tokenizer, 0))
                sentences.__dict__["tokens"] = Ragged(tokens.values, tokens.offsets)
                rewrite(sentences)

        return run

    def by_numpy() -> None:
        generator = np.random.default_rng(0)
        for tokens in encoded:
            values, ends = tokens.values.copy(), tokens.offsets.tolist()
            for start, end in itertools.pairwise(ends):
                generator.shuffle(values[start:end])

    whole = np.concatenate([tokens.values for tokens in encoded])
    copy = best(whole.copy) / count
    in_cache = best(lambda: [tokens.values.copy() for tokens in encoded]) / count
    calls = best(by_numpy) / count
    print(f"tokens in hand: {count:,} tokens (uint16), best of 5. Copying the array {copy * 1e9:.2f} ns a token,")
    print(f"copying it in blocks of {ROWS:,} sentences, which fit in cache, {in_cache * 1e9:.2f}.")
    print(f"numpy's shuffle, one call a sentence: {calls * 1e9:.1f} ns a token\n")
    print("| language | ns a token | x copy | x copy in cache | x numpy's shuffle calls |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, language in PAPER.items():
        if language.family is not family:
            continue
        taken = best(rewritten(name)) / count
        ratios = (
            f"{taken / copy:.1f} | {taken / in_cache:.0f} | "
            if language.is_deterministic
            else f"| | {taken / calls:.2f}"
        )
        print(f"| `{name}` | {taken * 1e9:.1f} | {ratios} |")


def best(run: Callable[[], Any], repeats: int = 5) -> float:
    """The shortest time of some runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
