"""What a call takes: counted where a test depends on it, timed where a person reads it."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import median
from types import FrameType
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Time and memory of a call."""

    seconds: float  # median
    nbytes: int  # the most that one call held at a time, as Python and numpy count

    def __str__(self) -> str:
        return f"{self.seconds * 1e6:,.0f} µs and {self.nbytes / 1024:,.1f} KiB a call"


def cost(calls: Iterable[Callable[[], object]]) -> Cost:
    """Measure calls, in their order; the memory is that of the last call."""
    __tracebackhide__ = True
    taken = []
    for call in calls:
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    with Held() as held:
        return Cost(median(taken), held.during(call))


def instructions(call: Callable[[], object]) -> int:
    """Return how many of Python's instructions a call executes; a call of C code counts as one."""
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
    """Context that counts the bytes held since it was entered."""

    def __enter__(self) -> Held:
        self._frozen = gc.get_freeze_count() > 0
        gc.freeze()  # leaves what exists already out of the collections to come, which makes them quick
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
        """Return the most that a call held at a time, beyond what was held before it."""
        __tracebackhide__ = True
        before = self.now()
        tracemalloc.reset_peak()
        call()
        return max(0, tracemalloc.get_traced_memory()[1] - before)


def work(occasions: Iterator[Any], count: int, call: Callable[[Any], object]) -> tuple[int, int]:
    """Return the median instructions of a call early in a series of `count` occasions, and late in it.

    Early is the tenth of the occasions after the first fifth, late is the last tenth. The median, since work that is
    due now and then, such as a fit, falls into one of the two by chance.
    """
    __tracebackhide__ = True
    taken: dict[bool, list[int]] = {False: [], True: []}
    tenth = max(1, count // 10)
    for number, occasion in enumerate(occasions):
        late = number >= count - tenth
        if late or count // 5 <= number < count // 5 + tenth:
            taken[late].append(instructions(partial(call, occasion)))
        else:
            call(occasion)
    return int(median(taken[False])), int(median(taken[True]))


def grows(early: int, late: int) -> bool:
    """Whether a late call takes more instructions than another branch here or there explains.

    A call that goes through everything that was ever seen takes more than twice as many.
    """
    return late > 1.5 * early + 300


def memory(
    occasions: Iterator[Any], count: int, call: Callable[[Any], object], held_elsewhere: Callable[[], int]
) -> int:
    """Return by how many bytes the memory held grows from the middle of a series of `count` occasions to its end.

    `held_elsewhere` returns the bytes that Python does not count.
    """
    __tracebackhide__ = True
    grown = 0
    with Held() as held:
        for number, occasion in enumerate(occasions):
            call(occasion)
            if number in (count // 2, count - 1):
                grown = held.now() + held_elsewhere() - grown
    return grown
