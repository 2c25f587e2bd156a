"""The command line: `asc run`, `advise`, `plugins`, `explain`, `new`, `runs`, `report` and more."""

from __future__ import annotations

import gc

_collecting = gc.isenabled()
gc.disable()
from asc.cli.main import main  # noqa: E402 - between the two halves of what makes it quick

gc.freeze()  # what was imported stays: neither now nor at the end is it to be searched for garbage
if _collecting:
    gc.enable()

__all__ = ["main"]
