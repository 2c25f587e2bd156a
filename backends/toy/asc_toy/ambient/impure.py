"""What a step may not do where it is run twice or skipped: ask clocks, files and chance, change its surroundings, show.

`observed` finds it in a first step, which it lets happen. `isolated` stops it in a tracked superstep.

Python's profiler reports calls of built-in functions, and makes every call slower. So a process that only runs
supersteps is guarded instead (`guard_process`), and is profiled only where the code holds such a function in a way that
escapes the guard: as a name of its own, or as a method such as `datetime.now`. In any other process, a superstep is
profiled where its code, or a library that it calls, may do such a thing.
"""

from __future__ import annotations

import datetime
import dis
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

from asc_toy.ambient.generators import objects
from asc_toy.ambient.guard import is_guarded
from asc_toy.ambient.origin import Origin
from asc_toy.ambient.reach import Reach
from asc_toy.ambient.scene import ImpureError, Scene, current, enter
from asc_toy.ambient.sources import NOW, STREAM_CALLS, Kind, is_stream, names, source_of
from asc_toy.ambient.watch import Watch

_DEVICES: Final[Mapping[str, tuple[Kind, str]]] = {
    **dict.fromkeys(("_socket", "socket", "_ssl", "ssl"), ("file", "uses the network")),
    **dict.fromkeys(("_sqlite3", "sqlite3"), ("file", "asks a database")),
    "_posixsubprocess": ("file", "starts a process"),
}
"""By the module of a function, or of the class of a method."""

_DEVICE_CALLS: Final = frozenset(
    {
        *("accept", "bind", "connect", "recv", "recv_into", "send", "sendall", "sendto"),
        *("execute", "executemany", "fork_exec"),
    }
)
_DRAWS: Final = frozenset({"random", "getrandbits", "seed", "setstate"})
_LOOKED_AT: Final = frozenset(names()) | NOW | STREAM_CALLS.keys() | _DEVICE_CALLS | _DRAWS
_SHOWN: Final = "__warningregistry__"
_UNPACKED_CALL: Final = dis.opmap["CALL_FUNCTION_EX"]
_SEED: Final = random.Random.seed.__code__
_CURRENT_THREAD: Final = threading.current_thread.__code__


def observed(call: Callable[[], object], watch: Watch | None = None) -> str:
    """Run a first step; return what it did that no state decides, as a sentence with its place and advice, or "".

    `watch` tells whose code counts as the user's; otherwise all that is not installed does.
    """
    scene = Scene(sys._getframe(), Origin() if watch is None else watch.reach.origin, raises=False)
    with _entered(scene, profiled=True):
        call()
    found, advice = scene.found, scene.advice
    del scene  # it and this frame hold each other, and so everything that the callers hold
    return found and f"the step {found}: {advice}"


@contextmanager
def isolated(watch: Watch) -> Iterator[None]:
    """Run a tracked superstep, in any thread. Raises ImpureError where it does more than to change its state."""
    if before := watch.compared():
        raise ImpureError(before, changed=True)
    if elsewhere := watch.is_elsewhere():
        raise ImpureError(elsewhere)
    reach = watch.reach
    scene = Scene(_caller(), reach.origin, raises=True)
    profiled = reach.asks_apart or (reach.asks and not is_guarded())
    if profiled and sys.version_info >= (3, 12) and _unpacks_arguments(reach):
        raise ImpureError("calls functions with unpacked arguments, as in print(*values), which cannot be stopped")
    if profiled and reach.goes_on:  # Python drops a profiler that has raised
        raise ImpureError("does something whatever is raised, as in `finally`, which cannot be stopped")
    shown = _shown_warnings(reach)
    try:
        with _entered(scene, profiled=profiled):
            yield
    finally:
        if scene.found:
            _forget_warnings(shown)
        keeper = watch.keeps_more()
        if after := watch.compared():
            raise ImpureError(after, changed=True)
        if scene.found:
            raise ImpureError(scene.found)  # even if the step has caught it
        if keeper:
            raise ImpureError(f"puts something that can change into the cache of `{keeper}`")


def _shown_warnings(reach: Reach) -> list[tuple[dict[str, Any], dict[Any, Any] | None]]:
    """Return the user's modules, each with what Python notes there: which warnings it has shown."""
    modules = {id(function.__globals__): function.__globals__ for function in reach.functions}
    noted = ((module, module.get(_SHOWN)) for module in modules.values())
    return [(module, None if shown is None else dict(shown)) for module, shown in noted]


def _forget_warnings(shown: list[tuple[dict[str, Any], dict[Any, Any] | None]]) -> None:
    """Forget a warning that was about to be shown: the plain steps show it."""
    for module, before in shown:
        module.pop(_SHOWN, None)
        if before is not None:
            module[_SHOWN] = before


def _caller() -> FrameType | None:
    """Return the frame of the `with` statement."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") == "contextlib":
        frame = frame.f_back
    return frame


@contextmanager
def _entered(scene: Scene, *, profiled: bool) -> Iterator[None]:
    outer, profiler = current(), sys.getprofile()
    enter(scene)
    scene.is_profiled = profiled
    if profiled:
        sys.setprofile(partial(_profile, scene))
    try:
        yield
    finally:
        if profiled:
            _profile_by(profiler)
        enter(outer)


def _profile_by(profiler: Any) -> None:
    if profiler is None or callable(profiler):
        sys.setprofile(profiler)
    else:  # Python's own profiler, which is no function
        sys.setprofile(None)
        profiler.enable()


def _profile(scene: Scene, frame: FrameType, event: str, called: Any) -> None:
    if event == "c_call":
        if called.__name__ in _LOOKED_AT:
            try:
                _look_at(scene, frame, called)
            except ImpureError:
                if not _unpacks(frame):
                    raise
    elif event == "call" and frame.f_code is _SEED and frame.f_locals.get("a") is None:
        scene.notice("chance", "draws a seed by chance", frame.f_back)
    elif event == "call" and frame.f_code is _CURRENT_THREAD and _is_elsewhere():
        scene.notice("identity", "calls threading.current_thread", frame.f_back)


@lru_cache(maxsize=16)
def _unpacks_arguments(reach: Reach) -> bool:
    """Whether the user's code calls anything with unpacked arguments."""
    codes = [one.__code__ for one in reach.code if isinstance(one, FunctionType)]
    for code in codes:
        codes += [part for part in code.co_consts if isinstance(part, CodeType)]
    return any(_UNPACKED_CALL in code.co_code[::2] for code in codes)


def _unpacks(frame: FrameType) -> bool:
    """Whether a frame is about to call with unpacked arguments, where Python 3.12 and later bear no exception.

    They drop references twice then. The call takes place, and the superstep is rejected at its end.
    """
    return sys.version_info >= (3, 12) and frame.f_code.co_code[frame.f_lasti] == _UNPACKED_CALL


def _look_at(scene: Scene, frame: FrameType, function: Any) -> None:
    name, owner = function.__name__, getattr(function, "__self__", None)
    source = source_of(function)
    if source is not None:
        if source.asks(_arguments(frame)) and (source.kind != "identity" or _is_elsewhere()):
            scene.notice(source.kind, source.does, frame)
    elif name in NOW:
        if isinstance(owner, type) and issubclass(owner, datetime.date):
            scene.notice("clock", f"calls {owner.__name__}.{name}", frame)
    elif name in STREAM_CALLS and is_stream(owner):
        scene.notice(*STREAM_CALLS[name], frame)
    elif name in _DRAWS:
        if owner is objects()[0]:
            scene.notice("chance", "draws from the generator of `random`", frame, by_name=False)
    elif name in _DEVICE_CALLS:
        device = _DEVICES.get(function.__module__ or type(owner).__module__)
        if device is not None:
            scene.notice(*device, frame)


def _is_elsewhere() -> bool:
    """Whether this is another thread or process than the one that a plain loop has."""
    return is_guarded() or threading.get_ident() != threading.main_thread().ident


def _arguments(frame: FrameType) -> int:
    """Return how many arguments the call has that a frame is about to make."""
    return frame.f_code.co_code[frame.f_lasti + 1]
