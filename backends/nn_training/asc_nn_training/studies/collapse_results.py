"""The results of `asc study collapse`, read from its journals: inspections, and where every arm ends at which price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from asc_nn_training.studies.collapse_plan import CollapsePlan, Inspection, barriers
from asc_nn_training.studies.collapse_run import RATES, ensemble_folder
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.results import seed_folder
from asc_nn_training.studies.training_ensemble import AVERAGE, ONE, inspections

SINGLE, PARALLEL = "one", "data parallel"
TO_ONE, TO_AVERAGE, AVERAGED, BEST = "collapse to one", "collapse to average", "average at the end", "best at the end"


class Arm(NamedTuple):
    """Where an arm ends in one seed, and what it took. Steps are those of one member, with its batch."""

    test_loss: float  # nats a token; infinite if the training diverged
    dev_loss: float
    steps: int  # of all members together
    inspections: float  # the price of the inspections that the arm needs, in plain steps


class EnsembleLog(NamedTuple):
    """One ensemble: its inspections, and the records of its arms."""

    together: int
    inspections: list[Inspection]
    ends: dict[str, list[dict[str, Any]]]  # by kind

    def collapse(self, plan: CollapsePlan) -> Inspection | None:
        """Return the inspection of the collapse."""
        return plan.collapse(self.inspections)

    def test_losses(self) -> list[float]:
        """Return the members' losses at the end."""
        return [_losses(record)[0] for record in self.ends.get("member", ())]

    def arms(self, plan: CollapsePlan) -> dict[str, Arm]:
        """Return the arms that have ended."""
        found, ends = dict[str, Arm](), self.ends
        if at := self.collapse(plan):
            price = _watching([each for each in self.inspections if each["position"] <= at["position"]], plan)
            for name, kind in ((TO_ONE, ONE), (TO_AVERAGE, AVERAGE)):
                if kind in ends:
                    found[name] = Arm(*_losses(ends[kind][0]), self._steps(plan, at["position"]), price)
        if "average" in ends:
            last, steps = self.inspections[-1], self._steps(plan, plan.steps)
            prices = last["prices"]
            if plan.connects(last):
                found[AVERAGED] = Arm(*_losses(ends["average"][0]), steps, prices["gate"] + prices["lines"])
            found[BEST] = Arm(*_losses(ends["member"][last["best"]]), steps, prices["gate"])
        return found

    def _steps(self, plan: CollapsePlan, collapse: int) -> int:
        """Return the steps of all members together if only one goes on after a position."""
        return self.together + plan.members * (collapse - self.together) + plan.steps - collapse


class CollapseResults:
    """All that the journals say so far. Ensembles are by seed and shared steps."""

    def __init__(
        self,
        plan: CollapsePlan,
        together: Sequence[int],
        ensembles: Mapping[int, Mapping[int, EnsembleLog]],
        parallel: Mapping[int, Mapping[str, dict[str, Any]]],
    ) -> None:
        self.plan, self.together, self.ensembles, self.parallel = plan, together, ensembles, parallel

    @property
    def inspections(self) -> bool:
        """Whether there is any inspection."""
        return any(log.inspections for logs in self.ensembles.values() for log in logs.values())

    def logs(self, together: int) -> list[EnsembleLog]:
        """Return the ensembles of all seeds with so many shared steps, of those that have an inspection."""
        return [log for logs in self.ensembles.values() if (log := logs[together]).inspections]

    @cached_property
    def rates(self) -> str | None:
        """The rates of data parallel that have the lower mean dev loss; None before any has ended."""
        mean = {rates: float(np.mean(found)) for rates in RATES if (found := self._dev_losses(rates))}
        most = max((len(self._dev_losses(rates)) for rates in mean), default=0)
        return min(
            (rates for rates in mean if len(self._dev_losses(rates)) == most), key=lambda r: mean[r], default=None
        )

    def arm(self, name: str, together: int | None = None) -> dict[int, Arm]:
        """Return an arm by seed."""
        plan = self.plan
        if name == PARALLEL:
            records = {seed: record for seed, by in self.parallel.items() if (record := by.get(self.rates or ""))}
            return {seed: Arm(*_losses(r), plan.members * plan.steps, 0.0) for seed, r in records.items()}
        if name == SINGLE:
            firsts = {seed: logs[self.together[0]].ends.get("member", ()) for seed, logs in self.ensembles.items()}
            return {seed: Arm(*_losses(found[0]), plan.steps, 0.0) for seed, found in firsts.items() if found}
        assert together is not None, f"the arm {name} belongs to an ensemble"
        arms = {seed: logs[together].arms(plan) for seed, logs in self.ensembles.items()}
        return {seed: found[name] for seed, found in arms.items() if name in found}

    def spread(self) -> float | None:
        """Return how much single trainings differ: the members' standard deviation, pooled over all ensembles."""
        logs = [log for logs in self.ensembles.values() for log in logs.values()]
        variances = [np.var(found, ddof=1) for log in logs if len(found := log.test_losses()) > 1]
        return float(np.sqrt(np.mean(variances))) if variances else None

    def _dev_losses(self, rates: str) -> list[float]:
        return [_losses(found[rates])[1] for found in self.parallel.values() if rates in found]


def load_results(folder: Path, seeds: Sequence[int], together: Sequence[int], plan: CollapsePlan) -> CollapseResults:
    """Read the journals of all seeds."""
    ensembles = {seed: {each: _ensemble(folder, seed, each) for each in together} for seed in seeds}
    parallel = {
        seed: {r["rates"]: r for r in Journal(seed_folder(folder, seed) / JOURNAL) if r["kind"] == PARALLEL}
        for seed in seeds
    }
    return CollapseResults(plan, together, ensembles, parallel)


def result_data(results: CollapseResults) -> dict[str, Any]:
    """Return inspections, barriers and arms as numbers."""
    plan, seeds = results.plan, []
    for seed, logs in results.ensembles.items():
        ensembles = [
            {
                "together": together,
                "collapse": None if (at := log.collapse(plan)) is None else at["position"],
                "inspections": [{**each, "barriers": barriers(each)} for each in log.inspections],
                "ends": log.ends,
                "arms": {name: arm._asdict() for name, arm in log.arms(plan).items()},
            }
            for together, log in logs.items()
            if log.inspections
        ]
        if ensembles:
            seeds.append({"seed": seed, "ensembles": ensembles, "data_parallel": results.parallel[seed]})
    return {"seeds": seeds, "rates": results.rates, "spread": results.spread()}


def _ensemble(folder: Path, seed: int, together: int) -> EnsembleLog:
    journal, ends = Journal(ensemble_folder(folder, seed, together) / JOURNAL), dict[str, list[dict[str, Any]]]()
    for record in journal:
        if "outcome" in record:
            ends.setdefault(record["kind"], []).append(record)
    return EnsembleLog(together, inspections(journal), ends)


def _losses(record: Mapping[str, Any]) -> tuple[float, float]:
    outcome = record["outcome"] or {}
    test, dev = (outcome.get(name) for name in ("test_loss", "dev_loss"))
    return np.inf if test is None else test, np.inf if dev is None else dev


def _watching(seen: Sequence[Inspection], plan: CollapsePlan) -> float:
    """Return the price of inspections in plain steps. Losses are needed only where enough members are calm."""
    works = {True: ("regimes", "gate", "lines"), False: ("regimes",)}
    return float(sum(each["prices"][work] for each in seen for work in works[plan.is_calm(each)]))
