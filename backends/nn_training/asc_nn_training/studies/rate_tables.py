"""The tables of the study of rates: what each rate has come to, and what each way of choosing finds and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any, NamedTuple

import numpy as np

from asc.study import Cell, Table
from asc_nn_training.studies.formats import mean_std, plus_minus
from asc_nn_training.studies.halving import Rung, best, kendall

Record = Mapping[str, Any]


class Arm(NamedTuple):
    """A way of choosing: the loss that ranks trainings, and at which rungs; without rungs all are annealed."""

    ranked_by: str  # a loss in the records
    rungs: tuple[Rung, ...] = ()


class Plan(NamedTuple):
    """What a study was to train: rates in ascending order, rungs, and where each decay begins."""

    rates: tuple[float, ...]
    rungs: tuple[Rung, ...]
    forks: Mapping[float, int]
    steps: int

    @property
    def halving(self) -> Arm:
        """The way of choosing that the study itself takes."""
        return Arm("read_out", self.rungs)

    @property
    def arms(self) -> dict[str, Arm]:
        """Every way of choosing."""
        first_only = (self.rungs[0]._replace(kept=1),)
        return {
            "full sweep": Arm("gate"),
            "live halving": Arm("live", self.rungs),
            "read-out halving": self.halving,
            "first rung only, live": Arm("live", first_only),
            "first rung only, read-out": Arm("read_out", first_only),
        }

    @property
    def full_steps(self) -> int:
        """The steps of a full sweep, if no training diverges."""
        return len(self.rates) * (max(self.forks.values()) + sum(self.steps - fork for fork in self.forks.values()))


class Choice(NamedTuple):
    """What a way of choosing has found with one seed, and the price of what it would have trained."""

    end: Record | None  # of the annealed training with the lowest loss on the gate set; None if all have diverged
    steps: int
    seconds: float

    @property
    def test(self) -> float:
        """The test loss of the choice."""
        return inf if self.end is None else float(self.end["test"])

    @property
    def named(self) -> str:
        """The rate that was chosen, with the share of the steps over which it falls."""
        return "none" if self.end is None else f"{self.end['rate']:g} ({self.end['decay']:g})"


def choose(records: Sequence[Record], plan: Plan, arm: Arm) -> Choice | None:
    """Follow a way of choosing through the records of one seed; None where it needs a training that is not done yet."""
    known = {(r["rate"], r["decay"], r["position"]): r for r in records}
    diverged = {r["rate"] for r in records if r["diverged"]}
    until, staying, seconds = dict.fromkeys(plan.rates, 0), list(plan.rates), 0.0
    for rung in arm.rungs:
        losses = dict[float, float]()
        for rate in staying:
            found, until[rate] = known.get((rate, None, rung.position)), rung.position
            if found is None and rate not in diverged:
                return None
            losses[rate] = _loss(found, arm.ranked_by)
            if found is not None:
                seconds += found["moved_s"] + found["live_s"]
                seconds += found["read_out_s"] if arm.ranked_by == "read_out" else 0.0
        staying = best(losses, rung.kept)
    if any((rate, decay, plan.steps) not in known for rate in staying if rate not in diverged for decay in plan.forks):
        return None
    until |= dict.fromkeys(staying, plan.steps)
    trained = [r for r in records if r["position"] <= until[r["rate"]]]
    ends = [r for r in trained if r["decay"] is not None and not r["diverged"]]
    end = min(ends, key=lambda r: float(r["gate"]), default=None)
    return Choice(end, sum(r["steps"] for r in trained), seconds + sum(r["seconds"] for r in trained))


class Outcome(NamedTuple):
    """A way of choosing beside the full sweep, with one seed."""

    choice: Choice
    regret: float  # the test loss less that of the best training, nats a token
    steps: float  # as a share of the full sweep's
    seconds: float  # as a share of the full sweep's
    tau: float  # between the ranking at the first rung, of the full sweep that at the end, and that of test losses


def compare(records: Sequence[Record], plan: Plan) -> dict[str, Outcome] | None:
    """Compare the ways of choosing with one seed; None if not all rates are trained to the end yet."""
    full = choose(records, plan, plan.arms["full sweep"])
    if full is None or full.end is None:
        return None
    final = [_last(records, rate, "test") for rate in plan.rates]
    found = dict[str, Outcome]()
    for name, arm in plan.arms.items():
        choice = choose(records, plan, arm)
        assert choice is not None, "everything is trained"
        if arm.rungs:
            first = {r["rate"]: r for r in records if (r["decay"], r["position"]) == (None, arm.rungs[0].position)}
            early = [_loss(first.get(rate), arm.ranked_by) for rate in plan.rates]
        else:
            early = [_last(records, rate, arm.ranked_by) for rate in plan.rates]
        shares = choice.steps / full.steps, choice.seconds / full.seconds
        found[name] = Outcome(choice, choice.test - min(final), *shares, kendall(early, final))
    return found


def by_seed(records: Sequence[Record]) -> dict[int, list[Record]]:
    """Return the records of each seed, in the order of the journal."""
    return {seed: [r for r in records if r["seed"] == seed] for seed in dict.fromkeys(r["seed"] for r in records)}


def rates_table(records: Sequence[Record], plan: Plan, about: str) -> Table:
    """Return each rate's losses at the rungs, before its decays and at its end, as means over seeds."""
    stops = sorted({*(rung.position for rung in plan.rungs), *plan.forks.values()})
    several = len(plan.forks) > 1
    columns = ["rate"]
    columns += [f"step {position}, {name}" for position in stops for name in ("live", "read-out")]
    columns += [f"test, decay {decay:g}" if several else "test" for decay in plan.forks]
    rows = []
    for rate in plan.rates:
        own = [r for r in records if r["rate"] == rate]
        cells = [_mean(own, None, position, name) for position in stops for name in ("live", "read_out")]
        cells += [_mean(own, decay, plan.steps, "test") for decay in plan.forks]
        rows.append((f"{rate:g}", *cells))
    notes = (
        f"{about} Seeds: {len(by_seed(records))}; means over those that came so far.",
        "Nats a token: on the gate set at a constant rate, of the live weights and of the best read-out; then on the "
        "test set, annealed. A rate that was dropped has no later losses.",
    )
    return Table("rates", "Losses by learning rate", tuple(columns), tuple(rows), notes)


def choices_table(records: Sequence[Record], plan: Plan, about: str) -> Table:
    """Return the best rate of each seed."""
    rows = []
    for seed, own in by_seed(records).items():
        if (choice := choose(own, plan, plan.halving)) is None:
            continue
        end = choice.end or {}
        losses = (_number(end.get("gate")), _number(end.get("test")))
        rows.append((seed, choice.named, *losses, f"{choice.steps / plan.full_steps:.0%}"))
    notes = (
        f"{about} The annealed training with the lowest loss on the gate set, or none if all have diverged; nats a "
        "token. steps: as a share of a sweep that trains every rate to the end.",
    )
    columns = ("seed", "rate (decay)", "gate loss", "test loss", "steps")
    return Table("choice", "The best learning rate", columns, tuple(rows), notes)


def arms_table(records: Sequence[Record], plan: Plan, about: str) -> Table:
    """Return what each way of choosing finds and costs, as means over the seeds that are done."""
    compared = [found for own in by_seed(records).values() if (found := compare(own, plan)) is not None]
    rows = []
    for name in plan.arms if compared else ():
        outcomes = [found[name] for found in compared]
        row: tuple[Cell, ...] = (
            name,
            ", ".join(outcome.choice.named for outcome in outcomes),
            _spread([outcome.choice.test for outcome in outcomes]),
            _spread([outcome.regret for outcome in outcomes]),
            f"{np.mean([outcome.steps for outcome in outcomes]):.0%}",
            f"{np.mean([outcome.seconds for outcome in outcomes]):.0%}",
            _spread([outcome.tau for outcome in outcomes], 2),
        )
        rows.append(row)
    notes = (
        f"{about} Seeds: {len(compared)}. Each chooses for itself; ± is the standard deviation over seeds.",
        "regret: the test loss less that of the best rate, nats a token. The gate set chooses among what is annealed, "
        "so the full sweep can have a regret too. steps, seconds: of what the way would have trained, as a share of "
        "the full sweep; the seconds include evaluations at its rungs, and leaving and resuming trainings there.",
        "tau: Kendall's tau between the ranking at the first rung and that by final test losses; of the full sweep, "
        "between the final rankings by gate and by test losses.",
    )
    columns = ("way", "rate (decay)", "test loss", "regret", "steps", "seconds", "tau")
    return Table("arms", "What each way of choosing finds, and what it costs", columns, tuple(rows), notes)


def as_numbers(records: Sequence[Record], plan: Plan) -> list[dict[str, Any]]:
    """Return the comparison as numbers, one object for each seed and way of choosing."""
    found = []
    for seed, own in by_seed(records).items():
        for name, outcome in (compare(own, plan) or {}).items():
            end = outcome.choice.end or {}
            chosen = {key: end.get(key) for key in ("rate", "decay", "gate", "test")}
            regret = outcome.regret if isfinite(outcome.regret) else None
            cost = {"steps": outcome.steps, "seconds": outcome.seconds}
            found.append({"seed": seed, "way": name, **chosen, "regret": regret, **cost, "tau": outcome.tau})
    return found


def _loss(record: Record | None, name: str) -> float:
    return inf if record is None or record[name] is None else float(record[name])


def _last(records: Sequence[Record], rate: float, name: str) -> float:
    """Return the lowest final loss of a rate; infinite if it has diverged."""
    ends = [_loss(r, name) for r in records if r["rate"] == rate and r["decay"] is not None]
    return min(ends, default=inf)


def _mean(records: Sequence[Record], decay: float | None, position: int, name: str) -> Cell:
    losses = [_loss(r, name) for r in records if (r["decay"], r["position"]) == (decay, position)]
    return _number(float(np.mean(losses))) if losses else None


def _number(loss: float | None) -> str | None:
    if loss is None:
        return None
    return f"{loss:.4f}" if isfinite(loss) else "diverged"


def _spread(values: Sequence[float], digits: int = 4) -> str:
    return plus_minus(*mean_std(values), digits) if all(map(isfinite, values)) else "diverged"
