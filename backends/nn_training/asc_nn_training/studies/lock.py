"""One process at a time in a folder, since two would write the same journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from asc.errors import AscError


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock a folder, which is created if it is missing. Raises AscError if another process has locked it.

    The lock is the file `.lock` in the folder. The operating system releases it if the process dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AscError(
            f"Another process is working in {folder}. Wait until it has ended, or give another folder with --out."
        ) from error
    try:
        yield
    finally:
        lock.release()


def wait_until_free(folder: Path, seconds: float) -> None:
    """Wait until no process has locked a folder, or until this time is over."""
    if folder.exists():
        with suppress(Timeout), _lock(folder).acquire(timeout=seconds):
            pass


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / ".lock")
