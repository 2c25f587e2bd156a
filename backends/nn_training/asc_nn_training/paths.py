"""Paths among the settings are absolute, so that a record of them means the same from any folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def absolute(path: Path) -> Path:
    """Return the absolute path; `~` is the home folder. Raises ValueError if that or the current folder is missing."""
    found = Path(os.path.expanduser(path))
    if found.parts[:1] == ("~",):
        raise ValueError("~ stands for the home folder, and this user has none; give an absolute path")
    try:
        return Path(os.path.abspath(found))
    except FileNotFoundError as error:
        raise ValueError(
            "it is relative to the current folder, which no longer exists; give an absolute path"
        ) from error


def absolute_if_there(name: str) -> str:
    """Return the absolute path of a file or folder; a name that is none, such as one on the hub, stays as it is."""
    path = absolute(Path(name)) if name else Path()
    return str(path) if name and path.exists() else name


AbsolutePath = Annotated[Path, AfterValidator(absolute)]
"""A path in settings, which is made absolute when it is validated."""
