"""Metrics of a run, one line a step: each line carries a hash of itself and the line before, so that damage shows."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from impossible_lms.documents import parsed_json
from impossible_lms.errors import UserError

CHECK = "check"  # of a line: the hash of the line before's, and of its own values
DIGITS = 16
MEND = "Remove the file: the run then has no metrics of the steps before."


def line_of(values: Mapping[str, Any], before: str) -> tuple[str, str]:
    """The line of a step's values, and its check; `before` is the last line's, or the identity of the run."""
    check = _check(values, before)
    return json.dumps({**values, CHECK: check}) + "\n", check


def lines_of(path: Path, run: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The lines of a run's metrics, each with its check and its values; a last one that was cut off is none.

    UserError names the first that is not as it was written.
    """
    *whole, _ = path.read_bytes().split(b"\n")
    check, step = run, 0
    for number, line in enumerate(whole, 1):
        try:
            text = line.decode()
            values = parsed_json(text)
            found = values.pop(CHECK)
            if found != _check(values, check) or values["step"] <= step:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{path} line {number}: damaged, of another run or of an earlier version. {MEND}") from None
        check, step = found, values["step"]
        yield f"{text}\n", found, values


def _check(values: Mapping[str, Any], before: str) -> str:
    return hashlib.sha256(f"{before}{json.dumps(values)}".encode()).hexdigest()[:DIGITS]
