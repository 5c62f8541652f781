"""UserError: what went wrong, where, and what to do about it, in one line; Interrupted: stopped on request."""

from collections.abc import Sequence


class UserError(Exception):
    """A fault the user can mend: bad input, a missing file, an artefact that does not fit.

    The message is one line that names the file, line, field or flag at fault and says what to do. The command line
    prints it without a traceback and exits with code 2.
    """


class UserErrors(UserError):  # noqa: N818 - several of them
    """Several such faults at once; each of `faults` is one line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)


class Interrupted(Exception):  # noqa: N818 - no error
    """Long work was asked to stop and has saved what it needs to go on. The message says how."""
