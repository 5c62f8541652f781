"""`impossible` and `python -m impossible_lms`: the command line, which Ctrl-C may also end while it is being loaded."""

from impossible_lms.errors import stop


def main() -> None:
    """Load the command line and run it."""
    try:
        from impossible_lms.cli import main as run
    except KeyboardInterrupt:
        stop("interrupted.")
    run()


if __name__ == "__main__":
    main()
