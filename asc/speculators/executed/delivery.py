"""What a worker does with a task, and what it hands back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from asc.speculators.pool import NoWorkersError
from asc.types import Transition


class Delivery(NamedTuple):
    """What a worker hands back: a transition for each part, up to the part that raised the error."""

    parts: tuple[Transition, ...]
    error: str
    worker: str
    began: float  # by `time.perf_counter()` of the worker
    ended: float

    @property
    def steps(self) -> int:
        """Steps of all parts."""
        return sum(part.steps for part in self.parts)

    def within(self, sent: float, now: float) -> tuple[float, float]:
        """Return when the task began and ended, by the clock of the main thread, which sent it and has it back now.

        The processes of one machine have the same clock. On another machine the clock has another zero: then only the
        length of the time is known, and the task is taken to have ended just now.
        """
        if sent <= self.began and self.ended <= now:
            return self.began, self.ended
        return max(sent, now - (self.ended - self.began)), now

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.nbytes for part in self.parts)


def deliver(task: Callable[[], Iterable[Transition]]) -> Delivery:
    """Run a task in a worker. Whatever a task raises is bad speculation, never an error of the program.

    But it may say that there can be no workers.
    """
    began, parts, error = time.perf_counter(), list[Transition](), ""
    try:
        parts.extend(task())  # keeps what was yielded before an error
    except NoWorkersError:
        raise
    except BaseException as caught:  # noqa: BLE001 -- a garbage state may raise anything, SystemExit included
        error = _reason(caught)
    return Delivery(tuple(parts), error, f"{os.getpid()}:{threading.get_ident() % 10**6}", began, time.perf_counter())


def _reason(error: BaseException) -> str:
    """Return the end of the sentence that says why a candidate was rejected.

    An exception of a backend that no step can catch has such a sentence as its message. Of any other exception the type
    belongs to it.
    """
    kind, message = type(error), " ".join(str(error).split()).rstrip(".")
    if message and not isinstance(error, Exception) and kind.__module__ != "builtins":
        return message
    return f"{kind.__name__}: {message}" if message else kind.__name__
