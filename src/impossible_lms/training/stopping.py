"""Stopping: Ctrl-C, SIGTERM and a closed terminal let a step end; a second signal does not wait."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that is no longer empty once a signal came; the second one raises KeyboardInterrupt."""
    received: list[int] = []

    def remember(number: int, frame: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt

    # Only the main thread may handle signals; elsewhere whoever started the thread does.
    handled = HANDLED if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, remember) for number in handled}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
