"""The kept places of a judged run gone through again, so that other predictors can be asked and judged there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from asc.backend import Backend
from asc.computation import Chains, Computation, InPlace, Predictor, Validator
from asc.errors import AscError
from asc.ledger import Ledger
from asc.run.replay.answers import Answers, Try
from asc.run.replay.positions import Place
from asc.speculators import Judged
from asc.trajectory import Trajectory
from asc.types import Attempt, Candidate, Outcome, Plan
from asc.validators.scores import Reports


class _Pending(NamedTuple):
    """A try whose real steps may not have been seen yet."""

    made: Try
    segment: int
    distance: int  # that the guess reaches: of a chain, up to its last link that was accepted


class Revisit:
    """Asks every predictor at every kept place, in order, as a run with this predictor alone would.

    Each has a validator of its own, so that none is disturbed by what stands beside it. Nothing is ever taken: the
    trajectory is what it was, and a predictor with a buffer hears that it was not leapt to. What a guess is worth is
    the fall of the loss on sequences that neither judge nor tune (`Reports`).
    """

    def __init__(
        self,
        backend: Backend[Any],
        computation: Computation,
        predictors: Mapping[str, Predictor],
        validator: Callable[[], Validator],
        horizons: Sequence[int],
        history: Trajectory.Config,
    ) -> None:
        self._backend, self._computation, self._predictors = backend, computation, predictors
        self._horizons = tuple(horizons)
        self._ledgers = {name: Ledger(exact=False) for name in predictors}
        self._judged = {
            name: Judged({name: predictor}, validator(), self._ledgers[name]) for name, predictor in predictors.items()
        }
        self._trajectory = Trajectory(history)
        self._pending: dict[str, list[_Pending]] = {name: [] for name in predictors}
        self._faults: dict[str, str] = {}
        self._losses: dict[tuple[int, int], float] = {}  # reported, by segment and position
        self.visited = 0

    def go(self, places: Sequence[Place], stopped: Callable[[], bool], tell: Callable[[Place], object]) -> None:
        """Go through the places, oldest first, telling of each; what was learnt stands where `stopped` answers yes."""
        for place in places:
            if stopped():
                return
            tell(place)
            self._load(place)
            for name in self._predictors:
                self._ask(name, place, stopped)
            self.visited += not stopped()

    def into(self, answers: Mapping[str, Answers]) -> None:
        """Fill in what was answered, beside what the real steps brought where the place at their end was seen."""
        for name, pending in self._pending.items():
            found, accounts = answers[name], self._ledgers[name].accounts()
            found.tries = [one.made._replace(real=self._real(one)) for one in pending]
            found.fault = self._faults.get(name, "")
            if "predict" in accounts:
                found.calls, found.seconds = int(accounts["predict"]["count"]), accounts["predict"]["seconds"]

    def _load(self, place: Place) -> None:
        if self._backend.load(self._computation, place.folder) is None:
            raise AscError(
                f"The place {place.folder} has no checkpoint; expected one that the run kept there: remove the folder "
                "to do without it."
            )
        if place.segment != self._trajectory.segment:
            self._trajectory.restore((), place.segment)
        self._trajectory.append(self._computation.observe())
        if isinstance(self._computation, Reports):
            self._losses[place.segment, place.position] = _mean(self._computation, None)

    def _ask(self, name: str, place: Place, stopped: Callable[[], bool]) -> None:
        predictor = self._predictors[name]
        in_place = isinstance(predictor, InPlace) and predictor.in_place
        horizons = (0,) if in_place else self._horizons
        for horizon in horizons:
            if name in self._faults or stopped():
                break
            plan = Plan(name, horizon)
            attempt, candidate = self._judged[name].attempt(
                self._computation, self._trajectory.snapshots(), plan, len(horizons)
            )
            if attempt.outcome is Outcome.FAILED:
                self._faults[name] = attempt.reason
                break
            gain = self._gain(place, candidate)
            made = Try(place.position, horizon, place.label, attempt.outcome, gain)
            self._pending[name].append(_Pending(made, place.segment, _distance(predictor, attempt)))
        self._judged[name].settle(())

    def _gain(self, place: Place, candidate: Candidate | None) -> float | None:
        """The fall of the reported loss, below zero where it rises; None without a guess, or a loss to tell it by."""
        if candidate is None or not isinstance(self._computation, Reports):
            return None
        return _fall(self._losses[place.segment, place.position], _mean(self._computation, candidate.state))

    def _real(self, one: _Pending) -> float | None:
        place, end = one.made.position, one.made.position + one.distance
        before, after = self._losses.get((one.segment, place)), self._losses.get((one.segment, end))
        return _fall(before, after) if one.distance and before is not None and after is not None else None


def _distance(predictor: Predictor, attempt: Attempt) -> int:
    """How far the judged candidate reaches."""
    if attempt.reached is not None:
        return attempt.reached
    return predictor.links(attempt.plan.horizon)[0] if isinstance(predictor, Chains) else attempt.plan.horizon


def _mean(computation: Reports, state: Any | None) -> float:
    """The mean reported loss; infinite where it is not a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.nan_to_num(np.mean(computation.report(state)), nan=np.inf, posinf=np.inf))


def _fall(before: float, after: float) -> float | None:
    """How far a loss fell; None where both are beyond all numbers."""
    fallen = before - after
    return None if math.isnan(fallen) else fallen
