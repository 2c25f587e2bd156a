"""The command that resumes a run or a study, and where it is told after a second Ctrl-C."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from asc.config.layers import from_record


def command_line(files: Sequence[Path], *words: str, start: Sequence[str] = ("asc",)) -> str:
    """Return a command as it is typed into a shell, with the plugin files that this command was given."""
    return shlex.join([*start, *words, *(part for file in files for part in ("--plugin", str(file)))])


def given_again(config_class: type[BaseModel], config: Mapping[str, Any]) -> list[str]:
    """Return the options that resuming takes, since these settings are not taken from the record."""
    _, again = from_record(config_class, config)
    return [part for name, value in again.items() for part in ("--set", f"{name}={value}")]


def interrupted(error: KeyboardInterrupt, remedy: str) -> KeyboardInterrupt:
    """Return a second Ctrl-C with the sentence that says what to do next, after the one that says what it ended."""
    return KeyboardInterrupt(f"{str(error) or 'interrupted'}. {remedy}")
