"""`python -m reprise` is the command line."""

from reprise.cli import main

main()
