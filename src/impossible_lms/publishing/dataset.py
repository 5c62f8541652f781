"""Token datasets as one repository for `datasets.load_dataset(id, "partial-reverse")`: Parquet, a language a config."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import UserError
from impossible_lms.files import to_json, write_text
from impossible_lms.publishing.card import CITATION, rendered
from impossible_lms.publishing.revision import MAIN, Publication, Revision, hashed
from impossible_lms.ragged import Ragged
from impossible_lms.tokenizer import Tokenizer

SPLITS = {"train": "train", "dev": "validation", "test": "test"}  # our names, and those of the library `datasets`
ROWS = 1 << 14  # blocks or sentences at a time


def dataset_publication(
    datasets: Sequence[TokenDataset], source: Path, name: str | None = None, license_id: str | None = None
) -> Publication:
    """Datasets of one corpus as one repository: for each its tables, its tokenizer with markers, and its record.

    Every row is a sentence with its `tokens` and their `text`; those held out also say which `sentence` of the corpus
    they are, its `genre`, and whether the language changes it (`affected`). The rows of `train` stand in the order of
    training: each followed by the end of text, joined and cut into blocks, they are the dataset's blocks.

    Args:
        datasets: what to publish.
        source: the folder they are in.
        name: the repository's name; `impossible-<corpus>` by default.
        license_id: the licence of the corpus, as the Hub writes it (`cc-by-4.0`), if it is known.

    Raises:
        UserError: the datasets are of several corpora, or two of one language.
    """
    languages = [dataset.language for dataset in datasets]
    if len(set(languages)) < len(languages):
        raise UserError(f"{source}: two datasets of one language. Publish them apart, each with a --name.")
    if len({dataset.record["request"]["corpus"] for dataset in datasets}) > 1:
        raise UserError(f"{source}: datasets of several corpora. Publish them apart, each with a --name.")

    def revisions(repo_id: str, scratch: Path) -> list[Revision]:
        configs = []
        for dataset in datasets:
            dataset.verify()
            configs.append(_write_config(dataset, scratch / dataset.language))
        card = _card(repo_id, datasets, configs, license_id)
        write_text(scratch / "README.md", card)
        files = {path.relative_to(scratch).as_posix(): path for path in sorted(scratch.rglob("*")) if path.is_file()}
        return [Revision(MAIN, files, hashed(files))]

    corpus = re.sub(r"[^a-z0-9]+", "-", datasets[0].record["corpus"].lower()).strip("-")
    return Publication("dataset", name or f"impossible-{corpus}", source, revisions)


def _write_config(dataset: TokenDataset, folder: Path) -> dict[str, Any]:
    """Write one language's files; its `name`, and how many `rows` each split has that has any."""
    folder.mkdir()
    rows = {}
    for ours, theirs in SPLITS.items():
        batches = _training_rows(dataset) if ours == "train" else _held_out_rows(dataset, ours)
        rows[theirs] = _write_table(batches, dataset.tokenizer, folder / f"{theirs}.parquet")
    dataset.tokenizer.save(folder / "tokenizer", context=dataset.context)
    write_text(folder / "record.json", to_json(dataset.record))
    return {"name": dataset.language, "rows": {split: count for split, count in rows.items() if count}}


def _write_table(batches: Iterator[tuple[Ragged, dict[str, Any]]], tokenizer: Tokenizer, path: Path) -> int:
    """Write sentences and what is known of each; the number of rows. No file where there is none."""
    tokens = pa.list_(pa.from_numpy_dtype(tokenizer.dtype))
    known = {"sentence": pa.int64(), "genre": pa.string(), "affected": pa.bool_()}
    schema = pa.schema(known | {"tokens": tokens, "text": pa.string()})
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for sentences, columns in batches:
            ids = [part.tolist() for part in np.split(sentences.values, sentences.offsets[1:-1])]
            table = {
                name: pa.array(columns[name], kind) if name in columns else pa.nulls(len(sentences), kind)
                for name, kind in known.items()
            }
            table["tokens"] = pa.ListArray.from_arrays(
                pa.array(sentences.offsets.astype(np.int32)), pa.array(sentences.values.astype(tokenizer.dtype))
            )
            table["text"] = pa.array(tokenizer.full.decode_batch(ids, skip_special_tokens=False), pa.string())
            writer.write_batch(pa.record_batch(table, schema=schema))
            count += len(sentences)
    if not count:
        path.unlink()
    return count


def _training_rows(dataset: TokenDataset) -> Iterator[tuple[Ragged, dict[str, Any]]]:
    """The training sentences in the order of training; the last may be cut where the blocks end."""
    end_of_text = int(dataset.record["end_of_text"])
    waiting = np.empty(0, dtype=np.int64)
    for start in range(0, len(dataset), ROWS):
        blocks = dataset.blocks(np.arange(start, min(start + ROWS, len(dataset))))
        stream = np.concatenate([waiting, blocks.reshape(-1)])
        ends = np.flatnonzero(stream == end_of_text)
        whole = int(ends[-1]) + 1 if len(ends) else 0
        waiting = stream[whole:]
        if whole:
            lengths = np.diff(ends, prepend=-1) - 1
            yield Ragged.of_lengths(np.delete(stream[:whole], ends), lengths), {}
    if len(waiting):
        yield Ragged.of_lengths(waiting, np.array([len(waiting)])), {}


def _held_out_rows(dataset: TokenDataset, split: str) -> Iterator[tuple[Ragged, dict[str, Any]]]:
    held_out = dataset.held_out(split)
    for start in range(0, len(held_out.tokens), ROWS):
        rows = np.arange(start, min(start + ROWS, len(held_out.tokens)))
        table = held_out.table.iloc[rows]
        yield held_out.tokens.take(rows), {name: table[name].tolist() for name in ("sentence", "genre", "affected")}


def _card(
    repo_id: str, datasets: Sequence[TokenDataset], configs: Sequence[dict[str, Any]], license_id: str | None
) -> str:
    """The dataset card as Markdown."""
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(
        language="en",
        license=license_id,
        pretty_name=repo_id.split("/")[1],
        task_categories=["text-generation"],
        tags=["impossible-languages", *(config["name"] for config in configs)],
        configs=[
            {
                "config_name": config["name"],
                "data_files": [
                    {"split": split, "path": f"{config['name']}/{split}.parquet"} for split in config["rows"]
                ],
            }
            for config in configs
        ],
    )
    return rendered(
        "dataset_card.md.j2",
        metadata=str(data.to_yaml()),
        repo_id=repo_id,
        license_id=license_id,
        datasets=[(dataset, config) for dataset, config in zip(datasets, configs, strict=True)],
        first=datasets[0],
        citation=CITATION,
    )


def _data_files(config: dict[str, Any]) -> list[dict[str, str]]:
    return [{"split": split, "path": f"{config['name']}/{split}.parquet"} for split in config["rows"]]
