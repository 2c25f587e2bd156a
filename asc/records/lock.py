"""One process at a time in the folder of a run or a study: two would write the same files."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asc.errors import AscError

LOCK = ".lock"  # a file that stays; only who holds its lock works in the folder
_POLL_S = 0.05
_BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What file systems without locks answer; a run takes place there all the same."""
_held: set[int] = set()  # descriptors


class LockedError(AscError):
    """Another process is working in the folder."""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go() -> None:
        while _held:
            os.close(_held.pop())

    os.register_at_fork(after_in_child=_let_go)  # a worker that outlives a kill must not keep the folder locked


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock a folder, which is created if it is missing. Raises LockedError if another process has locked it.

    The operating system releases the lock if the process dies. Raises AscError if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise AscError(
            f"{str(folder)!r} cannot be locked for a run or a study ({error.strerror}); make room on the disk, or name "
            "a folder that can be written."
        ) from error
    _held.add(descriptor)
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _BUSY:
                raise LockedError(
                    f"Another process is working in {folder}. Wait until it has ended, or name another folder."
                ) from error
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        if descriptor in _held:  # a fork closes its own
            _held.discard(descriptor)
            os.close(descriptor)


def discard_unused(folder: Path) -> None:
    """Remove a folder that holds nothing, or nothing but its lock."""
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
        folder.rmdir()  # fails where there is something in it


def wait_until_free(folder: Path, seconds: float) -> None:
    """Wait until no process has locked a folder, or until this time is over."""
    end = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < end:
        with suppress(LockedError), exclusive(folder):
            return
        time.sleep(_POLL_S)
