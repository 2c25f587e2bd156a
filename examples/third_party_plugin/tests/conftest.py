"""The tests run from a checkout as well as against the installed package."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
