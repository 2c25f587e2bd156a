"""The laws of validators."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from typing import Any, NamedTuple

from asc.allocator import Allocator
from asc.computation import Computation, Validator
from asc.engine import Engine
from asc.errors import describe_error
from asc.predictors.linear import Linear
from asc.reference.programs import Descent
from asc.testing.assembly import assemble
from asc.testing.checks import check_resumed, require
from asc.testing.contents import contents
from asc.testing.laws.components import ComponentLaws, Series
from asc.types import Candidate, Direct, Plan, Verdict

_AHEAD = 15  # steps to the continuation
_OCCASIONS = 16  # judgements that a law looks at


class Trial(NamedTuple):
    """A computation, where it goes, and where it certainly does not."""

    computation: Computation
    true: Candidate  # the state that plain steps lead to, better by a wide margin
    perturbed: Candidate  # far from it, and worse by a wide margin


class ValidatorLaws(ComponentLaws):
    """What every validator promises. Give `validator`, and change whatever else does not fit.

    class TestMine(ValidatorLaws):
        def validator(self):
            return Mine()
    """

    most_looks = 16
    """Passes over held-out data that one judgement may take, the present state's own included."""

    judgements = 400
    """Judgements that a law about growth asks for, each at another boundary."""

    _deed = "judge"

    def validator(self) -> Validator:
        """Make the validator, a fresh one each time."""
        raise NotImplementedError("give the class a method validator() that makes the one to be tested")

    def computation(self) -> Computation:
        """Make the computation whose candidates are judged, at its start, the same each time."""
        return Descent(steps=200, noise=0.01)

    def trial(self) -> Trial:
        """Make a computation, its true continuation, and one that is worse by a margin that nobody can miss."""
        computation, twin = self.computation(), self.computation()
        if not (isinstance(computation, Descent) and isinstance(twin, Descent)):
            raise AssertionError(
                "a class with a computation() of its own has a trial() and a ruined() of its own as well"
            )
        computation.advance(_AHEAD)
        twin.advance(2 * _AHEAD)
        here = computation.observe()
        away = computation.vector + 3 * (computation.vector - twin.vector)
        true, perturbed = (
            computation.materialise(Direct(vector), [here], Plan("trial", _AHEAD)) for vector in (twin.vector, away)
        )
        assert true is not None
        assert perturbed is not None
        return Trial(computation, true, perturbed)

    def ruined(self, trial: Trial) -> Candidate | None:
        """Make a candidate with a number that is none; None where states hold no numbers."""
        here = trial.computation.observe()
        assert isinstance(trial.computation, Descent)
        return trial.computation.materialise(Direct(trial.computation.vector * math.nan), [here], Plan("trial", _AHEAD))

    def test_raises_nothing(self) -> None:
        """A validator gives a verdict on every candidate; where it raises, the run takes that for a refusal.

        If it fails: look at the losses that it was given, and reject what you do not handle.
        """
        trial = self.trial()
        for name, candidate in (("true", trial.true), ("perturbed", trial.perturbed), ("ruined", self.ruined(trial))):
            if candidate is not None:
                try:
                    self.validator().judge(trial.computation, candidate)
                except Exception as error:
                    raise AssertionError(f"of a {name} candidate {_raised(error)}") from error

    def test_accepts_the_true_continuation(self) -> None:
        """What plain steps lead to, better by a wide margin, is accepted.

        If it fails: the sentence shows the reason that the verdict gives. Lower held-out loss is better.
        """
        trial = self.trial()
        verdict = self._judge(self.validator(), trial.computation, trial.true)
        require(verdict.accepted, f"it rejected the true continuation: {verdict.reason}")

    def test_rejects_a_perturbed_one(self) -> None:
        """A state that is worse by a wide margin is rejected.

        If it fails: it accepts anything, or compares the wrong way round.
        """
        trial = self.trial()
        verdict = self._judge(self.validator(), trial.computation, trial.perturbed)
        require(not verdict.accepted, f"it accepted a state that is much worse: {verdict.reason}")

    def test_rejects_what_is_no_number(self) -> None:
        """A candidate whose loss is not finite is rejected, by a verdict and not by an exception.

        If it fails: NaN is neither below nor above anything; ask `math.isfinite` first.
        """
        trial = self.trial()
        candidate = self.ruined(trial)
        if candidate is not None:
            verdict = self._judge(self.validator(), trial.computation, candidate)
            require(not verdict.accepted, f"it accepted a state that is no number: {verdict.reason}")

    def test_verdicts_are_well_formed(self) -> None:
        """A verdict says yes or no, what the candidate is worth in plain steps, and why, in a sentence.

        If it fails: the sentence shows the verdict. What is rejected is worth 0; gains are finite.
        """
        for verdict in self._verdicts():
            shown = f"it gives {verdict!r}"
            require(isinstance(verdict, Verdict), f"{shown}, which is no Verdict")
            require(isinstance(verdict.accepted, bool), f"{shown}: accepted is True or False")
            require(math.isfinite(verdict.gain_steps), f"{shown}: the gain is a finite number of plain steps")
            require(verdict.accepted or verdict.gain_steps == 0, f"{shown}: what is rejected is worth nothing")
            require(bool(verdict.reason.strip()), f"{shown}: the reason is empty, and people read it in the record")
            finite = verdict.change is None or math.isfinite(verdict.change)
            require(finite, f"{shown}: the change is a finite difference of losses or None")

    def test_judges_against_the_base(self) -> None:
        """A link of a chain is judged against the link before it, its base: over itself, no state is worth anything.

        If it fails: score `candidate.base`, which is None where the present state is meant.
        """
        trial = self.trial()
        if hasattr(trial.computation, "score"):
            verdict = self._judge(self.validator(), trial.computation, trial.true._replace(base=trial.true.state))
            worth = f"over itself, it found a state to be worth {verdict.gain_steps:.4g} steps: {verdict.reason}"
            require(not verdict.accepted or verdict.gain_steps == 0, worth)

    def test_gain_is_measured(self) -> None:
        """What a candidate is worth is measured, and never simply how far ahead it claims to be.

        If it fails: take the gain from held-out data (`computation.gain_steps`) or from what was executed.
        """
        trial = self.trial()
        gains = [
            self._judge(self.validator(), trial.computation, trial.true._replace(horizon=horizon)).gain_steps
            for horizon in (trial.true.horizon, 50 * trial.true.horizon)
        ]
        require(gains[0] == gains[1], f"the same state is worth {gains[0]:.4g} or {gains[1]:.4g}, by its horizon alone")

    def test_leaves_the_computation_untouched(self) -> None:
        """Judging changes nothing, whatever the verdict: not a bit, random state included.

        If it fails: put back what you replace, in a `finally`.
        """
        trial, validator = self.trial(), self.validator()
        for candidate in (trial.true, trial.perturbed):
            before = trial.computation.digest()
            self._judge(validator, trial.computation, candidate)
            require(trial.computation.digest() == before, "judging a candidate changed the computation")

    def test_leaves_it_untouched_where_scoring_raises(self) -> None:
        """Where a pass over held-out data fails, such as for lack of memory, the computation is as it was.

        Nor is a state accepted then that nobody has measured. If it fails: put back what you replace, in a `finally`,
        and let the exception go on.
        """
        for after in range(3):
            trial, left, failed = self.trial(), iter(range(after)), list[int]()
            computation: Any = trial.computation
            score = getattr(computation, "score", None)
            if score is None:
                return
            before = computation.digest()
            computation.score = partial(_run_out, left, failed, score)
            verdict: Verdict | None = None
            with suppress(MemoryError):
                verdict = self.validator().judge(computation, trial.true)
            del computation.score
            require(computation.digest() == before, "a judgement that raised changed the computation")
            unmeasured = bool(failed) and verdict is not None and verdict.accepted
            require(not unmeasured, "it accepted a state though a pass over held-out data had failed")

    def test_looks_are_bounded(self) -> None:
        """A judgement takes a bounded number of passes over held-out data, which is what judging costs.

        If it fails: score each state once a look, or set `most_looks` to what it is meant to take.
        """
        trial = self.trial()
        computation: Any = trial.computation
        if hasattr(computation, "score"):
            for candidate in (trial.true, trial.perturbed):
                looks: list[object] = []
                score = computation.score
                computation.score = partial(_counting, looks, score)
                self._judge(self.validator(), computation, candidate)
                del computation.score
                took = f"it looked {len(looks)} times for one judgement; {self.most_looks} are allowed"
                require(len(looks) <= self.most_looks, took)

    def test_goes_on_after_a_stop(self) -> None:
        """A judged run that is resumed ends as if it had never stopped: what a validator remembers is in its state.

        If it fails: offer state_dict() and load_state_dict(state), of what JSON and numpy arrays hold.
        """
        if not self.computation().exact:

            def build(computation: Computation) -> Engine:
                rationing = Allocator.Config(horizons=(2, 10), overdraft=9.0)
                predictors = {"linear": Linear()}
                return assemble(computation, predictors, every=5, validator=self.validator(), allocator=rationing)

            check_resumed(self.computation, build, carried=self.carried)

    def _component(self) -> Validator:
        return self.validator()

    def _series(self) -> Sequence[Series]:
        return [Series("the trial", self._occasions, _OCCASIONS, self.judgements)]

    def _occasions(self, count: int) -> Iterator[tuple[Computation, Candidate]]:
        """Candidates of one trial, each at another boundary."""
        trial = self.trial()
        for number, candidate in zip(range(count), cycle((trial.true, trial.perturbed, trial.true)), strict=False):
            yield trial.computation, candidate._replace(start=candidate.start + number)

    def _asked(self, component: Validator, occasion: tuple[Computation, Candidate]) -> Hashable:
        __tracebackhide__ = True
        return contents(self._judge(component, *occasion))

    def _judge(self, validator: Validator, computation: Computation, candidate: Candidate) -> Verdict:
        __tracebackhide__ = True
        try:
            return validator.judge(computation, candidate)
        except Exception as error:  # noqa: BLE001 -- whatever a validator raises is told, and where to look
            raise AssertionError(f"{_raised(error)}; see test_raises_nothing") from None

    def _verdicts(self, validator: Validator | None = None) -> list[Verdict]:
        __tracebackhide__ = True
        validator, trial = validator or self.validator(), self.trial()
        return [self._judge(validator, trial.computation, one) for one in (trial.true, trial.perturbed, trial.true)]


def _raised(error: Exception) -> str:
    return f"judge raised {describe_error(error)}"


def _run_out(left: Any, failed: list[int], score: Callable[..., Any], state: Any, look: int) -> Any:
    if next(left, None) is None:
        failed.append(look)
        raise MemoryError("a pass that fails on purpose")
    return score(state, look)


def _counting(looks: list[object], score: Callable[..., Any], state: Any, look: int) -> Any:
    looks.append(look)
    return score(state, look)
