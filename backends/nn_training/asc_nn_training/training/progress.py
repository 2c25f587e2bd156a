"""How fast the loss falls at present, and so what an improvement on held-out data is worth in plain steps."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np

WINDOW = 200  # training steps that count as present
_LEAST = 20  # steps without which no slope is computed


class Progress:
    """The slope of the recent training losses by least squares, nats a step, positive while they fall.

    Training losses are many, and cost nothing extra; held-out losses would be fewer, and on other sequences each time.
    While the slope is not clearly above zero, no improvement is worth any steps.
    """

    def __init__(self, losses: Iterable[float] = ()) -> None:
        self._losses: deque[float] = deque(losses, maxlen=WINDOW)

    def note(self, loss: float) -> None:
        """Take the next step's training loss into account, nats a token; one that is not finite is left out."""
        if math.isfinite(loss):
            self._losses.append(loss)

    @property
    def losses(self) -> tuple[float, ...]:
        """The losses that count as present, oldest first."""
        return tuple(self._losses)

    def steps(self, improvement: float) -> float:
        """Return the plain steps that lower the loss by as much; 0 if the slope is unknown or within its error."""
        count = len(self._losses)
        if count < _LEAST:
            return 0.0
        losses = np.array(self._losses)
        positions = np.arange(count) - (count - 1) / 2
        spread = float(positions @ positions)
        slope = -float(positions @ losses) / spread
        rest = losses - losses.mean() + slope * positions
        error = float(np.sqrt(rest @ rest / (count - 2) / spread))
        return improvement / slope if slope > error else 0.0
