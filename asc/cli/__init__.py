"""The command line: `asc run`, `advise`, `plugins`, `explain`, `new`, `runs`, `report` and more."""

from __future__ import annotations

import gc
import sys

_collecting = gc.isenabled()
gc.disable()  # nothing of what is imported is garbage
try:
    from asc.cli.main import main
except KeyboardInterrupt:  # nothing has begun yet, and no command is there to say so
    sys.stderr.write("\nstopped: interrupted\n")
    raise SystemExit(130) from None
finally:
    if _collecting:
        gc.enable()

__all__ = ["main"]
