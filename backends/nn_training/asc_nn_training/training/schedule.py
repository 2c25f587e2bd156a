"""The learning rate as a pure function of the step."""

from __future__ import annotations

from math import cos, pi
from typing import Literal

from pydantic import Field

from asc.errors import AscError
from asc.settings import Settings


class ScheduleConfig(Settings):
    """The shape of the learning rate over a run; the defaults are the Leap+Verify paper's."""

    schedule: Literal["cosine", "linear", "wsd", "constant"] = Field(
        "cosine",
        description="cosine or linear: falls to the floor; wsd: constant, then linear; or constant. The preset tuned "
        "means wsd",
    )
    warmup: int = Field(100, ge=0, description="steps in which the rate rises linearly to its peak")
    lr_floor: float | None = Field(
        None, ge=0, le=1, description="the last rate, as a share of the peak: by default 0.1 for cosine, otherwise 0"
    )
    wsd_decay: float = Field(0.2, ge=0, le=1, description="wsd: the share of all steps over which the rate falls")


class Schedule:
    """A learning rate for each step, from a peak and the shape that `ScheduleConfig` describes.

    The first step has 1/warmup of the peak rather than 0, so that it is not wasted.
    """

    Config = ScheduleConfig

    def __init__(self, lr: float, config: ScheduleConfig | None = None) -> None:
        if not lr >= 0:
            raise AscError(f"A learning rate cannot be {lr}: give one of 0 or more, such as --lr 5e-5.")
        self.lr = lr
        self.config = config or ScheduleConfig()
        usual = 0.1 if self.config.schedule == "cosine" else 0.0
        self._floor = usual if self.config.lr_floor is None else self.config.lr_floor

    def rate(self, step: int, total: int) -> float:
        """Return the rate of the step (0 is the first) in a run of `total` steps; the floor after the run's end."""
        return self.lr * self.share(step, total)

    def share(self, step: int, total: int) -> float:
        """Return that rate as a share of the peak, between 0 and 1."""
        config = self.config
        if step < config.warmup:
            return (step + 1) / config.warmup
        if config.schedule == "constant":
            return 1.0
        start = config.warmup
        if config.schedule == "wsd":
            start = max(start, total - round(config.wsd_decay * total))
        if step < start:
            return 1.0
        done = min(1.0, (step - start) / (total - start)) if total > start else 1.0
        left = (1 + cos(pi * done)) / 2 if config.schedule == "cosine" else 1 - done
        return self._floor + (1 - self._floor) * left


class Annealed(Schedule):
    """Another schedule, but from the step `start` on the rate falls linearly to zero in `steps` steps."""

    def __init__(self, schedule: Schedule, start: int, steps: int) -> None:
        super().__init__(schedule.lr, schedule.config)
        self._start, self._steps = start, steps

    def share(self, step: int, total: int) -> float:
        """Return the rate of the step as a share of the peak; zero after the last one."""
        left = 1 - (step - self._start) / self._steps
        return super().share(min(step, self._start), total) * min(1.0, max(0.0, left))
