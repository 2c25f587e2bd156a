"""What killed processes leave behind: temporary files and folders, and folders of runs that never began."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asc.errors import AscError
from asc.records.lock import LOCK, exclusive

OLD_S = 86_400.0
"""Seconds after the last change of a file or folder from which on it can be a leftover."""

_RUN = re.compile(r"\d{4}-\d\d-\d\dT\d{6}-.+-[0-9a-f]{4}")


def temporary_name(name: str) -> str:
    """Return the name under which this process writes a file or folder before it is complete."""
    return f".{name}.{os.getpid()}.tmp"


def sweep(folder: Path, beginning: str = ".") -> None:
    """Remove temporary files and folders of this user whose names begin like this, once they are old.

    Those of a process that lives stay. A folder also stays while a process has locked it with `exclusive`.
    """
    pattern = re.compile(rf"{re.escape(beginning)}.+\.(\d+)\.tmp")
    for path, found in _old(folder, pattern):
        if _lives(int(found[1])):
            continue
        with suppress(OSError, AscError):
            if path.is_dir():
                with exclusive(path):
                    shutil.rmtree(path)
            else:
                path.unlink()


def sweep_runs(out: Path) -> None:
    """Remove folders of runs that never began: old ones that hold nothing but a lock and temporary files."""
    for folder, _ in _old(out, _RUN):
        with suppress(OSError, AscError):
            if not _is_empty(folder):
                continue
            with exclusive(folder):
                sweep(folder)
                if _is_empty(folder):
                    (folder / LOCK).unlink()
                    folder.rmdir()


def _is_empty(folder: Path) -> bool:
    return all(name == LOCK or name.endswith(".tmp") for name in os.listdir(folder))


def _old(folder: Path, pattern: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
    """Yield what has such a name, is old, and belongs to this user; no links."""
    user, limit = os.getuid() if sys.platform != "win32" else 0, time.time() - OLD_S
    try:
        named = [(folder / name, found) for name in os.listdir(folder) if (found := pattern.fullmatch(name))]
    except OSError:
        return
    for path, found in named:
        with suppress(OSError):
            about = path.lstat()
            if about.st_mtime < limit and about.st_uid == user and not stat.S_ISLNK(about.st_mode):
                yield path, found


def _lives(process: int) -> bool:
    """Whether a process lives, as far as this system can say. This process has no leftovers of its own."""
    if process == os.getpid():
        return False
    if sys.platform == "win32":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is another user's
        pass
    return True
