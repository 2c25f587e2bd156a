"""Decides which predictors and horizons are judged at a boundary, by expected gain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field, NonNegativeInt

from asc.ledger import Ledger
from asc.speculators.outcomes import Outcomes
from asc.speculators.rationing import Rationing
from asc.types import Decision, Plan

_WORK = ("predict", "validate")  # what judging a candidate costs


class Bounded(NamedTuple):
    """Boundaries at which horizons were left out: those beyond `Recognition.furthest`."""

    boundaries: int = 0
    furthest: int = 0  # steps, at the latest of them


class JudgedScheduler:
    """Plans the candidates of a boundary: one for each horizon, and one for each predictor that updates in place."""

    class Config(Rationing.Config):
        """How judged speculation is rationed."""

        horizons: tuple[NonNegativeInt, ...] = Field(
            (), description="horizons to predict at, in steps; by default the distance to the next boundary"
        )
        candidates: int = Field(8, ge=1, description="candidates that are judged at one boundary at most")

    def __init__(
        self,
        config: Config,
        predictors: Sequence[str],
        in_place: Collection[str],
        ledger: Ledger,
        outcomes: Outcomes,
    ) -> None:
        self._config, self._in_place, self._ledger, self._outcomes = config, frozenset(in_place), ledger, outcomes
        self._rationing = Rationing(predictors, ledger)
        self.bounded = Bounded()

    def plans(self, superstep: int, furthest: int | None = None) -> list[Plan]:
        """Return what to judge at this boundary, up to `furthest` steps ahead; nothing while paused or overdrawn."""
        capacity = self._config.candidates
        if not self._rationing.open(capacity):
            return []

        def gain(plan: Plan) -> float:
            """Probability times past gains; before any, the skipped steps, or a superstep for an update in place."""
            faded = self._outcomes.at(plan.predictor, plan.horizon)
            return faded.probability * (faded.gain or plan.horizon or superstep)

        def price(_: Plan) -> float:
            return self._ledger.price(_WORK, "validate")

        return self._rationing.choose(self._options(superstep, furthest), capacity, gain, price)

    @property
    def fault(self) -> str:
        """Why nothing is predicted any more; empty while a predictor is left."""
        return self._rationing.fault

    def learn(self, decision: Decision) -> bool:
        """Take a decision into account; return whether it has just switched off its predictor."""
        self._outcomes.note(decision, decision.plan.horizon)
        return self._rationing.learn(decision)

    def _options(self, superstep: int, furthest: int | None) -> list[list[Plan]]:
        """Return the alternatives: each update in place alone, then, for each horizon, one plan for each predictor."""
        predictors = self._rationing.predictors
        in_place = [[Plan(name, 0)] for name in predictors if name in self._in_place]
        ahead = [name for name in predictors if name not in self._in_place]
        horizons = (self._config.horizons or (superstep,)) if ahead else ()
        tried = [horizon for horizon in horizons if furthest is None or horizon <= furthest]
        if furthest is not None and len(tried) < len(horizons):
            self.bounded = Bounded(self.bounded.boundaries + 1, int(furthest))
        return in_place + [[Plan(name, horizon) for name in ahead] for horizon in tried]

    def state_dict(self) -> dict[str, Any]:
        """Return what outcomes have taught, the state of the pauses, and where horizons were left out."""
        learnt = {"outcomes": self._outcomes.state_dict(), "rationing": self._rationing.state_dict()}
        return learnt | {"bounded": list(self.bounded)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._outcomes.load_state_dict(state["outcomes"])
        self._rationing.load_state_dict(state["rationing"])
        self.bounded = Bounded(*state["bounded"])
