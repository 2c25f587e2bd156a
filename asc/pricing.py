"""The price of a plain step, and by how much tracking raises it, from supersteps taken in both ways in turn."""

from __future__ import annotations

import math

_FADE = 0.998  # weight of a superstep against the next one; the same for both kinds, so that a drift cancels out
_RECENT = 0.9  # the same for the price of a step, which may drift
_ENOUGH = 4.0  # supersteps of each kind before they are compared


class _LogPrices:
    """Faded count, mean and variance of the logarithm of a price."""

    def __init__(self) -> None:
        self.count = self._sum = self._squares = 0.0

    def fade(self) -> None:
        self.count *= _FADE
        self._sum *= _FADE
        self._squares *= _FADE

    def note(self, price: float) -> None:
        value = math.log(price)
        self.count += 1
        self._sum += value
        self._squares += value * value

    @property
    def mean(self) -> float:
        return self._sum / self.count

    @property
    def error(self) -> float:
        """Squared standard error of the mean."""
        return max(0.0, self._squares / self.count - self.mean**2) / self.count


class StepPrice:
    """Follows what a plain step costs, whichever way supersteps are taken.

    Supersteps differ, so tracking is charged for only as far as it is certain: by the lower bound, two standard errors
    below, of the ratio of the geometric means.
    """

    def __init__(self) -> None:
        self._plain, self._tracked = _LogPrices(), _LogPrices()
        self.tracking = 1.0  # price of a tracked step over that of a plain one, at least
        self.step = 0.0  # price of a plain step; 0 while unknown

    def note(self, price: float, tracked: bool) -> None:
        """Take a superstep's price a step into account."""
        if price <= 0:
            return
        self._plain.fade()
        self._tracked.fade()
        (self._tracked if tracked else self._plain).note(price)
        if min(self._plain.count, self._tracked.count) >= _ENOUGH:
            doubt = 2 * math.sqrt(self._plain.error + self._tracked.error)
            self.tracking = math.exp(max(0.0, self._tracked.mean - self._plain.mean - doubt))
        plain = price / self.tracking if tracked else price
        self.step = plain if not self.step else _RECENT * self.step + (1 - _RECENT) * plain
