"""UserError: what went wrong, where, and what to do about it, in one line; Interrupted: stopped on request."""


class UserError(Exception):
    """A fault the user can mend: bad input, a missing file, an artefact that does not fit.

    The message is one line that names the file, line, field or flag at fault and says what to do. The command line
    prints it without a traceback and exits with code 2.
    """


class Interrupted(Exception):  # noqa: N818 - no error
    """Long work was asked to stop and has saved what it needs to go on. The message says how."""
