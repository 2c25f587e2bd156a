"""Calls into components: what waits for a component says so, rather than nothing.

Nothing that a run decides depends on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, TypeVarTuple

from asc.errors import place

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_LOOK_S = 0.25  # seconds between two looks of a watch
_PATIENCE_S = 5.0  # seconds of a call after which a watch names the component, and then twice as many, and so on


class _Present:
    """The call that the main thread is in: the component as a person reads it, and its method."""

    __slots__ = ("call",)

    def __init__(self) -> None:
        self.call: tuple[str, Callable[..., Any]] | None = None


_present = _Present()


def call(title: str, method: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Call a method of a component, such as 'the predictor "mine"', where a watch and Ctrl-C can name it.

    That takes less than a tenth of a microsecond. A KeyboardInterrupt that comes meanwhile gets the message which
    method was interrupted, and where.
    """
    outer, _present.call = _present.call, (title, method)  # a new object for each call, by which a watch tells calls
    try:
        return method(*arguments)
    except KeyboardInterrupt as error:
        if not error.args:
            error.args = (f"interrupted while {_lower(title)} was in {_name(method)}{place(error)}",)
        raise
    finally:
        _present.call = outer


class Watch:
    """Says which component the main thread waits for, where a call takes long or an end was asked for.

    Args:
        say: takes the sentence.
        stopped: whether an end was asked for.
        otherwise: what the main thread waits for where it is in no component, such as 'the backend "mine"'. Its own
            calls may take long.
    """

    def __init__(self, say: Callable[[str], object], stopped: Callable[[], bool], otherwise: str) -> None:
        self._say, self._stopped, self._otherwise = say, stopped, otherwise
        self._call: tuple[str, Callable[..., Any]] | None = None  # at the last look
        self._since = 0.0  # the first look at which the main thread was in it
        self._patience: dict[tuple[str, str], float] = {}  # seconds, where a component was named
        self._asked = False  # whether an end had been asked for at the last look
        self._answered = False

    def look(self, now: float) -> None:
        """Look at what the main thread is in. `now` is in seconds."""
        present, asked = _present.call, self._stopped()
        lasts = present is not None and present is self._call
        if not lasts:
            self._call, self._since = present, now
        if asked and (lasts or self._asked) and not self._answered:
            self._answered = True
            within = (
                _lower(self._otherwise) if present is None else f"{_lower(present[0])}, which is in {_name(present[1])}"
            )
            self._say(f"Waiting for {within}. A second Ctrl-C ends the command at once.")
        elif present is not None and present[0] != self._otherwise:
            self._name_slow(present[0], _name(present[1]), now - self._since)
        self._asked = asked

    def _name_slow(self, title: str, method: str, seconds: float) -> None:
        if seconds >= self._patience.get((title, method), _PATIENCE_S):
            self._patience[title, method] = 2 * seconds
            named = f"{title[0].upper()}{title[1:]} has been in {method}"
            self._say(f"{named} for {seconds:.0f} s. Ctrl-C twice ends the command.")


@contextmanager
def watching(say: Callable[[str], object], stopped: Callable[[], bool], otherwise: str) -> Iterator[None]:
    """Let a `Watch` look at the main thread from another one. Where there is no thread to be had, nothing is said."""
    over, watch = threading.Event(), Watch(say, stopped, otherwise)

    def look() -> None:
        while not over.wait(_LOOK_S):
            with suppress(Exception):  # such as a closed stream
                watch.look(time.monotonic())

    with suppress(RuntimeError):
        threading.Thread(target=look, name="asc-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _name(method: Callable[..., Any]) -> str:
    return getattr(method, "__name__", type(method).__name__)


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]
