"""The command line: `asc run`, `advise`, `plugins`, `explain`, `new`, `runs`, `report` and more."""

from __future__ import annotations

import gc

_collecting = gc.isenabled()
gc.disable()  # nothing of what is imported is garbage
try:
    from asc.cli.main import main
finally:
    if _collecting:
        gc.enable()

__all__ = ["main"]
