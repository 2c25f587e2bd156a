"""How fast the loss falls at present: what an improvement on held-out data is worth in plain steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

WINDOW = 200  # training steps that count as present
_LEAST = 20  # steps that it takes to tell a slope


class Progress:
    """The slope of the recent training losses by least squares, nats a step, positive while they fall.

    Training losses are many and cost nothing more; held-out ones would be fewer, and on other sequences each time. A
    slope that is not clearly above zero says nothing, so then nothing is known to be worth any steps.
    """

    def __init__(self, losses: Iterable[float] = ()) -> None:
        self._losses: deque[float] = deque(losses, maxlen=WINDOW)

    def note(self, loss: float) -> None:
        """Take the next step's training loss into account, nats a token."""
        self._losses.append(loss)

    @property
    def losses(self) -> tuple[float, ...]:
        """Those that count, oldest first."""
        return tuple(self._losses)

    def steps(self, improvement: float) -> float:
        """Return the plain steps that lower the loss by as much; 0 while the slope is unknown or within its error."""
        count = len(self._losses)
        if count < _LEAST:
            return 0.0
        losses = np.array(self._losses)
        places = np.arange(count) - (count - 1) / 2
        spread = float(places @ places)
        slope = -float(places @ losses) / spread
        rest = losses - losses.mean() + slope * places
        error = float(np.sqrt(rest @ rest / (count - 2) / spread))
        return improvement / slope if slope > error else 0.0
