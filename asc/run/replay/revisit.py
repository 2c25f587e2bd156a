"""Visits the kept positions of a judged run again, and has the candidates of other predictors judged there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from asc.backend import Backend
from asc.computation import Computation
from asc.errors import AscError
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.run.replay.evaluations import Evaluation, Evaluations
from asc.run.replay.positions import KeptPosition
from asc.speculators.judged.speculator import JudgedSpeculator
from asc.trajectory import Trajectory
from asc.types import Candidate, Decision, Outcome, Plan
from asc.validator import Validator
from asc.validators.scores import Reports


class _Pending(NamedTuple):
    """An evaluation that waits for what plain steps gain over the same distance."""

    evaluation: Evaluation
    segment: int
    distance: int  # steps ahead of the candidate: of a chain, up to its last accepted link


class Revisit:
    """Asks every predictor at every kept position, in order, as a run with this predictor alone would.

    Each predictor has its own validator, so that predictors do not influence each other. No candidate is applied: the
    trajectory stays the run's, and a predictor that updates in place learns that its update was not applied. The gain
    of a candidate is the fall of the loss on sequences that neither judge nor tune (`Reports`).
    """

    def __init__(
        self,
        backend: Backend[Any],
        computation: Computation,
        predictors: Mapping[str, Predictor],
        validator: Callable[[], Validator],
        horizons: Sequence[int],
        history: Trajectory.Config,
        validator_name: str = "validator",
    ) -> None:
        self._backend, self._computation, self._predictors = backend, computation, predictors
        self._horizons = tuple(horizons)
        self._ledgers = {name: Ledger(computation.take_price, timed=False) for name in predictors}
        self._judged = {
            name: JudgedSpeculator({name: predictor}, validator(), self._ledgers[name], validator_name=validator_name)
            for name, predictor in predictors.items()
        }
        self._trajectory = Trajectory(history, max((p.depth for p in predictors.values()), default=2))
        self._pending: dict[str, list[_Pending]] = {name: [] for name in predictors}
        self._faults: dict[str, str] = {}
        self._losses: dict[tuple[int, int], float] = {}  # reported, by segment and position
        self.visited = 0

    def run(
        self, kept: Sequence[KeptPosition], stopped: Callable[[], bool], report: Callable[[KeptPosition], object]
    ) -> None:
        """Visit the positions, oldest first, and call `report` with each; end early where `stopped` answers yes."""
        for here in kept:
            if stopped():
                return
            report(here)
            self._load(here)
            for name in self._predictors:
                self._ask(name, here, stopped)
            self.visited += not stopped()

    def fill(self, evaluations: Mapping[str, Evaluations]) -> None:
        """Fill in the results. What plain steps gain is known where the position at their end was visited."""
        for name, pending in self._pending.items():
            found, accounts = evaluations[name], self._ledgers[name].accounts()
            found.entries = [one.evaluation._replace(plain_gain=self._plain_gain(one)) for one in pending]
            found.fault = self._faults.get(name, "")
            if "predict" in accounts:
                found.calls, found.seconds = int(accounts["predict"]["count"]), accounts["predict"]["seconds"]

    def _load(self, here: KeptPosition) -> None:
        if self._backend.load(self._computation, here.folder) is None:
            raise AscError(
                f"The folder {here.folder} has no checkpoint; expected one that the run kept there: remove the folder "
                "to do without this position."
            )
        if here.segment != self._trajectory.segment:
            self._trajectory.restore((), here.segment)
        self._trajectory.append(self._computation.observe())
        if isinstance(self._computation, Reports):
            self._losses[here.segment, here.position] = _mean(self._computation, None)

    def _ask(self, name: str, here: KeptPosition, stopped: Callable[[], bool]) -> None:
        predictor = self._predictors[name]
        horizons = (0,) if predictor.in_place else self._horizons
        for horizon in horizons:
            if name in self._faults or stopped():
                break
            decision, candidate = self._judged[name].judge(
                self._computation, self._trajectory.snapshots(), Plan(name, horizon), len(horizons)
            )
            if decision.outcome in (Outcome.FAILED, Outcome.UNJUDGED):
                self._faults[name] = decision.reason
                break
            gain = self._gain(here, candidate)
            evaluation = Evaluation(here.position, horizon, here.label, decision.outcome, gain)
            self._pending[name].append(_Pending(evaluation, here.segment, _distance(predictor, decision)))
        for failed in self._judged[name].settle_predictors(set()):
            self._faults.setdefault(name, failed.reason)

    def _gain(self, here: KeptPosition, candidate: Candidate | None) -> float | None:
        """Return the fall of the reported loss, below zero where it rises; None without a candidate or a loss."""
        if candidate is None or not isinstance(self._computation, Reports):
            return None
        return _fall(self._losses[here.segment, here.position], _mean(self._computation, candidate.state))

    def _plain_gain(self, one: _Pending) -> float | None:
        start, end = one.evaluation.position, one.evaluation.position + one.distance
        before, after = self._losses.get((one.segment, start)), self._losses.get((one.segment, end))
        return _fall(before, after) if one.distance and before is not None and after is not None else None


def _distance(predictor: Predictor, decision: Decision) -> int:
    """Return how many steps ahead the judged candidate is: of a rejected chain, its first link."""
    return predictor.links(decision.plan.horizon)[0] if decision.reached is None else decision.reached


def _mean(computation: Reports, state: Any | None) -> float:
    """Return the mean reported loss; infinite where it is not a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.nan_to_num(np.mean(computation.report(state)), nan=np.inf, posinf=np.inf))


def _fall(before: float, after: float) -> float | None:
    """Return how far a loss fell; None where both losses are infinite."""
    fall = before - after
    return None if math.isnan(fall) else fall
