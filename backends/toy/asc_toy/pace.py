"""How many steps are begun a second at most, so that a service that steps ask is not flooded."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}  # seconds
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min|h))?")
_EXPECTED = "give steps a second, such as 50 or 50/s, or 50/min, or 50/h"
_HELD = 0.5  # of the steps; where so many had to wait, they are taken at the rate


def _a_second(given: Any) -> Any:
    """Return how many a second a rate is, such as "50/s" or "50/min". Anything else stays as it is."""
    if isinstance(given, bool):
        raise ValueError(f"that is no rate: {_EXPECTED}")
    if isinstance(given, str):
        found = _RATE.fullmatch(given.strip())
        if found is None:
            raise ValueError(f'"{given}" is no rate: {_EXPECTED}')
        given = float(found[1]) / _UNITS[found[2] or "s"]
    if isinstance(given, int | float) and not 0 < given < math.inf:
        raise ValueError(f"a rate is above 0 and finite: {_EXPECTED}")
    return given


Rate = Annotated[float | str, BeforeValidator(_a_second)]
"""Steps a second, at last a number. A text may have another unit of time, as in "50/min"."""


class Pace:
    """Lets steps begin at even intervals, in whatever thread of this process.

    In any time of t seconds, at most 1 + t × `rate` steps begin. The thread that takes the first step is the main
    thread of the run. It need not stand in the line of the workers, and waits for one interval at most.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`rate` is in steps a second."""
        self._interval, self._clock, self._sleep = 1 / rate, clock, sleep
        self._line, self._lock = threading.Lock(), threading.Lock()  # of the workers, and of what follows
        self._next = -math.inf  # when the next step may begin
        self._main: int | None = None
        self._main_waits = False
        self._begun = self._held = 0  # steps, and those that had to wait

    def wait(self) -> None:
        """Wait for the turn of a step."""
        if self._main is None:
            self._main = threading.get_ident()
        if threading.get_ident() != self._main:
            with self._line:
                self._wait(is_main=False)
            return
        self._main_waits = True
        try:
            self._wait(is_main=True)
        finally:
            self._main_waits = False

    def _wait(self, *, is_main: bool) -> None:
        held = False
        while True:
            with self._lock:
                now = self._clock()
                if now >= self._next and (is_main or not self._main_waits):
                    self._next = now + self._interval
                    self._begun += 1
                    self._held += held
                    return
                left = self._next - now
            held = True
            self._sleep(left if left > 0 else self._interval)

    def of(self, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return the step, begun no sooner than at its turn."""

        def paced(state: Any) -> Any:
            self.wait()
            return step(state)

        return paced

    @cached_property
    def is_reached(self) -> bool:
        """Whether most steps that were taken before this was first asked had to wait."""
        return self._held >= max(1.0, _HELD * self._begun)
