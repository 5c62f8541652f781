"""What it costs to prove that a file is what it was: seconds a gigabyte, the first time a process reads it and after.

`python -m benchmarks.proof [--gigabytes 1] [--folder DIR]` writes a file of noise, and compares it with its hash as
every command does before it reads (`files.verify_files`): once, and a thousand times more. Processor time stands beside
the clock, for a busy machine stretches the latter.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from impossible_lms.files import read_manifest, verify_files, write_manifest

PIECE = 64 << 20  # bytes
AGAIN = 1000  # times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--folder", default=None, help="where the file goes; the usual place of temporary files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        left = round(arguments.gigabytes * 1e9)
        with (folder / "noise").open("wb") as file:
            while left > 0:
                left -= file.write(os.urandom(min(PIECE, left)))
        write_manifest(folder, "noise", {})
        os.utime(folder / "noise")  # what is known of it is forgotten
        time.sleep(2.5)  # a hash of a file that has only just been written is not kept
        manifest = read_manifest(folder, "noise")
        wall, processor = timed(lambda: verify_files(folder, manifest))
        again = [timed(lambda: verify_files(folder, manifest)) for _ in range(AGAIN)]
    size = arguments.gigabytes
    print(f"first: {wall / size:.2f} s a gigabyte, {processor / size:.2f} s of processor time")
    print(
        f"again in the same process: {1e6 * sum(wall for wall, _ in again) / AGAIN:.0f} microseconds, whatever its size"
    )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
