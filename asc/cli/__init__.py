"""The command line: `asc run`, `advise`, `plugins`, `explain`, `runs`, `report`."""

from __future__ import annotations

from asc.cli.main import main

__all__ = ["main"]
