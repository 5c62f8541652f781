"""Small corpora as people have them: BabyLM's layouts with their headings, speakers, blank lines and paragraphs."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GENRES = ("childes", "gutenberg", "switchboard", "wikipedia")
SENTENCES = (
    "The children were singing near the gate.",
    "Nobody on this street owns a red door.",
    "She thinks the river runs too fast today.",
    "Two owls watch the barn from the oak.",
    "Do you see where the path divides?",
    "He carries her heavy basket up the hill.",
)
SIZES = {"train": 40, "dev": 12, "test": 16}


def text_of(genre: str, sentences: int, seed: int) -> str:
    """The content of a file of that genre, of so many sentences and the lines around them."""
    draw = random.Random(f"{genre} {seed}")
    said = [draw.choice(SENTENCES) for _ in range(sentences)]
    if genre == "childes":
        return "".join(f"*{draw.choice(['CHI', 'MOT'])}:\t{sentence.lower()}\n" for sentence in said) + "\n"
    if genre == "switchboard":
        return "".join(f"{'AB'[place % 2]}:\t{sentence}\n" for place, sentence in enumerate(said))
    paragraphs = [" ".join(said[first : first + 4]) for first in range(0, len(said), 4)]
    heading = "\n\n\n*** THE MILL ***\n\n\n" if genre == "gutenberg" else f"\n= = = Place {seed} = = =\n\n"
    return heading + "\n\n".join(paragraphs) + "\n\n"


def write(path: Path, content: str | bytes) -> Path:
    """A file, and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def babylm_2023(folder: Path, sizes: tuple[str, ...] = ("100M", "10M"), ending: str = "") -> Path:
    """`babylm_data/babylm_100M/*.train`, `babylm_10M`, `babylm_dev/*.dev`, `babylm_test/*.test`."""
    home = folder / "babylm_data"
    for size in sizes:
        _fill(home / f"babylm_{size}", "train", SIZES["train"] * (2 if size == "100M" else 1), ending)
    for split in ("dev", "test"):
        _fill(home / f"babylm_{split}", split, SIZES[split], ending)
    return home


def babylm_2024(folder: Path, sizes: tuple[str, ...] = ("100M",), ending: str = "") -> Path:
    """`train_100M/*.train`, `dev/*.dev`, `test/*.test`, with a README."""
    for size in sizes:
        _fill(folder / f"train_{size}", "train", SIZES["train"] * (2 if size == "100M" else 1), ending)
    for split in ("dev", "test"):
        _fill(folder / split, split, SIZES[split], ending)
    write(folder / "README.md", "# Not a corpus file\n\nNor is this line.\n")
    write(folder / "LICENSE.txt", "Nor this.\n")
    write(folder / ".DS_Store", b"\0\1")
    return folder


def plain(folder: Path) -> Path:
    """`train/*.train`, `dev/*.dev`, `test/*.test`, a sentence a line."""
    for split, sentences in SIZES.items():
        for genre in GENRES[:2]:
            text = "".join(f"{SENTENCES[place % len(SENTENCES)]}\n" for place in range(sentences))
            write(folder / split / f"{genre}.{split}", text)
    return folder


def tables(folder: Path) -> dict[str, Path]:
    """The same six sentences as JSON Lines, CSV, TSV and Parquet, by ending."""
    rows = list(enumerate(SENTENCES))
    json = "".join(f'{{"id": {place}, "text": "{sentence}"}}\n' for place, sentence in rows)
    csv = "id,text\n" + "".join(f'{place},"{sentence}"\n' for place, sentence in rows)
    tsv = "id\ttext\n" + "".join(f"{place}\t{sentence}\n" for place, sentence in rows)
    written = {
        ending: write(folder / f"rows{ending}", text)
        for ending, text in ((".jsonl", json), (".csv", csv), (".tsv", tsv))
    }
    written[".parquet"] = folder / "rows.parquet"
    pq.write_table(pa.table({"id": [place for place, _ in rows], "text": list(SENTENCES)}), written[".parquet"])
    return written


def _fill(folder: Path, split: str, sentences: int, ending: str) -> None:
    for seed, genre in enumerate(GENRES):
        write(folder / f"{genre}{ending or f'.{split}'}", text_of(genre, sentences, seed))
