"""The tests run from a checkout as well as against the installed package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
