"""`python -m asc`: the command, where its script is not on the path."""

import os
import sys

if sys.path[:1] == [os.getcwd()]:  # Python looks there first; a `queue.py` of the user must not replace Python's own
    sys.path.append(sys.path.pop(0))

from asc.cli import main

main()
