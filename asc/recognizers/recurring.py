"""A recognizer that chooses the distance between its boundaries itself."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from asc.computation import Computation
from asc.recognizer import Recognizer
from asc.recognizers.grid import OFF_GRID, next_on_grid
from asc.settings import Settings
from asc.types import Recognition

_HYSTERESIS = 3.0  # a distance is kept until it is wrong by this factor
_BOUNDARIES_LEFT = 16  # how many supersteps must remain for a longer one to be worth learning
_LONGEST_PAUSE = 64  # boundaries between two looks at the price, at most


class Recurring(Recognizer):
    """A recurring point, at a distance chosen so that one superstep is worth many dispatches.

    The distance is a power of two times `multiple`, closest to `worth` x `price("dispatch")` steps. While that price is
    not known (zero, infinite or NaN) it starts at `multiple` and doubles at each boundary. Boundaries are multiples of
    the distance, and a doubled distance keeps every second of them, so history stays equally spaced. A recognised
    point at a period is the idea of Waterland et al. (2014); choosing the period from the price of a task is ours.
    """

    class Config(Settings):
        """Settings of `recurring`."""

        multiple: int = Field(1, ge=1, description="the distance is a power of two times this, such as a known period")
        worth: float = Field(50.0, gt=0, description="dispatches that one superstep is worth")
        distance: int | None = Field(None, ge=1, description="steps between boundaries, instead of choosing them")
        max_distance: int = Field(2**30, ge=1, description="largest distance that is chosen, in steps")

        @model_validator(mode="after")
        def _room(self) -> Recurring.Config:
            if self.multiple > self.max_distance:
                raise ValueError(
                    f"multiple is {self.multiple} and max_distance {self.max_distance}, which leaves no distance to "
                    f"choose: set max_distance to {self.multiple} or more"
                )
            return self

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._goal: int | None = None  # known once the price is
        self._set(self.config.distance or self.config.multiple)
        self._pause = 1
        self._wait = 2 if self.config.distance is None else sys.maxsize  # the first superstep is the smallest

    @property
    def distance(self) -> int:
        """Steps per superstep at present."""
        return self._distance

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Return the next multiple of the distance, or the end of the run; asking changes nothing."""
        return next_on_grid(position, self._distance, computation.total())

    def recognise(self, computation: Computation) -> Recognition:
        """Say yes on the grid; now and then, reconsider the distance for the boundaries that follow."""
        here = OFF_GRID if computation.position() % self._distance else self._here
        self._wait -= 1
        if not self._wait:
            self._review(computation)
        return here

    def state_dict(self) -> dict[str, Any]:
        """Return the distance, and what is known about it."""
        return {"distance": self._distance, "goal": self._goal, "pause": self._pause, "wait": self._wait}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._set(state["distance"])
        self._goal, self._pause, self._wait = state["goal"], state["pause"], state["wait"]

    def _review(self, computation: Computation) -> None:
        price = computation.price("dispatch")
        if 0 < price < math.inf:
            ideal = self.config.worth * price
            if self._goal is None or not self._goal / _HYSTERESIS < ideal < self._goal * _HYSTERESIS:
                self._goal = self._nearest(ideal)
        if self._goal is not None and self._goal < self._distance:
            self._set(self._goal)  # at once: too long a superstep gains nothing before it ends
            self._pause = 1
        elif self._may_double(computation):
            self._set(2 * self._distance)
            self._pause = 1
        else:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._wait = self._pause

    def _may_double(self, computation: Computation) -> bool:
        doubled = 2 * self._distance
        if doubled > (self.config.max_distance if self._goal is None else self._goal):
            return False
        total = computation.total()
        return total is None or total - computation.position() >= _BOUNDARIES_LEFT * doubled

    def _nearest(self, ideal: float) -> int:
        largest = (self.config.max_distance // self.config.multiple).bit_length() - 1
        exponent = math.log2(ideal) - math.log2(self.config.multiple)
        return self.config.multiple << round(min(max(exponent, 0), largest))

    def _set(self, distance: int) -> None:
        self._distance = distance
        self._here = Recognition(speculate=True, label=f"every {distance:,} steps", score=None)
