"""Records changed as only one who writes them can: sealed again afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from impossible_lms.files import read_record, write_record


def resealed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let `change` have its way with the record in a file."""
    record = read_record(path, {}, "")
    change(record)
    write_record(path, record)
