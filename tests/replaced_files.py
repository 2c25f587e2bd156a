"""What a user, or another program, can put in the place of a file: a pipe, a folder, a link that leads nowhere."""

from __future__ import annotations

import os
from pathlib import Path


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")
