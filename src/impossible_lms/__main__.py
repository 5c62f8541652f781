"""`python -m impossible_lms` is `impossible`."""

from impossible_lms.cli import main

main()
