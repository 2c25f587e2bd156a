"""Judged speculation: predict, and let a validator decide at once whether the candidate is good enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar, Self

from asc import answers
from asc.cache import Cache
from asc.calls import call
from asc.computation import Computation
from asc.errors import AscError, describe_error
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.settings import CreateComponent
from asc.speculators.candidates import predict
from asc.speculators.explain import Facts
from asc.speculators.judged.explain import explain
from asc.speculators.judged.judge import Judge
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.outcomes import Outcomes
from asc.speculators.pool import Pool
from asc.speculators.speculator import Speculator
from asc.types import Boundary, Candidate, Decision, Fault, Outcome, Plan, Snapshot, Transition
from asc.validator import Validator


class JudgedSpeculator(Speculator):
    """Of a boundary's accepted candidates, the one with the largest gain goes into the cache.

    A leap replaces the state by one that plain steps would not have reached, so a new segment starts there.
    """

    timed: ClassVar[bool] = False
    leaps_first: ClassVar[bool] = False

    def __init__(
        self,
        predictors: Mapping[str, Predictor],
        validator: Validator,
        ledger: Ledger,
        config: JudgedScheduler.Config | None = None,
        validator_name: str = "validator",
    ) -> None:
        self._predictors, self._judge, self._ledger = predictors, Judge(validator, validator_name), ledger
        self.remarks = validator.remarks
        self.outcomes = Outcomes()
        in_place = [name for name, predictor in predictors.items() if predictor.in_place]
        self._scheduler = JudgedScheduler(
            config or JudgedScheduler.Config(), list(predictors), in_place, ledger, self.outcomes
        )
        self._first = {name: deepcopy(_learnt(name, predictor)) for name, predictor in predictors.items()}
        self._unsettled: set[str] = set()  # predictors whose candidates have been judged but not settled
        self._regimes: Counter[str] = Counter()  # boundaries, by label
        self._leaps: list[dict[str, Any]] = []  # every candidate that was judged

    @classmethod
    def assemble(
        cls,
        config: Any,
        predictors: Mapping[str, Predictor],
        ledger: Ledger,
        create: CreateComponent,
        pool: Pool | None,
    ) -> Self:
        """Make the speculator from an `asc.config.run.JudgedConfig`, with the validator by its name."""
        if pool is not None and pool.workers:
            raise AscError(
                f"This backend's candidates are judged, and its pool has {pool.workers} workers, which would have "
                "nothing to do: leave pool(computation) out, or extend asc.ExecutedConfig."
            )
        validator = create("validator", config.validator.name, config.validator.settings)
        return cls(predictors, validator, ledger, config.scheduler, config.validator.name)

    def speculate(
        self,
        computation: Computation,
        history: Sequence[Snapshot],
        superstep: int,
        cache: Cache,
        furthest: int | None = None,
    ) -> Sequence[Decision]:
        """Judge every plan's candidate; insert the best of those accepted. No plan looks beyond `furthest` steps."""
        if self._judge.fault:
            return ()
        with self._ledger.work("plan"):
            plans = self._scheduler.plans(superstep, furthest)
        accepted: list[tuple[Decision, Candidate]] = []
        decisions: list[Decision] = []
        for plan in plans:
            decision, candidate = self.judge(computation, history, plan, len(plans), superstep)
            decisions.append(decision)
            if candidate is not None and decision.outcome is Outcome.ACCEPTED:
                accepted.append((decision, candidate))
            del candidate  # a rejected one may hold memory
        for decision, candidate in sorted(accepted, key=lambda pair: merit(pair[0]), reverse=True):
            transition = Transition(
                candidate.start,
                candidate.horizon,
                candidate.state,
                candidate.nbytes,
                candidate.source,
                gain_steps=decision.gain_steps,
            )
            if computation.agrees(transition):  # it does not lead past the end
                cache.insert(transition)
                break
        return decisions

    def judge(
        self, computation: Computation, history: Sequence[Snapshot], plan: Plan, rivals: int, superstep: int = 0
    ) -> tuple[Decision, Candidate | None]:
        """Judge a plan's candidate; of a chain, each link against the one before, up to the first rejected one.

        The links need no correction for their number: a link is tested only where all links before it were accepted.
        A link that the validator gives no verdict on leaves the whole chain without one. A superstep has `superstep`
        steps, where that is known. Returns the decision and the candidate that it is about, even a rejected one; None
        where none was judged.
        """
        try:
            predictor = self._predictors[plan.predictor]
            links = answers.links(call(_title(plan.predictor), predictor.links, plan.horizon), plan.horizon)
        except Exception as error:  # noqa: BLE001 -- a predictor is foreign code, and must never end the run
            return Decision(plan, Outcome.FAILED, reason=describe_error(error)), None
        kept: Candidate | None = None
        change: float | None = None
        gain, reached, reason = 0.0, 0, ""
        for number, distance in enumerate(links, 1):
            link = plan._replace(horizon=distance)
            candidate = predict(computation, history, link, self._predictors, self._ledger)
            if isinstance(candidate, Decision):
                if kept is None:
                    return candidate._replace(plan=plan), None
                break
            self._unsettled.add(plan.predictor)
            base = None if kept is None else kept.state
            posed = candidate._replace(rivals=rivals, base=base, reach=distance or superstep, base_reach=reached)
            with self._ledger.work("validate"):
                verdict = self._judge.verdict(computation, posed)
            if isinstance(verdict, str):
                return Decision(plan, Outcome.UNJUDGED, reason=f"the validator {verdict}"), None
            why = f"link {number} of {len(links)}: {verdict.reason}" if len(links) > 1 else verdict.reason
            if not verdict.accepted:
                if kept is None:
                    return Decision(plan, Outcome.REJECTED, verdict.gain_steps, why, verdict.change), candidate
                reason = f"{reason}; rejected, {why}"
                break
            kept, gain, reached, reason = candidate, gain + verdict.gain_steps, distance, why
            change = verdict.change if change is None else change + (verdict.change or 0.0)
        return Decision(plan, Outcome.ACCEPTED, gain, reason, change, reached), kept

    def forget(self) -> None:
        """Let each predictor forget what it has kept."""
        for name, state in self._first.items():
            self._predictors[name].load_state_dict(deepcopy(state))
        self._unsettled.clear()

    def leap(self, computation: Computation, transition: Transition) -> bool:
        """Apply a transition; the snapshots before it lie on another trajectory."""
        with self._ledger.work("apply"):
            computation.apply(transition)
        return False

    def settle(self, boundary: Boundary, applied: bool) -> Sequence[Fault]:
        """Tell the predictors whether the run leapt to their candidates, learn, and log every judged candidate."""
        self._regimes[boundary.label] += 1
        if not boundary.decisions:
            return ()
        failed = self.settle_predictors({leap.source for leap in boundary.leaps} if applied else set())
        self._log(boundary)
        switched_off = [d for d in (*boundary.decisions, *failed) if self._scheduler.learn(d)]
        faults = [Fault("predictor", d.plan.predictor, d.reason, switched_off=True) for d in switched_off]
        return [*faults, *self._judge.settle(boundary.decisions)]

    def settle_predictors(self, taken: set[str]) -> list[Decision]:
        """Tell each predictor with an unsettled candidate whether the run leapt to it; return those that raised."""
        failed = []
        for name in sorted(self._unsettled):
            try:
                call(_title(name), self._predictors[name].settle, name in taken)
            except Exception as error:  # noqa: BLE001 -- as above
                failed.append(Decision(Plan(name, 0), Outcome.FAILED, reason=describe_error(error)))
        self._unsettled.clear()
        return failed

    def chains(self, leaps: int) -> bool:
        """Whether another hit may follow: none does."""
        return not leaps

    def rest(self, superstep: int) -> int:
        """Return how many supersteps to take before the next boundary."""
        return self._ledger.rest(superstep)

    def explain(self, facts: Facts) -> str:
        """Say in one sentence why there is a gain, or none."""
        fault = facts.fault or self._judge.fault or self._scheduler.fault
        return explain(facts._replace(fault=fault), self.outcomes, self._scheduler.bounded)

    def compare(self, speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
        """Name the plain run's outcome; the ends differ, so only the backend can say which run was faster."""
        return {"net_speedup": None, "identical": None, "plain_outcome": dict(plain["outcome"])}

    def figures(self) -> Mapping[str, Any]:
        """Return the number of boundaries by regime, and every judged candidate."""
        return {"regimes": dict(self._regimes), "leaps": list(self._leaps)}

    def state_dict(self) -> dict[str, Any]:
        """Return what scheduler, predictors and validator have learnt, and the log."""
        components = {f"predictor {name}": _learnt(name, predictor) for name, predictor in self._predictors.items()}
        components["validator"] = self._judge.state_dict()
        log = {"regimes": dict(self._regimes), "leaps": list(self._leaps)}
        return {"scheduler": self._scheduler.state_dict(), "components": components} | log

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._scheduler.load_state_dict(state["scheduler"])
        for name, component in self._components():
            component.load_state_dict(state["components"][name])
        self._regimes, self._leaps = Counter(state["regimes"]), list(state["leaps"])

    def _components(self) -> list[tuple[str, Predictor | Judge]]:
        named = [(f"predictor {name}", predictor) for name, predictor in self._predictors.items()]
        return [*named, ("validator", self._judge)]

    def _log(self, boundary: Boundary) -> None:
        accepted = [d for d in boundary.decisions if d.outcome is Outcome.ACCEPTED]
        taken = max(accepted, key=merit) if accepted and boundary.leaps else None
        self._leaps += [
            {
                "position": boundary.position,
                "predictor": decision.plan.predictor,
                "horizon": decision.horizon,
                "regime": boundary.label,
                "accepted": decision.outcome is Outcome.ACCEPTED,
                "taken": decision is taken,
                "gate_change": decision.change,
                "gain_steps": decision.gain_steps,
                "reason": decision.reason,
            }
            for decision in boundary.decisions
            if decision.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
        ]


def _title(name: str) -> str:
    return f'The predictor "{name}"'


def _learnt(name: str, predictor: Predictor) -> dict[str, Any]:
    return answers.learnt(_title(name), predictor)


def merit(decision: Decision) -> tuple[float, float]:
    """What accepted candidates are ranked by: their gain, and the fall of the loss where no gain is known."""
    return decision.gain_steps, -(decision.change or 0.0)
