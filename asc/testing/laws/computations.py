"""The laws of computations."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast
from unittest import SkipTest

from asc.allocator import Allocator
from asc.computation import Computation, Executable, Predictor, Validator
from asc.engine import Engine
from asc.errors import NonDeterministicStepError
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.predictors.quadratic import Quadratic
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
    require,
)
from asc.testing.clock import Clock, Machine, Priced, Slow
from asc.testing.contents import contents
from asc.testing.effort import instructions
from asc.testing.laws.base import Laws
from asc.testing.leaping import Place, beyond, executed, guessed
from asc.testing.stand_ins import Accept, Garbage, Raising, Refuse, Silent
from asc.types import Candidate, Verdict
from asc.validators.strict import Strict

_FREE = 500  # of Python's instructions, that what is asked at any time may take


class ComputationLaws(Laws):
    """What holds for every computation. Give `computation`, and change whatever else does not fit."""

    every = 8
    """Steps between boundaries; the computation should take a few dozen times as many in all."""

    horizons: tuple[int, ...] = ()
    """Horizons to judge, in steps; an exact computation chooses them by itself."""

    def computation(self) -> Computation:
        """Make the computation at its start, the same each time."""
        raise NotImplementedError("give the class a method computation() that makes the one to be tested")

    def predictors(self) -> Mapping[str, Predictor]:
        """Make predictors that have something to say about the computation, right or wrong."""
        return {"last-value": LastValue(), "linear": Linear(), "mean": Mean(), "quadratic": Quadratic()}

    def engine(
        self,
        computation: Computation,
        predictors: Mapping[str, Predictor],
        validator: Validator | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Engine:
        """Put an engine together."""
        rationing = Allocator.Config(horizons=self.horizons)
        return assemble(
            computation, predictors, every=self.every, validator=validator, allocator=rationing, clock=clock
        )

    def test_snapshot_brings_everything_back(self) -> None:
        """A full snapshot brings everything back, position and random state included, as often as one likes.

        If it fails: snapshot() leaves something out, restore() does not put it back, or hands out what it should copy.
        """
        check_snapshot(self.computation)

    def test_steps_are_steps_however_grouped(self) -> None:
        """Ten steps at once and ten times one are the same steps, observed and recorded in between or not.

        If it fails: observe() or a recorded advance() changes the state, or draws from its generator; or a step reads a
        word that recording does not keep up to date, such as one that is summed.
        """
        check_stretches(self.computation)

    def test_transparent_with_a_silent_predictor(self) -> None:
        """With a predictor that says nothing, a run ends as a plain one.

        If it fails: the computation does not stand being looked at, or takes other steps where it records them: see
        test_snapshot_brings_everything_back and test_steps_are_steps_however_grouped first.
        """
        check_same_end(self.computation, partial(self._with, {"silent": Silent()}))

    def test_transparent_with_a_raising_predictor(self) -> None:
        """With a predictor that raises, a run ends as a plain one.

        If it fails: the computation does not stand being looked at, or takes other steps where it records them: see
        test_snapshot_brings_everything_back and test_steps_are_steps_however_grouped first.
        """
        check_same_end(self.computation, partial(self._with, {"raising": Raising()}))

    def test_transparent_with_garbage(self) -> None:
        """With predictions that cannot be right, some of them not even of the right kind, a run ends as a plain one.

        If it fails: materialise() leaves the state alone, also where it returns None for what means nothing here, or
        raises.
        """
        check_same_end(self.computation, partial(self._with, {"garbage": Garbage()}))

    def _with(self, predictors: Mapping[str, Predictor], computation: Computation) -> Engine:
        """An engine that gets to try them: where time decides, on a clock by which a task is worth it."""
        if not isinstance(computation, Executable):
            return self.engine(computation, predictors)
        clock = Clock()
        return self.engine(_Affordable(cast(Machine, computation), clock, PRICES), predictors, clock=clock)


class _Affordable(Priced):
    """A machine on a clock, and a task that costs what it costs there."""

    def cost(self, work: str) -> float:
        return PRICES["dispatch"] / PRICES["step"] if work == "dispatch" else 0.0


class ExactLaws(ComputationLaws):
    """What holds where every leap is confirmed by execution."""

    def test_digest_sees_the_state(self) -> None:
        """Two supersteps that write different things have different digests where they are applied at one place.

        Every other law compares digests. If it fails: digest() leaves out words that steps change.
        """
        ends, places = set(), self._executed()
        if len({contents(place.transition.effect) for place in places}) == 1:
            raise SkipTest(
                f"the supersteps from {len(places)} places all write the same: let each step change something"
            )
        for place in places:
            computation = self.computation()
            computation.apply(place.transition._replace(start=computation.position()))
            ends.add(computation.digest())
        told = f"the supersteps from {len(places)} places, each applied at the start, led to one and the same digest"
        require(len(ends) > 1, told)

    def test_agrees_refuses_another_place(self) -> None:
        """A transition holds where it was made, and nowhere where what it has read is different or the end too near.

        If it fails: agrees() compares each word of `transition.causal` with its present bits, and asks whether there is
        room for `transition.steps`.
        """
        places = self._executed()
        for here in places:
            position = here.computation.position()
            for made in (place.transition for place in places):
                agrees = here.computation.agrees(made)
                told = f"agrees() says {agrees} at position {position} of a transition that was made at {made.start}"
                same = here.computation.key(tuple(made.causal)) == tuple(made.causal.values())
                require(same or not agrees, f"{told}, from other bits")
                require(agrees or made is not here.transition, f"{told}, which is that very place")
            _require_room(here)

    def test_exact_with_any_predictor(self) -> None:
        """With any one predictor, a run ends as a plain one, bit for bit.

        If it fails: a transition leaves something out of `causal` that its steps read, or apply() does something else.
        """
        engines = [self._ended({name: predictor}) for name, predictor in self.predictors().items()]
        tried = any("predict" in engine.ledger.accounts() for engine in engines)
        require(tried, "no guess was tried, so nothing was tested: let the computation take more steps")

    def test_exact_with_all_predictors(self) -> None:
        """With all predictors at once, right ones and wrong ones, a run ends as a plain one, bit for bit.

        If it fails: a transition leaves something out of `causal` that its steps read, or apply() does something else.
        """
        engine = self._ended({**self.predictors(), "garbage": Garbage()})
        tried = "predict" in engine.ledger.accounts()
        require(tried, "no guess was tried, so nothing was tested: let the computation take more steps")

    def test_driven_from_outside(self) -> None:
        """A loop of somebody's own, which calls at each boundary, ends where the engine's own loop does.

        If it fails: something depends on how often it is asked, such as a counter in position() or key().
        """
        check_driven(self.computation, partial(self._with, self.predictors()))

    def test_loss_is_bounded(self) -> None:
        """Whatever predictors do, what speculation loses stays within its share of the plain work.

        If it fails: engine() permits a larger overdraft, or advance() reports other steps than it took.
        """
        clock = Clock()
        priced = Priced(self._machine(), clock, PRICES)
        check_bounded(self.engine(priced, {"slow": Slow(Garbage(), clock, 40 * PRICES["step"])}, clock=clock))

    def test_all_time_is_booked(self) -> None:
        """Every second of the main thread stands in the ledger.

        If it fails: position(), finished(), total() or cost() works, and the ledger takes them for free: keep what they
        tell, and update it as you advance.
        """
        computation = self.computation()
        calls: dict[str, Callable[[], object]] = {
            "position": computation.position,
            "finished": computation.finished,
            "total": computation.total,
            "cost": partial(computation.cost, "dispatch"),
        }
        for _ in range(2):
            for name, call in calls.items():
                taken = instructions(call)
                require(taken <= _FREE, f"{name}() took {taken:,} instructions; it is asked often, and taken for free")
            computation.advance(20 * self.every)
        clock = Clock()
        priced = Priced(self._machine(), clock, PRICES)
        check_accounted(self.engine(priced, self.predictors(), clock=clock), clock)

    def _executed(self) -> list[Place]:
        """Places and what was recorded from there."""
        places = list(executed(self.computation, self.every))
        if not places:
            raise SkipTest("advance(n, record=True) tells nothing that it has learnt")
        return places

    def _ended(self, predictors: Mapping[str, Predictor]) -> Engine:
        try:
            return check_same_end(self.computation, partial(self._with, predictors))
        except NonDeterministicStepError as error:  # the run's own spot checks may be the first to see it
            raise AssertionError(str(error)) from error

    def _machine(self) -> Machine:
        computation = self.computation()
        if not isinstance(computation, Executable):
            raise AssertionError("an exact computation has task() and resembles(), so that workers can run on from it")
        return cast(Machine, computation)


class JudgedLaws(ComputationLaws):
    """What holds where a validator judges a candidate on the spot."""

    horizons: tuple[int, ...] = (8,)

    def validator(self) -> Validator:
        """Make the validator that a run would have."""
        return Strict()

    def test_digest_sees_the_state(self) -> None:
        """Two different candidates have different digests where they are applied at one place.

        Every other law compares digests. If it fails: digest() leaves out what a leap replaces, such as the weights.
        """
        ends, places = set(), self._guessed()
        for place in places:
            place.computation.apply(place.transition)
            ends.add(place.computation.digest())
        names = ", ".join(place.transition.source for place in places)
        told = f"the candidates of {names}, each applied at one place, led to one and the same digest"
        require(len(ends) > 1, told)

    def test_agrees_refuses_another_place(self) -> None:
        """A candidate holds in the state that it was predicted from, and in no other, nor where the end is too near.

        If it fails: agrees() compares what the candidate was predicted from with the present state, and asks whether
        there is room for `transition.steps`.
        """
        for here, again in zip(self._guessed(), self._guessed(), strict=True):
            computation, made = here
            before, told = computation.digest(), f"of a candidate of {made.source} made at position {made.start}"
            require(computation.agrees(made), f"agrees() says False {told}, though it is that very place")
            _require_room(here)
            computation.apply(made)
            changed = computation.digest() != before
            require(not (changed and computation.agrees(made)), f"agrees() says True {told} after it has been leapt to")
            computation, made = again
            computation.advance(self.every)
            require(not computation.agrees(made), f"agrees() says True {told} after {self.every} more steps")

    def test_transparent_where_all_is_refused(self) -> None:
        """Where every candidate is refused, a run ends as a plain one, bit for bit.

        If it fails: making or judging a candidate changes the state, or draws from training's own generator.
        """
        check_same_end(self.computation, self._refused)

    def test_transparent_where_the_validator_raises(self) -> None:
        """Where the validator raises, a run ends as a plain one, bit for bit.

        If it fails: score() does not put back what it replaced when it fails.
        """
        check_same_end(
            self.computation,
            lambda computation: self.engine(computation, self.predictors(), _FailsHalfway(self.validator())),
        )

    def test_rejection_changes_nothing(self) -> None:
        """At each boundary where a candidate is refused, the state stays as it was, bit for bit.

        If it fails: the sentence names the place; materialise() and score() put back what they replace.
        """
        check_rejection(self.computation, self._refused)

    def test_judging_changes_nothing(self) -> None:
        """Making a candidate and judging it leave the state as it was, whatever the verdict.

        If it fails: the sentence names the predictor and the place; put back what is replaced, in a `finally`.
        """
        check_judging(self.computation, self.predictors(), self.validator(), self.horizons)

    def test_driven_from_outside(self) -> None:
        """A loop of somebody's own, which calls at each boundary, ends where the engine's own loop does.

        If it fails: something depends on how often it is asked, such as a counter in position() or key().
        """
        check_driven(
            self.computation, lambda computation: self.engine(computation, self.predictors(), self.validator())
        )

    def test_reproducible(self) -> None:
        """Two runs with one seed decide and end alike, however quick the machine: the clock decides nothing.

        If it fails: cost() of an inexact computation reads no clock; count passes or bytes instead.
        """
        check_reproducible(
            self.computation,
            lambda computation, clock: self.engine(computation, self.predictors(), self.validator(), clock),
        )

    def test_resumed(self) -> None:
        """A run that goes on from a checkpoint decides and ends as one that never stopped.

        If it fails: something that steers is neither in snapshot() nor in a component's state_dict().
        """
        check_resumed(
            self.computation, lambda computation: self.engine(computation, self.predictors(), self.validator())
        )

    def test_loss_is_bounded(self) -> None:
        """Whatever predictors do, what speculation loses stays within its share of the plain work.

        If it fails: a price is wrong: cost() is in plain steps, for each kind of work that this computation causes.
        """
        for validator in (Refuse(), Accept(gain_steps=0.0), self.validator()):
            check_bounded(self.engine(self.computation(), self.predictors(), validator))

    def _guessed(self) -> list[Place]:
        """One place, as often as a predictor has a guess there."""
        places = list(guessed(self.computation, self.every, self.horizons[0], self.predictors()))
        told = f"{len(places)} of the predictors had a guess; two are needed: give others in predictors()"
        require(len(places) > 1, told)
        return places

    def _refused(self, computation: Computation) -> Engine:
        return self.engine(computation, self.predictors(), _Refused(self.validator()))


def _require_room(place: Place) -> None:
    """Require that a transition which leads past the end is refused, though it was made from the very state."""
    longer = beyond(place)
    if longer is not None:
        at = f"at position {place.computation.position()} of {place.computation.total()}"
        told = f"agrees() says True {at} of a transition of {longer.steps} steps, which leads past the end"
        require(not place.computation.agrees(longer), told)


class _Refused:
    """Judges as another does, and then refuses."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        verdict = self._validator.judge(computation, candidate)
        return Verdict(accepted=False, gain_steps=0.0, reason=f"refused, whatever the verdict: {verdict.reason}")


class _FailsHalfway:
    """Judges as another does, and then a candidate whose state is none, so that scoring it fails; raises."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        self._validator.judge(computation, candidate)
        self._validator.judge(computation, candidate._replace(state=object()))
        raise RuntimeError("this validator always raises")
