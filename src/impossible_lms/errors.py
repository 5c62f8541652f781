"""UserError: what went wrong, where, and what to do about it, in one line; Interrupted and `stop`: on request."""

import re
import sys
from collections.abc import Sequence
from typing import NoReturn

INTERRUPTED = 130  # exit code, as after Ctrl-C in any shell; typer gives it back too
LONGEST = 2000  # signs of a message: what a file holds may stand in it
_BREAKS = re.compile(r"\s*[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]\s*")
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def in_one_line(message: str) -> str:
    """A message as it can be shown: no breaks of lines, what no terminal should be sent escaped, its middle cut out.

    Values from files stand in messages, and may be anything: a megabyte, codes that move a terminal's cursor.
    """
    line = _NOT_SHOWN.sub(lambda found: ascii(found[0])[1:-1], _BREAKS.sub(" ", message.strip()))
    if len(line) > LONGEST:
        line = f"{line[: LONGEST * 2 // 3]} [...] {line[-LONGEST // 4 :]}"
    return line


class UserError(Exception):
    """A fault the user can mend: bad input, a missing file, an artefact that does not fit.

    The message is one line that names the file, line, field or flag at fault and says what to do. The command line
    prints it without a traceback and exits with code 2; so does a notebook.
    """

    def __init__(self, message: str) -> None:
        super().__init__(in_one_line(message))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"error: {self}"]


class UserErrors(UserError):  # noqa: N818 - several of them
    """Several such faults at once; each of `faults` is one line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(in_one_line(fault) for fault in faults)

    def _render_traceback_(self) -> list[str]:
        return [f"error: {fault}" for fault in self.faults]


class Interrupted(Exception):  # noqa: N818 - no error
    """Long work was asked to stop and has saved what it needs to go on. The message says how."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: it was asked for, and is no error."""
        return [str(self)]


def stop(message: str) -> NoReturn:
    """End this process because it was asked to: the message on stderr, exit code 130."""
    print(message, file=sys.stderr)  # it was asked for, and is no error
    # Where an interrupt passed an `exec` on its way, as of a dataclass that was being made, CPython ends `python -m` by
    # a SIGINT to itself instead of with this exit code, unless another `exec` has come since.
    exec("")  # noqa: S102
    sys.exit(INTERRUPTED)
