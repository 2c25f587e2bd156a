"""The command that resumes a run or a study, and where it is told after a second Ctrl-C."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path


def command_line(files: Sequence[Path], *words: str, start: Sequence[str] = ("asc",)) -> str:
    """Return a command as it is typed into a shell, with the plugin files that this command was given."""
    return shlex.join([*start, *words, *(part for file in files for part in ("--plugin", str(file)))])


def interrupted(error: KeyboardInterrupt, remedy: str) -> KeyboardInterrupt:
    """Return a second Ctrl-C with the sentence that says what to do next, after the one that says what it ended."""
    return KeyboardInterrupt(f"{str(error) or 'interrupted'}. {remedy}")
