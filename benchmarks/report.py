"""What a report costs in processor time: a new one, and the same command once more; here, and in another tree.

`python -m benchmarks.report SOURCE ... [--against TREE]` writes the report of the sources (an experiment's file or
folder, runs) in fresh processes, in turns with the code of the other tree, and prints each side's best.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.languages import print_machine

HERE = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--against", type=Path, help="the folder of another clone")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print_machine()
    trees = [HERE, *([arguments.against] if arguments.against else [])]
    taken: dict[Path, list[tuple[float, float]]] = {tree: [] for tree in trees}
    for _ in range(arguments.rounds):
        for tree in trees:
            with tempfile.TemporaryDirectory() as folder:
                page = Path(folder) / "report.html"
                taken[tree].append((seconds(tree, arguments.sources, page), seconds(tree, arguments.sources, page)))
    print("\n| tree | a new report | once more |\n| --- | ---: | ---: |")
    for tree, rounds in taken.items():
        new, again = (min(each) for each in zip(*rounds, strict=True))
        print(f"| {tree.name} | {new:.2f} s | {again:.2f} s |")


def seconds(tree: Path, sources: list[str], page: Path) -> float:
    """The seconds of a processor that `impossible report` takes, from the start of its process to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "-m", "impossible_lms", "report", *sources, "--output", str(page)]
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
