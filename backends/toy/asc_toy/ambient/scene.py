"""One run of a step in one thread, and what the step does there that is no function of its state."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from asc_toy.ambient.origin import Origin, is_machinery
from asc_toy.ambient.sources import REMEDIES, Kind

_LOADING: Final = ("importlib.", "zipimport", "linecache", "torch._dynamo", "torch._inductor", "numba.core")
"""Modules that read files once, and compute the same whenever they do it."""

_TOLERATED: Final = frozenset({"thread", "output", "identity"})
"""In a first step, which happens once, as in the user's own loop."""

_SLEEP: Final = "asyncio.tasks.sleep"
_LOOP: Final = "asyncio.base_events.BaseEventLoop.run_until_complete"

_TELLING: Final = {"logging": "logs a message", "warnings": "warns"}


class ImpureError(BaseException):
    """A step did, or was about to do, what a superstep that is run twice or skipped must not do.

    The message says what: "the step prints (prices.py, line 12)". `changed` says whether something beside the state
    has changed in this process. It is no `Exception`, so a step that catches exceptions does not catch this one.
    """

    def __init__(self, does: str, changed: bool = False) -> None:
        super().__init__(does, changed)
        self.does, self.changed = does, changed

    def __str__(self) -> str:
        return f"the step {self.does}"


class Watched:
    """What a run must see all uses of, such as the state. A query may not get it."""

    __slots__ = ()


class Scene:
    """A step runs, called by the frame `boundary`. With `raises`, ImpureError stops what must not happen."""

    def __init__(self, boundary: FrameType | None, origin: Origin, *, raises: bool) -> None:
        self.found = self.advice = ""  # the first thing that was noticed
        self.is_profiled = False  # whether Python's profiler tells this scene of calls
        self._boundary, self._origin, self._raises = boundary, origin, raises

    def notice(self, kind: Kind, does: str, frame: FrameType | None, *, by_name: bool = True) -> None:
        """Take notice of what the code in a frame is about to do; `by_name`: name the library's function instead."""
        caller = self._caller(frame)
        if caller is None or (kind == "identity" and caller.through):
            return
        if kind == "clock" and (caller.through == _SLEEP or (caller.through == _LOOP and not caller.place)):
            return  # an event loop asks when it is to go on, and tells nobody
        if not self._raises and (
            kind in _TOLERATED or caller.telling or (kind == "clock" and caller.through) or caller.is_ours
        ):
            return
        if caller.telling:
            does = caller.telling
        elif caller.through and kind in ("clock", "chance") and by_name:
            does = f"calls {caller.through}"
        if not self.found:
            self.found, self.advice = f"{does}{caller.place}", REMEDIES[kind]
        if self._raises:
            raise ImpureError(self.found)

    def reach_once(self) -> None:
        """Stop a superstep before a stretch that only the main thread's own step may do. Raises ImpureError."""
        if self._raises:
            self.found = self.found or "reaches a stretch that only the main thread may do, `state.once()`"
            raise ImpureError(self.found)

    def _caller(self, frame: FrameType | None) -> _Caller | None:
        """Return who runs the code in a frame; None where that is not the step, or the step imports a module."""
        place = through = telling = ""
        is_ours, callbacks = False, _callbacks_of_collector()
        while frame is not self._boundary:
            if frame is None:
                return None  # the step has ended
            if frame.f_code in callbacks:
                return None  # which Python calls wherever it happens to collect garbage
            name = str(frame.f_globals.get("__name__", ""))
            if place:
                pass
            elif name.startswith(_LOADING):
                return None
            elif self._origin.is_users_code(frame.f_code, name):
                place = f" ({Path(frame.f_code.co_filename).name}, line {frame.f_lineno})"
            elif is_machinery(name):
                is_ours = True
            else:
                through = f"{name}.{frame.f_code.co_qualname.removesuffix('.__init__')}"
                telling = telling or _TELLING.get(name.partition(".")[0], "")
            frame = frame.f_back
        return _Caller(place, through, telling, is_ours and not place) if place or through else None


def _callbacks_of_collector() -> set[object]:
    functions = (getattr(callback, "__func__", callback) for callback in gc.callbacks)
    return {getattr(function, "__code__", None) for function in functions}


class _Caller(NamedTuple):
    """Who does something."""

    place: str  # in the user's code
    through: str  # the function of a library that the user's code calls
    telling: str  # what a library does that tells people something
    is_ours: bool  # whether this project calls the library


_local = threading.local()


def current() -> Scene | None:
    """Return what runs in this thread."""
    scene: Scene | None = getattr(_local, "scene", None)
    return scene


def enter(scene: Scene | None) -> None:
    """Make a scene the one that runs in this thread."""
    _local.scene = scene


@contextmanager
def unwatched() -> Iterator[None]:
    """Let happen what nothing is to take notice of: a query, or what a step does once."""
    scene = current()
    if scene is None:
        yield
        return
    profiler = sys.getprofile() if scene.is_profiled else None
    enter(None)
    if profiler is not None:
        sys.setprofile(None)
    try:
        yield
    finally:
        if profiler is not None:
            sys.setprofile(profiler)
        enter(scene)


def once() -> AbstractContextManager[None]:
    """Begin a stretch that happens once, in a step of the main thread. Raises ImpureError in a tracked superstep."""
    scene = current()
    if scene is not None:
        scene.reach_once()
    _local.stretches = stretches() + 1
    return unwatched()


def stretches() -> int:
    """Return how many stretches that happen once have begun in this thread."""
    return getattr(_local, "stretches", 0)
