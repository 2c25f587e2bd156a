"""`python -m asc`: the command, where its script is not on the path."""

from asc.cli import main

main()
