"""The workers of an executed run, and how to start them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple


class Pool(NamedTuple):
    """The workers that execute candidates. Without workers, only the main thread's own supersteps are remembered."""

    make: Callable[[], Executor]  # opens an executor, at first need and after a breakdown
    workers: int  # beside the main thread
    start_s: float = 0.0  # typical seconds until workers have started; a shorter run does without them
    background: bool = True  # whether the main thread continues while workers start


def _never() -> Executor:
    raise AssertionError("a pool without workers is never opened")


NO_WORKERS = Pool(_never, 0)
"""The pool of a run that only remembers what the main thread has done, and of a plain run."""
