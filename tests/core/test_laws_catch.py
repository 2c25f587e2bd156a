"""The checks find engines that break them. Computations and components that break laws are in `mutants`."""

from __future__ import annotations

import pytest

from asc.computation import Computation
from asc.engine import Engine
from asc.predictor import Predictor
from asc.predictors.linear import Linear
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import (
    PRICES,
    check_accounted,
    check_bounded,
    check_driven,
    check_judging,
    check_rejection,
    check_same_end,
    check_snapshot,
)
from asc.testing.clock import Clock, Priced, Slow
from asc.testing.laws import ExactLaws
from asc.testing.stand_ins import Accept, Garbage, Reject, Silent
from asc.types import Snapshot
from asc.validator import Validator


def linear() -> dict[str, Predictor]:
    return {"linear": Linear()}


class ForgetsThePosition(Descent):
    def restore(self, snapshot: Snapshot) -> None:
        super().restore(snapshot)
        self._position += 1


def test_a_position_that_is_not_restored() -> None:
    with pytest.raises(AssertionError, match="did not bring back"):
        check_snapshot(lambda: ForgetsThePosition(100))


def test_transparency() -> None:
    with pytest.raises(AssertionError, match=r"ended in another state than without, after [1-9]"):
        check_same_end(
            lambda: Descent(300),
            lambda computation: assemble(
                computation, linear(), validator=Accept(), scheduler=JudgedScheduler.Config(horizons=(8,))
            ),
        )


def test_laws_that_had_nothing_to_test_say_so() -> None:
    def silent(computation: Computation) -> Engine:
        return assemble(computation, {"silent": Silent()}, scheduler=JudgedScheduler.Config(horizons=(8,)))

    with pytest.raises(AssertionError, match="no candidate was rejected"):
        check_rejection(lambda: Descent(300), silent)
    with pytest.raises(AssertionError, match="no candidate was judged"):
        check_judging(lambda: Descent(300), {"silent": Silent()}, Reject(), (8,))
    with pytest.raises(AssertionError, match="at its end from the start"):
        check_driven(lambda: Descent(0), silent)


def test_driven_from_outside() -> None:
    validators: list[Validator] = [Reject(), Accept()]

    def build(computation: Computation) -> Engine:
        return assemble(
            computation, linear(), validator=validators.pop(), scheduler=JudgedScheduler.Config(horizons=(8,))
        )

    with pytest.raises(AssertionError, match="in another state than by run"):
        check_driven(lambda: Descent(300), build)


def test_bounded_downside() -> None:
    """A core that lets speculation lose more than the law allows is caught."""
    clock = Clock()
    slow = {"slow": Slow(Garbage(), clock, 20 * PRICES["step"])}
    generous = ExecutedScheduler.Config(overdraft=5.0)
    exact = assemble(Priced(machine("digest", 4000), clock, PRICES), slow, clock=clock, scheduler=generous)
    with pytest.raises(AssertionError, match="speculation has lost"):
        check_bounded(exact)
    prices = {"validate": 3.0, "predict": 1.0}
    judged = assemble(
        Descent(4000, prices=prices), linear(), scheduler=JudgedScheduler.Config(overdraft=5.0, horizons=(99,))
    )
    with pytest.raises(AssertionError, match="speculation has lost"):
        check_bounded(judged, overdraft=0.0001)


class TakesTimeToKnowWhereItIs(Priced):
    def position(self) -> int:
        self._clock.move(1e-5)
        return super().position()


def test_everything_is_on_the_clock() -> None:
    clock = Clock()
    engine = assemble(TakesTimeToKnowWhereItIs(machine("count", 300), clock, PRICES), linear(), clock=clock)
    with pytest.raises(AssertionError, match="seconds passed, and"):
        check_accounted(engine, clock)


class TestOfAWrongKind(ExactLaws):
    """A judged computation under the laws of executable ones."""

    __test__ = False

    def computation(self) -> Computation:
        return Descent(100)


def test_the_laws_of_exact_computations_need_an_executable_one() -> None:
    with pytest.raises(AssertionError, match=r"extends no asc\.computation\.Executable"):
        TestOfAWrongKind().test_loss_is_bounded()
