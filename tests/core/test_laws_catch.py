"""The laws find what breaks them: each computation or part here is wrong in one way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from asc.allocator import Allocator
from asc.computation import Computation, Predictor, Validator
from asc.engine import Engine
from asc.errors import NonDeterministicStepError
from asc.predictors.linear import Linear
from asc.testing.assembly import assemble
from asc.testing.checks import (
    PRICES,
    check_accounted,
    check_bounded,
    check_driven,
    check_judging,
    check_rejection,
    check_reproducible,
    check_resumed,
    check_same_end,
    check_snapshot,
    check_stretches,
)
from asc.testing.clock import Clock, Priced, Slow
from asc.testing.laws import ComputationLaws, ExactLaws, JudgedLaws
from asc.testing.problems import PROGRAMS, Descent, Registers, machine
from asc.testing.stand_ins import Accept, Garbage, Refuse, Silent
from asc.types import Advanced, Candidate, Plan, Prediction, Snapshot, Transition, Verdict
from asc.validators.adaptive import Adaptive


def linear() -> dict[str, Predictor]:
    return {"linear": Linear()}


def count(kind: type[Registers], program: str = "count") -> Registers:
    step, words, sums = PROGRAMS[program]
    return kind(step, words, 600, sums)


def refused(computation: Computation) -> Engine:
    return assemble(computation, linear(), validator=Refuse(), allocator=Allocator.Config(horizons=(8,)))


class ForgetsTheRandomState(Descent):
    def restore(self, snapshot: Snapshot) -> None:
        kept = self._random.bit_generator.state
        super().restore(snapshot)
        self._random.bit_generator.state = kept


class ForgetsThePosition(Descent):
    def restore(self, snapshot: Snapshot) -> None:
        super().restore(snapshot)
        self._position += 1


class LendsItsSnapshot(Registers):
    def restore(self, snapshot: Snapshot) -> None:
        self._position, self._words = snapshot.position, snapshot.state


class SaysNothingInItsDigest(Descent):
    def digest(self) -> str:
        return "the same"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ForgetsTheRandomState(100), "did not bring back the state"),
        (lambda: ForgetsThePosition(100), "did not bring back"),
        (lambda: count(LendsItsSnapshot), "did not bring back the state"),
        (lambda: SaysNothingInItsDigest(100), "cannot show a difference"),
    ],
)
def test_snapshots(make: Any, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_snapshot(make)


class HiddenState(Descent):
    """Its digest leaves out the velocity, and so does what it restores."""

    def restore(self, snapshot: Snapshot) -> None:
        kept = self._velocity
        super().restore(snapshot)
        self._velocity = kept

    def digest(self) -> str:
        return f"{self._position} {self._vector.tobytes().hex()}"


def test_snapshots_that_leave_out_what_the_digest_does_not_show() -> None:
    with pytest.raises(AssertionError, match="leaves out something"):
        check_snapshot(lambda: HiddenState(100))


class DrawsToObserve(Descent):
    def observe(self) -> Snapshot:
        self._random.normal()
        return super().observe()


class RecordsAnotherStep(Registers):
    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        if record:
            self._words["n"] += 1  # type: ignore[operator]
        return super().advance(max_steps, record)


@pytest.mark.parametrize("make", [lambda: DrawsToObserve(100), lambda: count(RecordsAnotherStep)])
def test_stretches(make: Any) -> None:
    with pytest.raises(AssertionError, match="ended in two states"):
        check_stretches(make)


class ForgetsWhatItRead(Registers):
    def task(self, candidate: Candidate, steps: int, seconds: float | None) -> Callable[[], Transition | None]:
        task = super().task(candidate, steps, seconds)

        def run() -> Transition:
            transition = task()
            assert transition is not None
            return transition._replace(causal={})

        return run


def test_exactness() -> None:
    clock = Clock()

    def build(computation: Computation) -> Engine:
        return assemble(computation, linear(), clock=clock)

    with pytest.raises((AssertionError, NonDeterministicStepError), match="another"):
        check_same_end(lambda: Priced(count(ForgetsWhatItRead, "congruential"), clock, PRICES), build)


def test_transparency() -> None:
    with pytest.raises(AssertionError, match=r"ended in another state than without, after [1-9]"):
        check_same_end(
            lambda: Descent(300),
            lambda computation: assemble(
                computation, linear(), validator=Accept(), allocator=Allocator.Config(horizons=(8,))
            ),
        )


class DrawsToJudge(Descent):
    def score(self, state: Any | None, look: int) -> Any:
        self._random.normal()
        return super().score(state, look)


class MovesToMaterialise(Descent):
    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        self._vector = self._vector + 1e-9
        return super().materialise(prediction, history, plan)


class Judge(Refuse):
    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        assert isinstance(computation, Descent)
        computation.score(candidate.state, 0)
        return super().judge(computation, candidate)


@pytest.mark.parametrize("make", [lambda: DrawsToJudge(300), lambda: MovesToMaterialise(300)])
def test_rejection(make: Any) -> None:
    def build(computation: Computation) -> Engine:
        return assemble(computation, linear(), validator=Judge(), allocator=Allocator.Config(horizons=(8,)))

    with pytest.raises(AssertionError, match="took no leap and yet changed the state"):
        check_rejection(make, build)
    with pytest.raises(AssertionError, match="judging a candidate of linear at position 8 changed the computation"):
        check_judging(make, linear(), Judge(), (8,))


def test_laws_that_had_nothing_to_test_say_so() -> None:
    def silent(computation: Computation) -> Engine:
        return assemble(computation, {"silent": Silent()}, allocator=Allocator.Config(horizons=(8,)))

    with pytest.raises(AssertionError, match="no candidate was rejected"):
        check_rejection(lambda: Descent(300), silent)
    with pytest.raises(AssertionError, match="no candidate was judged"):
        check_judging(lambda: Descent(300), {"silent": Silent()}, Refuse(), (8,))
    with pytest.raises(AssertionError, match="at its end from the start"):
        check_driven(lambda: Descent(0), silent)


def test_driven_from_outside() -> None:
    validators: list[Validator] = [Refuse(), Accept()]

    def build(computation: Computation) -> Engine:
        return assemble(computation, linear(), validator=validators.pop(), allocator=Allocator.Config(horizons=(8,)))

    with pytest.raises(AssertionError, match="in another state than by run"):
        check_driven(lambda: Descent(300), build)


def test_bounded_downside() -> None:
    """A core that lets speculation lose more than the law allows is found out."""
    clock = Clock()
    slow = {"slow": Slow(Garbage(), clock, 20 * PRICES["step"])}
    generous = Allocator.Config(overdraft=5.0)
    exact = assemble(Priced(machine("digest", 4000), clock, PRICES), slow, clock=clock, allocator=generous)
    with pytest.raises(AssertionError, match="speculation has lost"):
        check_bounded(exact)
    prices = {"validate": 3.0, "predict": 1.0}
    judged = assemble(Descent(4000, prices=prices), linear(), allocator=Allocator.Config(overdraft=5.0, horizons=(99,)))
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


class ReadsTheClock(Descent):
    """Prices its judging by the time that this takes, which no inexact backend may."""

    clock = staticmethod(time.perf_counter)

    def cost(self, work: str) -> float:
        return 1e3 * self.clock() if work == "validate" else 0.0


def test_reproducibility() -> None:
    def build(computation: Computation, clock: Any) -> Engine:
        assert isinstance(computation, ReadsTheClock)
        computation.clock = clock
        return assemble(
            computation, linear(), validator=Accept(), allocator=Allocator.Config(horizons=(8,)), clock=clock
        )

    with pytest.raises(AssertionError, match="decided differently"):
        check_reproducible(lambda: ReadsTheClock(600), build)


class Moody(Adaptive):
    """Forgets what it has seen."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


def test_resuming() -> None:
    def build(computation: Computation) -> Engine:
        parts = {"validator": Moody(), "allocator": Allocator.Config(horizons=(8,), overdraft=9.0)}
        return assemble(computation, linear(), **parts)

    with pytest.raises(AssertionError, match="resumed at boundary 5, the run did not go on as it would have"):
        check_resumed(lambda: Descent(600), build)


def test_a_law_class_asks_for_its_computation() -> None:
    with pytest.raises(NotImplementedError, match=r"computation\(\) that makes the one to be tested"):
        ComputationLaws().test_steps_are_steps_however_grouped()


class TestOfAWrongKind(ExactLaws):
    """A judged computation under the laws of exact ones: its pricing has no task to price."""

    __test__ = False

    def computation(self) -> Computation:
        return Descent(100)


def test_the_laws_of_exact_computations_need_an_executable_one() -> None:
    with pytest.raises(AssertionError, match=r"has task\(\) and resembles\(\)"):
        TestOfAWrongKind().test_loss_is_bounded()


def test_every_law_test_is_a_method_that_pytest_finds() -> None:
    for laws in (ExactLaws, JudgedLaws):
        tests = [name for name in dir(laws) if name.startswith("test_")]
        assert len(tests) > 8
        assert not laws.__name__.startswith("Test")  # imported into a test module, the class itself is not collected
