"""A way of going on as a candidate: a small leap along the average increment after each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.training.onward import Way

_FALLING = 0.99  # share of the peak rate below which the rate has begun to fall


class EmaNesterov(Predictor):
    """EMA-Nesterov as a way of going on: after each step θ ← θ + β m, where m averages the steps' increments.

    The candidate is no other state, so its loss is that of the present weights. It is judged as a block of steps: by
    `probation`, from one state on the same batches. Its average begins with the mean increment between the two newest
    snapshots. An accepted way is used from then on. It is judged anew where the
    position has grown by the factor `again`: then the candidate is to go on without it. Nothing is proposed once the
    learning rate falls, since the way fades out with the rate. Source: track 3 of the nanogpt speed-run, records 39
    and 40.
    """

    class Config(Settings):
        """Settings of `ema-nesterov`."""

        beta: float = Field(0.3, gt=0, lt=1, description="β, the share of the average increment that is added")
        decay: float = Field(0.97, gt=0, lt=1, description="γ, decay of the average, by step")
        start: int = Field(100, ge=0, description="step from which on the way is a candidate")
        again: float = Field(2.0, gt=1, description="growth of the position after which it is judged anew")

    config: Config

    needs = frozenset({"rate", "trial"})
    depth = 2
    in_place = True

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._used = False
        self._next = self.config.start  # position from which on a candidate is due
        self._peak = 0.0
        self._here = 0

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the way or, where it is in use, plain steps; None where no candidate is due."""
        ahead: Callable[[int], float] = history.read("rate")
        rate, self._here = ahead(1), history.positions[-1]
        self._peak = max(self._peak, rate)
        if self._here < self._next or not rate or rate < _FALLING * self._peak:
            return None
        return Direct(Way(0.0 if self._used else self.config.beta, self.config.decay, peak=self._peak))

    def settle(self, accepted: bool) -> None:
        """Note which way is in use, and when it is judged anew."""
        self._used ^= accepted
        self._next = max(self._here + 1, int(self.config.again * self._here))

    def state_dict(self) -> dict[str, Any]:
        """Return which way is in use, the position of the next candidate, and the peak rate."""
        return {"used": self._used, "next": self._next, "peak": self._peak}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._used, self._next, self._peak = state["used"], state["next"], state["peak"]
