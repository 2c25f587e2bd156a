"""One process at a time in a folder: two would write one journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from asc.errors import AscError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is missing; a process that dies lets go. Raises AscError where it is held.

    The lock is a file beside the others, `.lock`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AscError(
            f"Another process is at work in {folder}. Wait until it has ended, or name another folder with --out."
        ) from error
    try:
        yield
    finally:
        lock.release()
