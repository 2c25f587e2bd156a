"""The workers of an executed run, and how to start them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple


class NoWorkersError(Exception):
    """A run can have no workers, or none any more, and continues without them.

    Raised where an executor is made, or in a worker. The message says why, as the end of a sentence, without full stop.
    """


class Polled(Executor):
    """An executor whose calls end only while it is polled, since no thread of its own takes the answers."""

    @abstractmethod
    def poll(self, seconds: float) -> None:
        """Take the answers that are there. Where there is none, wait for one, at most so many seconds."""


class Pool(NamedTuple):
    """The workers that execute candidates. Without workers, only the main thread's own supersteps are remembered."""

    make: Callable[[], Executor]  # opens an executor, at first need and after a breakdown
    workers: int  # beside the main thread
    start_s: float = 0.0  # typical seconds until workers have started; a shorter run does without them
    opening_s: float = 0.0  # of them, what the main thread loses; the rest of a run must be long enough to bear that
    background: bool = True  # whether the main thread continues while workers start
    warm_ups: int | None = None  # workers that take a step to warm up on; None: all
    inline: bool = False  # whether `make` runs on the main thread, as a fork must
    rate: float = math.inf  # steps that all workers and the main thread may begin a second
    queues: bool = False  # whether a worker that ends its task begins one that waits, without the main thread
    hand_over_s: float = 0.0005  # the main thread's pause after sending: an executor's own threads need the interpreter


def _never() -> Executor:
    raise AssertionError("a pool without workers is never opened")


NO_WORKERS = Pool(_never, 0)
"""The pool of a run that only remembers what the main thread has done, and of a plain run."""
