"""What it takes to resume a run or a study: the right version of asc, and the command to type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asc
from asc.errors import AscError


def require_version(what: str, record: Mapping[str, Any]) -> None:
    """Raise AscError where another minor version of asc made the record; `what` is its subject, "The run x"."""
    version = str(record.get("asc_version") or asc.__version__)
    if version.split(".")[:2] != asc.__version__.split(".")[:2]:
        raise AscError(
            f"{what} was made by asc {version}, and this is asc {asc.__version__}, which has other settings and "
            f"checkpoints. Use asc {version} for it, or start a new one with this version."
        )


def command_line(files: Sequence[Path], *words: str, start: Sequence[str] = ("asc",)) -> str:
    """Return a command as it is typed into a shell, with the plugin files that this command was given."""
    return shlex.join([*start, *words, *(part for file in files for part in ("--plugin", str(file)))])
