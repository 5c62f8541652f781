"""BLiMP's minimal pairs as a table: a folder of its files, or a Hugging Face dataset with its fields."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from impossible_lms.corpora.hub import HUB
from impossible_lms.documents import parsed_json
from impossible_lms.errors import UserError
from impossible_lms.network import cache_if_offline

FIELDS = {"field": "field", "UID": "paradigm", "sentence_good": "good", "sentence_bad": "bad"}  # BLiMP's, and ours


def read_pairs(spec: str) -> pd.DataFrame:
    """BLiMP's pairs: `field`, `paradigm`, `good`, `bad`, one row a pair, paradigms in sorted order.

    `spec` is a folder of `.jsonl` files, or `hub:NAME[:config[:split]]` for a Hugging Face dataset with BLiMP's fields.
    UserError names what is missing.
    """
    rows = _from_hub(spec) if spec.startswith(f"{HUB}:") else _from_folder(Path(spec))
    table = pd.DataFrame(rows, columns=list(FIELDS.values()))
    if table.empty:
        raise UserError(f"--corpus {spec}: holds no pairs.")
    table["field"] = table["field"].str.replace("/", "_")  # one paradigm of BLiMP spells its field otherwise
    return table.sort_values("paradigm", kind="stable", ignore_index=True)


def _from_folder(folder: Path) -> Iterator[list[str]]:
    files = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    if not files:
        raise UserError(f"--corpus {folder}: no .jsonl files. A folder of BLiMP's files is expected.")
    for path in files:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not UTF-8 (byte {error.start}). Convert it.") from error
        for number, line in enumerate(text.split("\n"), 1):
            if line:
                try:
                    row = parsed_json(line)
                    yield [str(row[name]) for name in FIELDS]
                except (ValueError, KeyError, TypeError) as error:
                    raise UserError(f"{path} line {number}: no pair of BLiMP ({error!r}).") from error


def _from_hub(spec: str) -> Iterator[list[str]]:
    try:
        import datasets
    except ImportError as error:
        raise UserError(f'--corpus {spec}: needs the library datasets. `pip install "impossible-lms[hub]"`.') from error
    _, name, config, split = [*spec.split(":"), "", ""][:4]
    try:
        with cache_if_offline():
            configs = [config] if config else datasets.get_dataset_config_names(name)
            found = [datasets.load_dataset(name, each, split=split or "train") for each in configs]
        for rows in found:
            for row in rows:
                yield [str(row[field]) for field in FIELDS]
    except Exception as error:  # network, cache, name and field faults have no common class below Exception
        raise UserError(f"--corpus {spec}: cannot be read ({str(error).strip().split(chr(10))[0]}).") from error
