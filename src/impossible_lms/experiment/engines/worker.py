"""A process of the local engine: does the tasks whose names come in, one at a time, and says how each ended.

Names come on stdin, a line each; answers go to stdout, a line of JSON each. When stdin closes, because the engine
wants it or is no more, the task at hand is asked to stop as by SIGTERM.
"""

import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from queue import Queue

from impossible_lms.experiment.work import ended, log_file


def main(folder: Path) -> None:
    """Do tasks of the experiment in `folder` until stdin ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    names: Queue[str | None] = Queue()
    busy = threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            names.put(line.strip())
        names.put(None)
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=listen, daemon=True).start()
    signal.signal(signal.SIGTERM, _interrupt)
    while (name := names.get()) is not None:
        busy.set()
        _redirect(log_file(folder, name))
        answer = ended(folder, name)
        busy.clear()
        print(json.dumps(asdict(answer)), file=answers, flush=True)


def _interrupt(number: int, frame: object) -> None:
    """As Ctrl-C: what is not whole yet is removed; training has its own way to stop."""
    raise KeyboardInterrupt


def _redirect(log: Path) -> None:
    """All that this process says from now on goes to `log`, after what is there."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
