"""What somebody's code has raised, in a line that names the place."""

from __future__ import annotations

import traceback
from pathlib import Path

_OURS = __name__.partition(".")[0]


def raised(error: BaseException) -> str:
    """Return an exception's type and message, and in parentheses the file and line of whoever was called.

    That is the innermost frame of the first package on the way, from where it was caught, that is not asc's own: where
    numpy raises within a predictor, it is the predictor's line. There is none where asc alone was on the way.
    """
    told, package, place = f"{type(error).__name__}: {' '.join(str(error).split())}", "", ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        home = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if home != _OURS and package in ("", home):
            package, place = home, f" ({Path(frame.f_code.co_filename).name}, line {line})"
    return told + place
