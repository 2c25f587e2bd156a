"""The price of a plain step, and by how much tracking raises it, from supersteps taken in both ways in turn."""

from __future__ import annotations

import math

_FADE = 0.998  # weight of a superstep against the next one; the same for both kinds, so that a drift cancels out
_RECENT = 0.9  # the same for the price of a plain step, which may drift
_LEAST = 1e-12  # seconds: what takes less has a clock that stands still
_PRIOR = 2.0  # supersteps that the spread below counts for, until the spread of a program's supersteps is known
_PRIOR_SPREAD = 0.5  # of the logarithm of a step's price


class _LogPrices:
    """Faded mean and variance of the logarithm of a step's price; a superstep weighs as much as it has steps."""

    def __init__(self) -> None:
        self._weight = self._weights_squared = self._sum = self._squares = 0.0

    def fade(self) -> None:
        self._weight *= _FADE
        self._weights_squared *= _FADE * _FADE
        self._sum *= _FADE
        self._squares *= _FADE

    def note(self, steps: int, price: float) -> None:
        value = math.log(price)
        self._weight += steps
        self._weights_squared += steps * steps
        self._sum += steps * value
        self._squares += steps * value * value

    @property
    def count(self) -> float:
        """How many supersteps of equal length would tell as much."""
        return self._weight * self._weight / self._weights_squared if self._weights_squared else 0.0

    @property
    def mean(self) -> float:
        return self._sum / self._weight

    @property
    def variance(self) -> float:
        return max(0.0, self._squares / self._weight - self.mean**2) if self._weight else 0.0


class StepPrice:
    """Follows what a plain step costs, and a tracked one.

    Supersteps differ. So tracking is charged for only as far as it is certain: by the lower bound, one standard error
    below, of the ratio of the geometric means. One superstep that takes forty times as long as the others is certain
    enough.
    """

    def __init__(self) -> None:
        self._plain, self._tracked = _LogPrices(), _LogPrices()
        self.step = 0.0
        """Recent price of a step that nothing tracked; 0 while unknown."""
        self.likely = 1.0
        """Price of a tracked step over that of a plain one, as far as is known."""
        self.tracking = 1.0
        """The same at least."""
        self._step_s = self._steps = 0.0  # recent seconds and number of untracked steps
        self._tracked_s = self._charged_s = 0.0  # recent seconds of tracked steps, and what was charged of them

    def note(self, steps: int, seconds: float, tracked: bool) -> None:
        """Take a superstep into account."""
        price = seconds / steps if steps else 0.0
        if price < _LEAST:
            return
        plain, recorded = self._plain, self._tracked
        plain.fade()
        recorded.fade()
        self._tracked_s *= _FADE
        self._charged_s *= _FADE
        (recorded if tracked else plain).note(steps, price)
        if not tracked:
            self._step_s = _RECENT * self._step_s + seconds
            self._steps = _RECENT * self._steps + steps
            self.step = self._step_s / self._steps
        if plain.count and recorded.count:
            known = plain.count * plain.variance + recorded.count * recorded.variance
            variance = (_PRIOR * _PRIOR_SPREAD**2 + known) / (_PRIOR + plain.count + recorded.count)
            ratio, doubt = recorded.mean - plain.mean, math.sqrt(variance * (1 / plain.count + 1 / recorded.count))
            self.likely, self.tracking = math.exp(max(0.0, ratio)), math.exp(max(0.0, ratio - doubt))

    def charge(self, seconds: float) -> float:
        """Return what tracking has added to a superstep that took so many seconds, which `note` knows already.

        Where more is certain by now about the supersteps before it, what was charged for them is corrected as well.
        """
        self._tracked_s += seconds
        charge = self._tracked_s * (1 - 1 / self.tracking) - self._charged_s
        self._charged_s += charge
        return charge
