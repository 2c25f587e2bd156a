"""A disk that fails: from a chosen event on, everything that happens to a folder and its files goes wrong.

    with DISK.failing(folder, "torn", due):
        ...  # the first event for which `due` is true, and all after it, raise Killed

Events are those that Python audits: a file is opened to be written, renamed or removed, or a folder is made or removed.
"""

from __future__ import annotations

import errno
import gc
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

How = Literal["killed", "torn", "full"]
"""Killed before an event; killed while a file that was opened is half written; the disk is full from an event on."""

HOWS: tuple[How, ...] = ("killed", "torn", "full")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
_FOLDER = {"os.remove": 1, "os.mkdir": 2, "os.rmdir": 1}
"""Where the arguments of an event have the descriptor of the folder that a path is relative to."""


class Killed(BaseException):
    """What no code catches."""


class Event(NamedTuple):
    """What is about to happen to a file or folder."""

    kind: str
    path: Path
    truncates: bool = False


Due = Callable[[Event], bool]


class Disk:
    """Watches one folder at a time. Between two tests it watches none."""

    def __init__(self) -> None:
        self._folder = ""
        self._due: Due = lambda _: False
        self._how: How = "killed"
        self.failed = False
        self._torn: tuple[Path, int] | None = None  # the file that is half written, and its size before

    @contextmanager
    def failing(self, folder: Path, how: How, due: Due) -> Iterator[None]:
        """Within, fail from the first event below the folder for which `due` is true; see `failed` afterwards."""
        self._due, self._how, self.failed, self._torn = due, how, False, None
        self._folder = str(folder)
        try:
            yield
        finally:
            self._folder = ""
            self._leave_torn()

    def _leave_torn(self) -> None:
        if self._torn is not None and self.failed:
            _cut(*self._torn)

    def watch(self, kind: str, arguments: tuple[Any, ...]) -> None:
        """Look at one audit event of Python."""
        if not self._folder:
            return
        writes = kind == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if not writes and kind not in _EVENTS:
            return
        path = _path(kind, arguments)
        if path is None or not (path == self._folder or path.startswith(self._folder + os.sep)):
            return
        if not self.failed and self._torn is None:
            truncates = bool(writes and arguments[2] & os.O_TRUNC)
            if not self._due(Event(kind, Path(path), truncates)):
                return
            if writes and self._how == "torn":
                size = os.path.getsize(path) if os.path.exists(path) and not truncates else 0
                self._torn = Path(path), size
                return
        self.failed = True
        raise OSError(errno.ENOSPC, "No space left on device") if self._how == "full" else Killed


def _path(kind: str, arguments: tuple[Any, ...]) -> str | None:
    given = arguments[0]
    if not isinstance(given, str | os.PathLike):
        return None
    folder = arguments[_FOLDER[kind]] if kind in _FOLDER else -1
    above = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 and os.path.isdir("/proc/self/fd") else ""
    return os.path.abspath(os.path.join(above, given))


def _cut(path: Path, before: int) -> None:
    """Leave half of what was written."""
    if path.is_file():
        os.truncate(path, (before + path.stat().st_size) // 2)


def close_what_was_left_open() -> None:
    """Close the files of killed code, as the end of its process does; Python warns about each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Countdown:
    """Is due after so many events."""

    def __init__(self, events: int) -> None:
        self.left = events

    def __call__(self, event: Event) -> bool:
        """Count one event."""
        self.left -= 1
        return self.left < 0


class Once:
    """Is due at each event that it has not met before, so that what is tried again and again comes to its end.

    An event is known by its kind, and by the names of the file and of its folder, in which digits do not count: they
    may be those of a process or of a checkpoint. What is appended to a file is known by the size of the file, too. What
    is torn, or lacks room, is a file that is opened.
    """

    def __init__(self, how: How) -> None:
        self.met = set[tuple[str, str, int]]()
        self._how = how

    def __call__(self, event: Event) -> bool:
        """Whether this event is new."""
        if self._how != "killed" and event.kind != "open":
            return False
        appended = event.kind == "open" and not event.truncates and event.path.is_file()
        size = event.path.stat().st_size if appended else 0
        known = len(self.met)
        named = os.path.join(event.path.parent.name, event.path.name)
        self.met.add((event.kind, re.sub(r"\d+", "#", named), size))
        return len(self.met) > known


DISK = Disk()
sys.addaudithook(DISK.watch)  # there is no way to remove it; without a folder it does nothing
