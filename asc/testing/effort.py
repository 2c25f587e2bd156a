"""What a call takes: counted rather than timed where a test depends on it, and timed where somebody reads it."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from statistics import median
from types import FrameType
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Time and memory of a call."""

    seconds: float  # median
    nbytes: int  # most that was held on top during one call, by Python's and numpy's count

    def __str__(self) -> str:
        return f"{self.seconds * 1e6:,.0f} µs and {self.nbytes / 1024:,.1f} KiB a call"


def instructions(call: Callable[[], object]) -> int:
    """Return how many of Python's instructions a call executes; what it does within C counts as one each."""
    __tracebackhide__ = True
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


class Held:
    """Bytes that are held at some moments of a test. A context; what was there before it is not counted."""

    def __enter__(self) -> Held:
        self._frozen = gc.get_freeze_count() > 0
        gc.freeze()  # what is there already is left out of the collections to come, which are quick then
        self._own = not tracemalloc.is_tracing()
        if self._own:
            tracemalloc.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._own:
            tracemalloc.stop()
        if not self._frozen:
            gc.unfreeze()

    def now(self) -> int:
        """Return what is held now, after a collection."""
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    def during(self, call: Callable[[], object]) -> int:
        """Return the most that a call has held on top of what was there before it."""
        __tracebackhide__ = True
        before = self.now()
        tracemalloc.reset_peak()
        call()
        return max(0, tracemalloc.get_traced_memory()[1] - before)


def cost(calls: Iterable[Callable[[], object]]) -> Cost:
    """Measure calls, each where it comes; memory is that of the last one."""
    __tracebackhide__ = True
    taken = []
    for call in calls:
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    with Held() as held:
        return Cost(median(taken), held.during(call))
