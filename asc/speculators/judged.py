"""Judged speculation: predict, and let the validator say now whether the candidate is good enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from asc.computation import Cache, Chains, Computation, Predictor, Settles, Stateful, Validator
from asc.errors import AscError, describe_error
from asc.ledger import Ledger
from asc.speculators.guess import guess
from asc.types import Attempt, Candidate, Outcome, Plan, Snapshot, Span, Transition, Verdict


class Judged:
    """Of the candidates that a boundary's plans yield, the accepted one with the largest gain goes into the cache."""

    def __init__(
        self, predictors: Mapping[str, Predictor], validator: Validator, ledger: Ledger, candidates: int = 8
    ) -> None:
        self._predictors, self._validator, self._ledger, self._candidates = predictors, validator, ledger, candidates
        self._proposed: set[str] = set()  # predictors whose candidates have been judged but not settled

    workers = 0
    fault = ""

    def slowdown(self) -> float | None:
        """No workers, no slowdown."""
        return None

    def capacity(self) -> int:
        """How many candidates are judged at one boundary at most."""
        return self._candidates

    def covered(self) -> Mapping[int, int]:
        """Nothing is under way between boundaries."""
        return {}

    def speculate(
        self, computation: Computation, history: Sequence[Snapshot], plans: Sequence[Plan], cache: Cache
    ) -> Sequence[Attempt]:
        """Judge every plan's candidate; insert the best of those accepted."""
        tried = [self._accepted(*self.attempt(computation, history, plan, len(plans))) for plan in plans]
        accepted = [(attempt, candidate) for attempt, candidate in tried if candidate is not None]
        for attempt, candidate in sorted(accepted, key=lambda pair: merit(pair[0]), reverse=True):
            transition = Transition(
                candidate.start,
                candidate.horizon,
                candidate.state,
                candidate.nbytes,
                candidate.source,
                gain_steps=attempt.gain_steps,
            )
            if computation.agrees(transition):  # it does not lead past the end
                cache.insert(transition)
                break
        return [attempt for attempt, _ in tried]

    def attempt(
        self, computation: Computation, history: Sequence[Snapshot], plan: Plan, rivals: int
    ) -> tuple[Attempt, Candidate | None]:
        """Judge a plan's candidate; of a chain, each link against the one before, up to the first that is refused.

        The links need no correction for their number: one is tested only where all before it were accepted. Returned
        with the attempt is the candidate that it tells of, be it refused; None where there was none.
        """
        predictor = self._predictors[plan.predictor]
        links = predictor.links(plan.horizon) if isinstance(predictor, Chains) else (plan.horizon,)
        kept: Candidate | None = None
        change: float | None = None
        gain, reached, reason = 0.0, 0, ""
        for number, distance in enumerate(links, 1):
            link = plan._replace(horizon=distance)
            candidate = guess(computation, history, link, self._predictors, self._ledger)
            if isinstance(candidate, Attempt):
                if kept is None:
                    return candidate._replace(plan=plan), None
                break
            self._proposed.add(plan.predictor)
            base = None if kept is None else kept.state
            since = self._ledger.clock()
            verdict = self._judge(computation, candidate._replace(rivals=rivals, base=base))
            self._ledger.charge("validate", since, computation.cost("validate"))
            told = f"link {number} of {len(links)}: {verdict.reason}" if len(links) > 1 else verdict.reason
            if not verdict.accepted:
                if kept is None:
                    return Attempt(plan, Outcome.REJECTED, verdict.gain_steps, told, verdict.change), candidate
                reason = f"{reason}; refused, {told}"
                break
            kept, gain, reached, reason = candidate, gain + verdict.gain_steps, distance, told
            change = verdict.change if change is None else change + (verdict.change or 0.0)
        return Attempt(plan, Outcome.ACCEPTED, gain, reason, change, reached), kept

    @staticmethod
    def _accepted(attempt: Attempt, candidate: Candidate | None) -> tuple[Attempt, Candidate | None]:
        """Let go of what was refused, which may hold memory."""
        return attempt, candidate if attempt.outcome is Outcome.ACCEPTED else None

    def settle(self, leaps: Sequence[Transition]) -> None:
        """Tell the predictors whether the run has leapt to what they proposed."""
        taken = {leap.source for leap in leaps}
        for name in sorted(self._proposed):
            predictor = self._predictors[name]
            if isinstance(predictor, Settles):
                predictor.settle(name in taken)
        self._proposed.clear()

    def _judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        try:
            verdict = self._validator.judge(computation, candidate)
            return verdict if math.isfinite(verdict.gain_steps) else verdict._replace(gain_steps=0.0)
        except AscError:  # a user's mistake, such as a backend that has no scores to compare
            raise
        except Exception as error:  # noqa: BLE001 -- a validator is anybody's code, and must never end the run
            return Verdict(False, 0.0, f"the validator raised {describe_error(error)}")

    def state_dict(self) -> dict[str, Any]:
        """Return what the predictors and the validator have learnt."""
        return {name: part.state_dict() for name, part in self._parts()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        for name, part in self._parts():
            part.load_state_dict(state[name])

    def _parts(self) -> list[tuple[str, Stateful]]:
        named = {f"predictor {name}": predictor for name, predictor in self._predictors.items()}
        parts = (named | {"validator": self._validator}).items()
        return [(name, part) for name, part in parts if isinstance(part, Stateful)]

    def collect(self, computation: Computation, cache: Cache) -> Sequence[Attempt]:
        """Nothing arrives later: every candidate was judged at once."""
        return ()

    def spans(self) -> Sequence[Span]:
        """No workers, no spans."""
        return ()

    def close(self) -> None:
        """Nothing to let go of."""


def merit(attempt: Attempt) -> tuple[float, float]:
    """What accepted candidates are ranked by: their gain, and the fall of the loss where no gain is known."""
    return attempt.gain_steps, -(attempt.change or 0.0)
