"""Where a folder is, also after it was renamed."""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path


class Place:
    """A folder that is held open, so that it is known again under another name.

    A folder that cannot be opened is taken to stay where it is, as on Windows, which has no way to open one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return
        weakref.finalize(self, os.close, self._descriptor)

    def now(self) -> Path | None:
        """Return where the folder is now; None where it was removed, or where the system does not know."""
        if self._descriptor is None or self._is_at(self.path):
            return self.path
        renamed = _name_of(self._descriptor)
        if renamed is None or not self._is_at(renamed):
            return None
        self.path = renamed
        return renamed

    def _is_at(self, path: Path) -> bool:
        assert self._descriptor is not None
        try:
            return os.path.samestat(os.fstat(self._descriptor), path.stat())
        except OSError:
            return False


if sys.platform == "darwin":
    import fcntl

    def _name_of(descriptor: int) -> Path | None:
        name = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
        return Path(os.fsdecode(name.rstrip(b"\0")))

else:

    def _name_of(descriptor: int) -> Path | None:
        try:
            return Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            return None
