"""The command that resumes a run or a study."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path


def command_line(files: Sequence[Path], *words: str, start: Sequence[str] = ("asc",)) -> str:
    """Return a command as it is typed into a shell, with the plugin files that this command was given."""
    return shlex.join([*start, *words, *(part for file in files for part in ("--plugin", str(file)))])
