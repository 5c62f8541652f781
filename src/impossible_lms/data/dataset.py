"""TokenDataset: a folder of tokens that can prove what it holds; training blocks and held-out sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from impossible_lms.data.limits import Limits
from impossible_lms.errors import UserError
from impossible_lms.files import MANIFEST, read_manifest, verify_files
from impossible_lms.languages.fertility import Fertility
from impossible_lms.languages.markers import shares
from impossible_lms.ragged import Ragged
from impossible_lms.shown import Shown
from impossible_lms.tokenizer import Tokenizer, load_tokenizer

DATASET = "token dataset"
HELD_OUT = ("dev", "test")
CODE = "code of the language"  # in the request of data in a language of one's own: the hash of its file
SHOWN = 2  # sentences that a notebook shows
FIELDS = {  # of its record
    "request": {"corpus": str, "language": str, "tokenizer": str, "context": int, "seed": int},
    "corpus": str,
    "described": dict,
    "tokenizer": str,
    "vocabulary_size": int,
    "end_of_text": int,
    "markers": dict,
    "dtype": str,
    "counts": {"blocks": int, "tail_tokens": int, "train": dict, "dev": dict, "test": dict},
}


def shard_name(index: int) -> str:
    """The file of one shard of training blocks."""
    return f"train-{index:05d}.npy"


@dataclass(frozen=True)
class HeldOut:
    """Held-out sentences, k of them: their tokens, and a table of (k,) `sentence`, `genre` and `affected`."""

    tokens: Ragged
    table: pd.DataFrame


@dataclass(frozen=True, repr=False)
class TokenDataset(Shown):
    """A built dataset: `folder`, and the `record` of what made it and what is in it."""

    folder: Path
    record: dict[str, Any]
    files: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> "TokenDataset":
        """The dataset in `folder`; every file is there, of its size, and compared with its hash before it is used."""
        folder = Path(folder)
        manifest = read_manifest(folder, DATASET, FIELDS)
        verify_files(folder, manifest, contents=False)
        return cls(folder, manifest["record"], manifest["files"])

    def title(self) -> str:
        return self.language

    def facts(self) -> dict[str, object]:
        counts = self.record["counts"]
        found: dict[str, object] = {"blocks": f"{len(self):,} of {self.context} tokens"}
        found |= {split: f"{counts[split]['sentences']:,} sentences" for split in HELD_OUT}
        if said := self.limits.said():
            found["trained on"] = said
        if self.fertility is not None:
            found["fertility"] = str(self.fertility)
        if self.record["markers"]:
            found["markers"] = ", ".join(self.record["markers"])
        return found | {"corpus": self.record["corpus"], "folder": self.folder}

    def examples(self) -> list[str]:
        tokens = self.held_out("test").tokens
        return [self.tokenizer.decode(tokens[row]) for row in range(min(SHOWN, len(tokens)))]

    def verify(self) -> None:
        """Read every file and compare its sha256; UserError names the first that differs."""
        self._verify(self.files)

    def _verify(self, names: Iterable[str]) -> None:
        verify_files(self.folder, {"kind": DATASET, "files": self.files}, names=names)

    @property
    def language(self) -> str:
        """The name of the language."""
        return str(self.record["request"]["language"])

    @property
    def context(self) -> int:
        """Tokens in a block."""
        return int(self.record["request"]["context"])

    @property
    def vocabulary_size(self) -> int:
        """Ids of the tokenizer, markers included."""
        return int(self.record["vocabulary_size"])

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this dataset from any other: what was asked for, and the hashes of the training shards."""
        shards = {name: entry["sha256"] for name, entry in self.files.items() if name.startswith("train-")}
        return {"request": self.record["request"], "shards": shards}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer with the language's markers."""
        self._verify(name for name in self.files if name.startswith("tokenizer/"))
        markers: dict[str, int] = self.record["markers"]  # sorted by name in the manifest
        tokenizer = load_tokenizer(str(self.folder / "tokenizer")).with_markers(
            sorted(markers, key=markers.__getitem__)
        )
        if tokenizer.sha256 != self.record["request"]["tokenizer"]:
            raise UserError(
                f"{self.folder / 'tokenizer'}: not the tokenizer the dataset was built with. Build it again."
            )
        return tokenizer

    @property
    def limits(self) -> Limits:
        """What was left out of training; test and dev keep all."""
        return Limits.of(self.record["request"], self.folder / MANIFEST)

    @property
    def fertility(self) -> Fertility | None:
        """How many tokens its tokenizer makes of a word; None of published ids, whose text is not there."""
        found = self.record.get("fertility")
        return None if found is None else Fertility(**found)

    @property
    def marked(self) -> dict[str, float]:
        """The share of training sentences in which each marker stands."""
        counts = self.record["counts"]["train"]
        found = {marker: counts["markers"][marker] for marker in self.tokenizer.markers}
        return shares(found, counts["sentences"])

    @cached_property
    def words_of_block(self) -> float:
        """The mean number of words in a training block: what white space divides, counted by the tokens that open one.

        A marker is none.
        """
        tokenizer = self.tokenizer
        pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
        opens = np.array([piece[:1].isspace() for piece in pieces])
        opens[list(tokenizer.markers.values())] = False
        opens[tokenizer.end_of_text] = True  # before the first word of the next sentence
        return sum(int(opens[shard].sum()) for shard in self._shards) / len(self)

    @cached_property
    def _shards(self) -> list[NDArray[Any]]:
        names = sorted(name for name in self.files if name.startswith("train-"))
        self._verify(names)
        return [np.load(self.folder / name, mmap_mode="r", allow_pickle=False) for name in names]

    def __len__(self) -> int:
        """The number of training blocks."""
        return int(self.record["counts"]["blocks"])

    def blocks(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m, context) int64: the training blocks at `indices` (m,)."""
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"block {indices.max()} of {len(self)}")
        rows = np.empty((len(indices), self.context), dtype=np.int64)
        ends = np.cumsum([len(shard) for shard in self._shards])
        homes = np.searchsorted(ends, indices, side="right")
        for home, shard in enumerate(self._shards):
            mine = homes == home
            rows[mine] = shard[indices[mine] - (ends[home] - len(shard))]
        return rows

    def held_out(self, split: str) -> HeldOut:
        """The sentences of `dev` or `test`, one by one."""
        self._verify([f"{split}.parquet"])
        table = pq.read_table(self.folder / f"{split}.parquet")
        lists = table.column("tokens").combine_chunks()
        values = lists.flatten().to_numpy(zero_copy_only=False)
        tokens = Ragged.of_lengths(values, np.diff(lists.offsets.to_numpy()).astype(np.int64))
        return HeldOut(tokens, table.drop_columns(["tokens"]).to_pandas())
