"""The synthetic validator: it accepts at its rate, the same in every run, and pays for the looks of a real one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from asc.engine import Engine
from asc.predictor import Predictor
from asc.predictors.cascade import Cascade
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import drive, walk
from asc.types import Candidate, Decision, Outcome, Verdict
from asc.validators.synthetic import Synthetic

PRICES = {"observe": 0.01, "predict": 0.05, "validate": 0.5, "apply": 0.01}


class Counting(Descent):
    """Counts the looks at held-out losses."""

    looks = 0

    def score(self, state: Any | None, look: int) -> Any:
        self.looks += 1
        return super().score(state, look)


def judge(position: int, reach: int = 10, source: str = "linear", base_reach: int = 0, **settings: Any) -> Verdict:
    candidate = Candidate(position, 0, None, 0, source, reach=reach, base_reach=base_reach)
    return Synthetic(Synthetic.Config(**settings)).judge(Descent(9), candidate)


def run(validator: Synthetic, *horizons: int, shadow: bool = True, **predictors: Predictor) -> Engine:
    """Return an engine whose scheduler never pauses: every boundary has its candidates."""
    return assemble(
        Counting(4000, prices=PRICES),
        predictors or {"linear": Linear()},
        validator=validator,
        scheduler=JudgedScheduler.Config(horizons=horizons or (8,)),
        shadow=shadow,
    )


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_share_that_is_accepted_is_the_rate(rate: float) -> None:
    verdicts = [
        judge(position, reach, source, rate=rate).accepted
        for position in range(0, 20_000, 50)
        for reach in (50, 100, 200)
        for source in ("linear", "quadratic")
    ]
    deviation = math.sqrt(rate * (1 - rate) / len(verdicts))
    assert abs(sum(verdicts) / len(verdicts) - rate) <= 4 * deviation


def test_a_verdict_depends_on_position_predictor_and_horizon_and_on_nothing_else() -> None:
    one = [judge(position).accepted for position in range(200)]
    assert one == [judge(position).accepted for position in reversed(range(200))][::-1]
    for other in ({"reach": 11}, {"source": "quadratic"}):
        assert one != [judge(position, **other).accepted for position in range(200)]  # type: ignore[arg-type]


def test_a_higher_rate_accepts_all_that_a_lower_one_accepts() -> None:
    low, high = ([judge(position, rate=rate).accepted for position in range(500)] for rate in (0.2, 0.6))
    assert all(upper for lower, upper in zip(low, high, strict=True) if lower)


def test_the_gain_is_the_horizon_at_the_set_worth_and_of_a_link_its_own_part() -> None:
    assert judge(0, 40, rate=1).gain_steps == 40
    assert judge(0, 40, rate=1, worth=0.25).gain_steps == 10
    assert judge(0, 40, rate=1, base_reach=30).gain_steps == 10
    assert judge(0, 40, rate=0).gain_steps == 0


def gains(engine: Engine) -> list[Decision]:
    found = [decision for event in drive(engine) for decision in event.decisions]
    return [decision for decision in found if decision.outcome is Outcome.ACCEPTED]


def test_in_a_run_every_kind_of_candidate_has_its_gain() -> None:
    always = Synthetic.Config(rate=1.0)
    for decision in gains(run(Synthetic(always), 8, 24)):
        assert decision.gain_steps == decision.horizon
    for decision in gains(run(Synthetic(always), 24, cascade=Cascade(Cascade.Config(step=8)))):
        assert decision.gain_steps == decision.horizon == 24

    class Average(Mean):
        in_place = True

    for decision in gains(run(Synthetic(always), average=Average())):
        assert (decision.gain_steps, decision.horizon) == (8, 0)


def test_the_reason_says_that_it_was_drawn() -> None:
    assert judge(0, rate=1).reason == "drawn, not judged: 100% are accepted, at a gain that is set"
    assert judge(0, rate=0).reason == "drawn, not judged: 0% are accepted, and this one is not"


@pytest.mark.parametrize("looks", [0, 1, 4])
def test_it_pays_for_as_many_looks_as_are_set(looks: int) -> None:
    engine = run(Synthetic(Synthetic.Config(looks=looks)))
    engine.run()
    assert isinstance(engine.computation, Counting)
    assert engine.computation.looks == 2 * looks * engine.ledger.accounts()["validate"]["count"]


def test_a_computation_without_losses_is_no_obstacle() -> None:
    assert Synthetic(Synthetic.Config(rate=1)).judge(machine("count", 9), Candidate(0, 8, None, 0, "x")).accepted


def test_a_shadow_run_has_the_speed_up_that_was_worked_out_by_hand() -> None:
    """4000 steps, a candidate at each boundary but the first, all taken: leap, a superstep of 8 steps, leap, …"""
    engine = run(Synthetic(Synthetic.Config(rate=1.0)))
    engine.run()
    assert engine.computation.digest() == walk(Descent(4000))
    leaps = len(range(8, 4000 - 8, 16))  # each skips the next boundary, where nothing is counted
    taken = 4000 - 8 * leaps
    costs = 0.01 + leaps * (0.01 + 0.05 + 0.5)  # the first boundary has too few snapshots to predict from
    assert engine.shadow_speedup() == pytest.approx((taken + 8 * leaps) / (taken + costs), rel=1e-2)


def test_a_real_run_at_that_rate_has_nearly_the_speed_up_that_its_shadow_foretold() -> None:
    validator = Synthetic(Synthetic.Config(rate=0.4))
    shadow, real = run(validator, shadow=True), run(validator, shadow=False)
    shadow.run()
    real.run()
    foretold = shadow.shadow_speedup()
    assert foretold is not None
    assert real.ledger.speedup() == pytest.approx(foretold, rel=0.1)
    assert real.ledger.speedup() > 1.1
    assert real.shadow_speedup() is None
