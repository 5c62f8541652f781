"""Serving the explorer: from a command on this machine, or as a Space."""

import errno
import os
import socket
from typing import Any

from impossible_lms.errors import UserError

LOOPBACK = "127.0.0.1"
FIRST_PORT, PORTS = 7860, 100
GET = "Get it: pip install 'impossible-lms[explorer]'"
AT_ONCE = 40  # threads that answer
TRIES = 5  # to begin at a port that was free when it was looked for


def launch(given: Any, *, host: str = LOOPBACK, port: int | None = None, browser: bool = False) -> tuple[Any, str]:
    """Start serving what was given, in threads of this process; the page's `Blocks` and its address.

    UserError where Gradio is not there, or the port is taken.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported, and later
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise UserError(f"explore: needs Gradio. {GET}") from error
    from impossible_lms.explorer.page import blocks, looks

    page = blocks(given)
    for tried in range(TRIES):
        try:
            _, url, _ = page.launch(
                server_name=host,
                server_port=_free(host, port),
                inbrowser=browser,
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                max_threads=AT_ONCE,
                **looks(),
            )
            break
        except OSError as error:  # another process has taken it meanwhile
            if tried == TRIES - 1:
                raise UserError(f"--host {host}: {' '.join(str(error).split())}") from error
    return page, url


def _free(host: str, port: int | None) -> int:
    """The port asked for, or the first that is free from FIRST_PORT on; UserError where there is none."""
    for each in range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else (port,):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, each))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise UserError(f"--host {host}: {error.strerror}. Name an address of this machine.") from error
                if port is not None:
                    raise UserError(
                        f"--port {port} at {host}: {error.strerror}. Name another, or leave it out."
                    ) from error
                continue
            return each
    raise UserError(f"--host {host}: no free port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1}. Name one with --port.")
