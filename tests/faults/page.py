"""The table of docs/reliability.md: fault, times tried, survived, what a user sees; from what the suite wrote."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
NAMES = {
    "kill": "SIGKILL at a random instant, often several times: the process, its helpers, or all",
    "stop": "Ctrl-C or SIGTERM at a random instant",
    "operation": "the N-th write, rename or fsync fails, N at random",
    "quota": "no file may be longer than a random size",
    "full": "the disk is full at a random place",
    "read-only": "the disk can only be read",
    "twice": "the same command twice at once",
    "shared": "two to ten experiments on one store at once, which ask for the same",
    "elsewhere": "killed with its machine; another one goes on, two days later",
    "vanished": "what it reads is moved away at a random instant",
    "changed": "a file of what it reads is damaged at a random instant, and put back once it has ended",
    "refused": "a hub refuses requests, or the connection ends before or after it did what it was asked",
    "restarted": "a hub's server is killed at a random request, often several times, and started again",
    "clients": "two publish to one hub at once: the same run, to two names, two runs, and two runs to one name",
    "read": "`inspect`, `status`, `store` and `report` look again and again while it is written",
    "odd": "no home, or none to write to, ASCII, a time zone ahead, odd paths, no temporary folder, one core",
    "clock": "killed; when it goes on, the clock is a year off",
}


def write_page(page: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write the table anew, between its marks."""
    text = page.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    page.write_text(f"{text[:start]}\n{table(lines)}\n{text[end:]}", encoding="utf-8")


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """A row a kind of fault."""
    rows = ["| fault | stages | tried | survived | what is seen, most often |", "| --- | --- | ---: | ---: | --- |"]
    for kind, name in NAMES.items():
        mine = [
            line for line in lines if line["kind"] == kind and not str(line.get("seen", "")).startswith("not tried")
        ]
        if not mine:
            continue
        seen = Counter(_plain(str(line["seen"])) for line in mine if "seen" in line)
        stages = ", ".join(f"{stage} {many}" for stage, many in sorted(Counter(line["stage"] for line in mine).items()))
        common = seen.most_common(1)[0][0] if seen else ""
        held = sum("fault" not in line for line in mine)
        rows.append(f"| {name} | {stages} | {len(mine)} | {held} | {common} |")
    seeds = [line["seed"] for line in lines]
    rows += ["", f"Seeds {min(seeds)} to {max(seeds)}, {len(lines)} trials." if seeds else ""]
    return "\n".join(rows)


def _plain(seen: str) -> str:
    """A message without the names of this trial's folder and numbers."""
    seen = re.sub(r"/\S*/(?:tried/[^/\s]+|disk-\w+/work)/", "", seen)
    seen = re.sub(r"\.part-\S+", ".part-…", seen)
    seen = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1", seen)
    seen = re.sub(r"process [0-9]+ on \S+ since [0-9:]+", "process … on … since …", seen)
    return f"`{seen}`" if seen.startswith("error:") else seen
