"""Rationing: which plans are worth their price, and when to stop planning. Both schedulers use it; ASC's allocator.

Source: Waterland et al. 2014, allocator: speculate where probability × gain is highest, and withhold speculation while
predictions are poor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from pydantic import Field

from asc.ledger import Ledger
from asc.settings import Settings
from asc.types import Decision, Outcome, Plan

_PATIENCE = 3  # rejections in a row before speculation pauses, twice as long each time
_LONGEST_PAUSE = 1024  # boundaries
_COUNTED = ("predictors", "boundary", "resume_at", "streak", "explored", "explore_at")


class Rationing:
    """Backs off, and never overdraws the ledger.

    After a few rejections in a row it pauses, twice as long each time; one acceptance ends that. Whatever the
    predictors do, the main thread's loss stays within `Ledger.allowance` and the one plan that exhausts it (law 5).
    """

    class Config(Settings):
        """How speculation is rationed."""

        overdraft: float = Field(0.03, ge=0, description="share of the plain work that speculation may lose at most")

    def __init__(self, predictors: Sequence[str], ledger: Ledger) -> None:
        self.predictors = list(predictors)
        """The predictors that are planned with."""
        self._ledger, self._asked = ledger, bool(predictors)
        self._boundary = self._resume_at = self._streak = 0
        self._explored = self._explore_at = 0
        self.patience, self.longest_pause = _PATIENCE, _LONGEST_PAUSE
        """Rejections in a row before a pause, and the boundaries that a pause takes at most."""
        self.unprofitable = False
        """Whether no plan of the latest choice would gain what it costs."""

    def open(self, capacity: int, *, trusted: bool = False, again: bool = False) -> bool:
        """Count a boundary; whether anything may be planned at it, if only because the predictors are trusted.

        `again` says that this is asked once more at the same boundary, which is not counted twice.
        """
        self._boundary += not again
        return capacity > 0 and self._boundary >= self._resume_at and (trusted or self._ledger.allowance() > 0)

    def choose(
        self,
        options: Iterable[Sequence[Plan]],
        capacity: int,
        gain: Callable[[Plan], float],
        price: Callable[[Plan], float],
    ) -> list[Plan]:
        """Pick at most `capacity` plans, of each group of alternatives the best, where the gain exceeds the price.

        `gain` is the expected gain of a plan, and `price` its price, in plain steps. Where no plan pays, the best of
        those that cost more than they would gain is chosen now and then, less and less often.
        """
        chosen: list[Plan] = []
        costly: tuple[float, Plan] | None = None
        for alternatives in options:
            worth, plan = max(((gain(plan) - price(plan), plan) for plan in alternatives), key=lambda pair: pair[0])
            if worth > 0:
                chosen.append(plan)
            elif gain(plan) > 0 and (costly is None or worth > costly[0]):
                costly = worth, plan
            if len(chosen) == capacity:
                break
        self.unprofitable = not chosen and costly is not None
        if chosen:
            self._explored = 0
        elif costly is not None and self._boundary >= self._explore_at:
            self._explored += 1
            self._explore_at = self._boundary + min(_LONGEST_PAUSE, 2**self._explored)
            chosen = [costly[1]]
        return chosen

    def learn(self, decision: Decision) -> bool:
        """Take a decision into account; return whether it has just switched off its predictor, which raised."""
        if decision.outcome is Outcome.ACCEPTED:
            self._streak = self._resume_at = 0
        elif decision.outcome is Outcome.REJECTED:
            self._streak += 1
            if self._streak > self.patience:
                pause = min(self.longest_pause, 2 ** min(self._streak - self.patience, 30))
                self._resume_at = self._boundary + pause
        elif decision.outcome is Outcome.FAILED and decision.plan.predictor in self.predictors:
            self.predictors.remove(decision.plan.predictor)
            return True
        return False

    @property
    def fault(self) -> str:
        """Why nothing is predicted any more; empty while a predictor is left, or where there never was one."""
        return "every predictor was switched off; the warnings say why" if self._asked and not self.predictors else ""

    @property
    def paused(self) -> bool:
        """Whether rejections in a row, or the lack of any predictor, have stopped speculation for now."""
        return self.pause() > 0

    def pause(self) -> int:
        """Return at how many boundaries, from the present one on, nothing is planned."""
        return max(0, self._resume_at - self._boundary) if self.predictors else sys.maxsize

    def passed(self, boundaries: int) -> None:
        """Count boundaries that are passed over."""
        self._boundary += boundaries

    def state_dict(self) -> dict[str, Any]:
        """Return the predictors in use, and the state of the pauses."""
        return {name: copy(vars(self)[_attribute(name)]) for name in _COUNTED}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        for name in _COUNTED:
            setattr(self, _attribute(name), copy(state[name]))


def _attribute(name: str) -> str:
    return name if name == "predictors" else f"_{name}"
