"""The laws of computations."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle
from unittest import SkipTest

from asc.computation import Computation, Executable
from asc.engine import Engine
from asc.errors import NonDeterministicStepError
from asc.predictor import Predictor
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.predictors.quadratic import Quadratic
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import (
    PRICES,
    check_accounted,
    check_bounded,
    check_driven,
    check_grouping,
    check_judging,
    check_rejection,
    check_reproducible,
    check_resumed,
    check_same_end,
    check_snapshot,
    require,
)
from asc.testing.clock import Clock, Priced, Slow
from asc.testing.contents import contents
from asc.testing.effort import instructions
from asc.testing.laws.base import Laws
from asc.testing.leaping import Match, predicted, recorded
from asc.testing.stand_ins import Accept, Garbage, Raising, Reject, Silent
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.strict import Strict

_FREE = 500  # of Python's instructions, that a question may take which is not booked
_WORK = ("observe", "recognise", "plan", "predict", "validate", "lookup", "insert", "apply", "dispatch", "collect")


class ComputationLaws(Laws):
    """What holds for every computation. Write `computation`, and replace whatever else does not fit."""

    every = 8
    """Steps between boundaries; the computation should take a few dozen times as many in all."""

    horizons: tuple[int, ...] = (8,)
    """Horizons to predict, in steps; where candidates are judged, those of each boundary."""

    def computation(self) -> Computation:
        """Make the computation at its start, the same each time."""
        raise NotImplementedError("give the class a method computation() that makes the one to be tested")

    def predictors(self) -> Mapping[str, Predictor]:
        """Make predictors that predict something about the computation, right or wrong."""
        return {"last-value": LastValue(), "linear": Linear(), "mean": Mean(), "quadratic": Quadratic()}

    def engine(
        self,
        computation: Computation,
        predictors: Mapping[str, Predictor],
        validator: Validator | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Engine:
        """Assemble an engine."""
        scheduler = self._scheduler()
        return assemble(
            computation, predictors, every=self.every, validator=validator, scheduler=scheduler, clock=clock
        )

    def test_snapshot_brings_everything_back(self) -> None:
        """A full snapshot brings everything back, position and random state included, any number of times.

        If it fails: snapshot() lacks something, restore() does not put it back, or one of them does not copy.
        """
        check_snapshot(self.computation)

    def test_steps_are_steps_however_grouped(self) -> None:
        """Ten steps at once and ten times one step lead to the same state, observed and recorded in between or not.

        If it fails: observe() or a recorded advance() changes the state, or draws from its generator; or a step reads a
        word that recording does not keep up to date, such as a word that is summed.
        """
        check_grouping(self.computation)

    def test_asking_for_a_price_changes_nothing(self) -> None:
        """Asking for a price changes nothing: price() answers the same twice, and take_price() then takes that price.

        If it fails: clear what is owed in take_price(), and change nothing in price().
        """
        for match in self._predicted():
            computation = match.computation
            self._judge(match)
            before = computation.digest()
            for work in _WORK:
                first, second, taken = computation.price(work), computation.price(work), computation.take_price(work)
                problem = f"asked for the price of {work}, it answers {first}, then {second}, and takes {taken}"
                require(first == second == taken, problem)
            require(computation.digest() == before, "asking for prices changed the computation")

    def test_transparent_with_a_silent_predictor(self) -> None:
        """With a predictor that never predicts, a run ends as a plain run.

        If it fails: observe() changes the computation, or recorded steps are not the same steps: see
        test_snapshot_brings_everything_back and test_steps_are_steps_however_grouped first.
        """
        check_same_end(self.computation, partial(self._with, {"silent": Silent()}))

    def test_transparent_with_a_raising_predictor(self) -> None:
        """With a predictor that raises, a run ends as a plain run.

        If it fails: observe() changes the computation, or recorded steps are not the same steps: see
        test_snapshot_brings_everything_back and test_steps_are_steps_however_grouped first.
        """
        check_same_end(self.computation, partial(self._with, {"raising": Raising()}))

    def test_transparent_with_garbage(self) -> None:
        """With predictions that cannot be right, some of them of the wrong kind, a run ends as a plain run.

        If it fails: materialise() changes the state, perhaps where it returns None or raises.
        """
        check_same_end(self.computation, partial(self._with, {"garbage": Garbage()}))

    def _with(self, predictors: Mapping[str, Predictor], computation: Computation) -> Engine:
        """Return an engine that asks the predictors: where the clock steers, on a clock by which tasks pay."""
        if not isinstance(computation, Executable):
            return self.engine(computation, predictors)
        clock = Clock()
        return self.engine(_Affordable(computation, clock, PRICES), predictors, clock=clock)

    def _scheduler(self) -> JudgedScheduler.Config | None:
        return None

    def _predicted(self) -> list[Match]:
        """One boundary, as often as a predictor predicts something there."""
        return list(predicted(self.computation, self.every, self.horizons[0], self.predictors()))

    def _judge(self, match: Match) -> None:
        """Do the work that a validator causes, if there is any."""


class _Affordable(Priced):
    """A computation on a clock whose tasks have the price of the clock."""

    def price(self, work: str) -> float:
        return PRICES["dispatch"] / PRICES["step"] if work == "dispatch" else 0.0


class ExactLaws(ComputationLaws):
    """What holds for computations whose leaps are all confirmed by execution."""

    def test_digest_sees_the_state(self) -> None:
        """Supersteps that write different things, applied to one state, lead to different digests.

        Every other law compares digests. If it fails: digest() leaves out words that steps change.
        """
        ends, matches = set(), self._recorded()
        if len({contents(match.transition.effect) for match in matches}) == 1:
            raise SkipTest(f"{len(matches)} supersteps all write the same: let each step change something")
        for match in matches:
            computation = self.computation()
            computation.apply(match.transition._replace(start=computation.position()))
            ends.add(computation.digest())
        problem = f"{len(matches)} different supersteps, each applied at the start, led to one and the same digest"
        require(len(ends) > 1, problem)

    def test_agrees_only_where_it_matches(self) -> None:
        """A transition agrees with the state that it was made from, not with other bits, and not past the end.

        If it fails: agrees() compares each word of `transition.causal` with its present bits, and asks whether there
        are `transition.steps` left.
        """
        matches = self._recorded()
        for here in matches:
            position = here.computation.position()
            for transition in (match.transition for match in matches):
                agrees = here.computation.agrees(transition)
                problem = (
                    f"agrees() is {agrees} at position {position} for a transition that was made at {transition.start}"
                )
                same = here.computation.key(tuple(transition.causal)) == tuple(transition.causal.values())
                require(same or not agrees, f"{problem}, from other bits")
                require(agrees or transition is not here.transition, f"{problem}, which is that very state")
            _require_room(here)

    def test_exact_with_any_predictor(self) -> None:
        """With any one predictor, a run ends as a plain run, bit for bit.

        If it fails: `causal` of a transition lacks something that its steps read, or apply() has another effect.
        """
        engines = [self._ended({name: predictor}) for name, predictor in self.predictors().items()]
        tried = any("predict" in engine.ledger.accounts() for engine in engines)
        require(tried, "no candidate was made, so nothing was tested: let the computation take more steps")

    def test_exact_with_all_predictors(self) -> None:
        """With all predictors at once, right and wrong, a run ends as a plain run, bit for bit.

        If it fails: `causal` of a transition lacks something that its steps read, or apply() has another effect.
        """
        engine = self._ended({**self.predictors(), "garbage": Garbage()})
        tried = "predict" in engine.ledger.accounts()
        require(tried, "no candidate was made, so nothing was tested: let the computation take more steps")

    def test_driven_from_outside(self) -> None:
        """A loop outside, which calls the engine at each boundary, ends where the engine's own loop does.

        If it fails: something depends on the number of calls, such as a counter in position() or key().
        """
        check_driven(self.computation, partial(self._with, self.predictors()))

    def test_loss_is_bounded(self) -> None:
        """Whatever predictors do, speculation loses no more than its share of the plain work.

        If it fails: engine() permits a larger overdraft, or advance() reports other steps than it took.
        """
        clock = Clock()
        priced = Priced(self._executable(), clock, PRICES)
        check_bounded(self.engine(priced, {"slow": Slow(Garbage(), clock, 40 * PRICES["step"])}, clock=clock))

    def test_all_time_is_booked(self) -> None:
        """Every second of the main thread is in the ledger.

        If it fails: position(), finished(), total() or price() does work, and the ledger books none for them: keep
        their answers, and update them as you advance.
        """
        computation = self.computation()
        calls: dict[str, Callable[[], object]] = {
            "position": computation.position,
            "finished": computation.finished,
            "total": computation.total,
            "price": partial(computation.price, "dispatch"),
        }
        for _ in range(2):
            for name, call in calls.items():
                taken = instructions(call)
                require(taken <= _FREE, f"{name}() took {taken:,} instructions; it is asked often, and not booked")
            computation.advance(20 * self.every)
        clock = Clock()
        priced = Priced(self._executable(), clock, PRICES)
        check_accounted(self.engine(priced, self.predictors(), clock=clock), clock)

    def _recorded(self) -> list[Match]:
        """Boundaries, each with the superstep that was recorded from there."""
        matches = list(recorded(self.computation, self.every))
        if not matches:
            raise SkipTest("advance(n, record=True) does not report what it has recorded")
        return matches

    def _ended(self, predictors: Mapping[str, Predictor]) -> Engine:
        try:
            return check_same_end(self.computation, partial(self._with, predictors))
        except NonDeterministicStepError as error:  # the run's own spot checks may see it first
            raise AssertionError(str(error)) from error

    def _executable(self) -> Executable:
        computation = self.computation()
        if not isinstance(computation, Executable):
            raise AssertionError(
                f"{type(computation).__name__} extends no asc.computation.Executable, so workers cannot run on from it"
            )
        return computation


class JudgedLaws(ComputationLaws):
    """What holds for computations whose candidates are judged by a validator."""

    def validator(self) -> Validator:
        """Make the validator that a run would have."""
        return Strict()

    def test_digest_sees_the_state(self) -> None:
        """Different candidates, applied to one state, lead to different digests.

        Every other law compares digests. If it fails: digest() leaves out what a leap replaces, such as the weights.
        """
        ends, matches = set(), self._predicted()
        for match in matches:
            match.computation.apply(match.transition)
            ends.add(match.computation.digest())
        names = ", ".join(match.transition.source for match in matches)
        problem = f"the candidates of {names}, each applied to one state, led to one and the same digest"
        require(len(ends) > 1, problem)

    def test_agrees_only_where_it_matches(self) -> None:
        """A candidate agrees with the state that it was predicted from, with no other state, and not past the end.

        If it fails: agrees() compares the state that the candidate was predicted from with the present state, and asks
        whether there are `transition.steps` left.
        """
        for here, again in zip(self._predicted(), self._predicted(), strict=True):
            computation, made = here
            before, problem = computation.digest(), f"for a candidate of {made.source} made at position {made.start}"
            require(computation.agrees(made), f"agrees() is False {problem}, though it is that very state")
            _require_room(here)
            computation.apply(made)
            changed = computation.digest() != before
            require(not (changed and computation.agrees(made)), f"agrees() is True {problem} after the leap to it")
            computation, made = again
            computation.advance(self.every)
            require(not computation.agrees(made), f"agrees() is True {problem} after {self.every} more steps")

    def test_transparent_where_all_is_rejected(self) -> None:
        """Where every candidate is rejected, a run ends as a plain run, bit for bit.

        If it fails: making or judging a candidate changes the state, or draws from training's own generator.
        """
        check_same_end(self.computation, self._rejecting)

    def test_transparent_where_the_validator_raises(self) -> None:
        """Where the validator raises, a run ends as a plain run, bit for bit.

        If it fails: score() does not put back what it replaced where it fails.
        """
        check_same_end(
            self.computation,
            lambda computation: self.engine(computation, self.predictors(), _FailsHalfway(self.validator())),
        )

    def test_rejection_changes_nothing(self) -> None:
        """At each boundary where a candidate is rejected, the state stays as it was, bit for bit.

        If it fails: the sentence names the position; let materialise() and score() put back what they replace.
        """
        check_rejection(self.computation, self._rejecting)

    def test_judging_changes_nothing(self) -> None:
        """A candidate is made and judged without a change to the state, whatever the verdict.

        If it fails: the sentence names predictor and position; put back what is replaced, in a `finally`.
        """
        check_judging(self.computation, self.predictors(), self.validator(), self.horizons)

    def test_driven_from_outside(self) -> None:
        """A loop outside, which calls the engine at each boundary, ends where the engine's own loop does.

        If it fails: something depends on the number of calls, such as a counter in position() or key().
        """
        check_driven(
            self.computation, lambda computation: self.engine(computation, self.predictors(), self.validator())
        )

    def test_reproducible(self) -> None:
        """Two runs with one seed decide and end alike, however fast the machine: the clock decides nothing.

        If it fails: price() reads a clock; count passes or bytes instead.
        """
        check_reproducible(
            self.computation,
            lambda computation, clock: self.engine(computation, self.predictors(), self.validator(), clock),
        )

    def test_resumed(self) -> None:
        """A run that is resumed from a checkpoint decides and ends as a run that never stopped.

        If it fails: something that steers is neither in snapshot() nor in a component's state_dict().
        """
        check_resumed(
            self.computation, lambda computation: self.engine(computation, self.predictors(), self.validator())
        )

    def test_loss_is_bounded(self) -> None:
        """Whatever predictors do, speculation loses no more than its share of the plain work.

        If it fails: a price is wrong: price() is in plain steps, for each kind of work that this computation causes.
        """
        for validator in (Reject(), Accept(gain_steps=0.0), self.validator()):
            check_bounded(self.engine(self.computation(), self.predictors(), validator))

    def _scheduler(self) -> JudgedScheduler.Config:
        return JudgedScheduler.Config(horizons=self.horizons)

    def _predicted(self) -> list[Match]:
        matches = super()._predicted()
        problem = f"{len(matches)} of the predictors predicted something; two are needed: give others in predictors()"
        require(len(matches) > 1, problem)
        return matches

    def _judge(self, match: Match) -> None:
        start, steps, effect, nbytes, source, *_ = match.transition
        self.validator().judge(match.computation, Candidate(start, steps, effect, nbytes, source))

    def _rejecting(self, computation: Computation) -> Engine:
        return self.engine(computation, self.predictors(), _Rejecting(self.validator()))


def _require_room(match: Match) -> None:
    """Require that a transition which leads past the end does not agree, though it was made from the very state."""
    longer = match.past_the_end()
    if longer is not None:
        at = f"at position {match.computation.position()} of {match.computation.total()}"
        problem = f"agrees() is True {at} for a transition of {longer.steps} steps, which leads past the end"
        require(not match.computation.agrees(longer), problem)


class _Rejecting(Validator):
    """Judges as another validator does, then rejects."""

    def __init__(self, validator: Validator) -> None:
        super().__init__()
        self._validator = validator

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        verdict = self._validator.judge(computation, candidate)
        return Verdict(accepted=False, gain_steps=0.0, reason=f"rejected, whatever the verdict: {verdict.reason}")


class _FailsHalfway(_Rejecting):
    """Judges as another validator does, then a candidate without a state, so that scoring it fails; raises.

    Every second candidate is rejected: a validator that only raises is soon switched off.
    """

    def __init__(self, validator: Validator) -> None:
        super().__init__(validator)
        self._fails = cycle((True, False))

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        verdict = super().judge(computation, candidate)
        if not next(self._fails):
            return verdict
        self._validator.judge(computation, candidate._replace(state=object()))
        raise RuntimeError("this validator raises")
