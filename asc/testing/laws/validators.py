"""The laws of validators."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from typing import Any, NamedTuple

from asc import answers
from asc.computation import Computation, Executable
from asc.engine import Engine
from asc.errors import WrongAnswerError, what_it_did
from asc.predictors.linear import Linear
from asc.reference.descent import Descent
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import check_resumed, require
from asc.testing.contents import contents
from asc.testing.laws.base import form
from asc.testing.laws.components import ComponentLaws, Series
from asc.types import Candidate, Direct, Plan, Verdict
from asc.validator import Validator
from asc.validators.scores import Scores

_AHEAD = 15  # steps to the continuation
_OCCASIONS = 16  # judgements that a law looks at


class Trial(NamedTuple):
    """A computation, a candidate that must be accepted, and one that must be rejected."""

    computation: Computation
    true: Candidate  # the state that plain steps lead to, better by a wide margin
    perturbed: Candidate  # a state far away from it, worse by a wide margin


class ValidatorLaws(ComponentLaws):
    """What every validator promises. Write `validator`, and replace whatever else does not fit.

    class TestMine(ValidatorLaws):
        def validator(self):
            return Mine()
    """

    most_looks = 16
    """Passes over held-out data that one judgement may take, those for the present state included."""

    judgements = 400
    """Judgements that a law about growth asks for, each at another boundary."""

    _kind = "validator"
    _deed = "judge"

    def validator(self) -> Any:
        """Make the validator, a fresh one each time."""
        raise NotImplementedError("give the class a method validator() that makes the one to be tested")

    def computation(self) -> Computation:
        """Make the computation whose candidates are judged, at its start, the same each time."""
        return Descent(steps=200, noise=0.01)

    def trial(self) -> Trial:
        """Make a computation, its true continuation, and a state that is worse by a wide margin."""
        computation, twin = self.computation(), self.computation()
        if not (isinstance(computation, Descent) and isinstance(twin, Descent)):
            raise AssertionError("a class with its own computation() has its own trial() and ruined() as well")
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
        """Make a candidate that contains NaN; None where states hold no floating-point numbers."""
        here = trial.computation.observe()
        assert isinstance(trial.computation, Descent)
        return trial.computation.materialise(Direct(trial.computation.vector * math.nan), [here], Plan("trial", _AHEAD))

    @form
    def test_raises_nothing(self) -> None:
        """A validator gives a verdict on every candidate; one that keeps raising ends speculation for the run.

        If it fails: look at the losses that it was given, and reject what you do not handle.
        """
        trial = self.trial()
        for name, candidate in (("true", trial.true), ("perturbed", trial.perturbed), ("ruined", self.ruined(trial))):
            if candidate is not None:
                validator = self._component()
                try:
                    validator.judge(trial.computation, candidate)
                except Exception as error:
                    raise AssertionError(f"of a {name} candidate {_raised(error)}") from error

    def test_declares_what_it_needs(self) -> None:
        """What a validator asks of the computation is among its `needs`, so that a run can refuse it at the start.

        If it fails: add the name to `needs`, "losses" for score() and gain_steps(), or look into `computation.provides`
        first.
        """
        trial, validator, asked = self.trial(), self._component(), list[str]()
        computation: Any = trial.computation
        computation.provides = frozenset(validator.needs)
        computation.read = partial(_answering, asked, validator.needs, computation.read)
        if "losses" not in validator.needs:
            computation.score = partial(_refusing, asked, "losses")
            computation.gain_steps = partial(_refusing, asked, "losses")
        with suppress(Exception):
            validator.judge(computation, trial.true)
        needs = ", ".join(sorted(validator.needs)) or "nothing"
        require(not asked, f"it asked for {', '.join(sorted(set(asked)))}, and declares that it needs {needs}")

    def test_accepts_the_true_continuation(self) -> None:
        """The state that plain steps lead to, better by a wide margin, is accepted.

        If it fails: the sentence has the reason of the verdict. A lower held-out loss is better.
        """
        trial = self.trial()
        verdict = self._judge(self._component(), trial.computation, trial.true)
        require(verdict.accepted, f"it rejected the true continuation: {verdict.reason}")

    def test_rejects_a_perturbed_one(self) -> None:
        """A state that is worse by a wide margin is rejected.

        If it fails: it accepts anything, or compares in the wrong direction.
        """
        trial = self.trial()
        verdict = self._judge(self._component(), trial.computation, trial.perturbed)
        require(not verdict.accepted, f"it accepted a state that is much worse: {verdict.reason}")

    def test_rejects_what_is_no_number(self) -> None:
        """A candidate whose loss is not finite is rejected, by a verdict and not by an exception.

        If it fails: NaN is neither below nor above anything; ask `math.isfinite` first.
        """
        trial = self.trial()
        candidate = self.ruined(trial)
        if candidate is not None:
            verdict = self._judge(self._component(), trial.computation, candidate)
            require(not verdict.accepted, f"it accepted a state that is no number: {verdict.reason}")

    @form
    def test_verdicts_are_well_formed(self) -> None:
        """A verdict says whether the candidate is accepted, its gain in plain steps, and the reason in a sentence.

        If it fails: the sentence has the verdict. A rejected candidate gains 0; gains are finite.
        """
        trial, validator = self.trial(), self._component()
        for candidate in (trial.true, trial.perturbed, trial.true):
            verdict = self._judge(validator, trial.computation, candidate, checked=False)
            shown = f"it gives {verdict!r}"
            require(isinstance(verdict, Verdict), f"{shown}, which is no Verdict")
            require(isinstance(verdict.accepted, bool), f"{shown}: accepted is True or False")
            require(_finite(verdict.gain_steps), f"{shown}: the gain is a finite number of plain steps")
            require(verdict.accepted or verdict.gain_steps == 0, f"{shown}: a rejected candidate gains nothing")
            said = isinstance(verdict.reason, str) and bool(verdict.reason.strip())
            require(said, f"{shown}: the reason is empty, and people read it in the record")
            require(
                verdict.change is None or _finite(verdict.change),
                f"{shown}: the change is a finite difference of losses or None",
            )

    def test_judges_against_the_base(self) -> None:
        """A link of a chain is judged against the link before it, its base: a state gains nothing over itself.

        If it fails: score `candidate.base`, which is None where the present state is meant.
        """
        trial = self.trial()
        if isinstance(trial.computation, Scores):
            verdict = self._judge(self._component(), trial.computation, trial.true._replace(base=trial.true.state))
            problem = f"it found that a state gains {verdict.gain_steps:.4g} steps over itself: {verdict.reason}"
            require(not verdict.accepted or verdict.gain_steps == 0, problem)

    def test_gain_is_measured(self) -> None:
        """The gain of a candidate is measured; it is never simply the candidate's horizon.

        If it fails: take the gain from held-out data (`computation.gain_steps`) or from what was executed.
        """
        trial = self.trial()
        gains = [
            self._judge(self._component(), trial.computation, trial.true._replace(horizon=horizon)).gain_steps
            for horizon in (trial.true.horizon, 50 * trial.true.horizon)
        ]
        require(gains[0] == gains[1], f"the same state gains {gains[0]:.4g} or {gains[1]:.4g}, by its horizon alone")

    @form
    def test_leaves_the_computation_untouched(self) -> None:
        """Judging changes no bit of the computation, whatever the verdict, random state included.

        If it fails: put back what you replace, in a `finally`.
        """
        trial, validator = self.trial(), self._component()
        for candidate in (trial.true, trial.perturbed):
            before = trial.computation.digest()
            self._judge(validator, trial.computation, candidate)
            require(trial.computation.digest() == before, "judging a candidate changed the computation")

    def test_leaves_it_untouched_where_scoring_raises(self) -> None:
        """Where a pass over held-out data fails, such as for lack of memory, the computation stays as it was.

        Nor is a candidate accepted without a score. If it fails: put back what you replace, in a `finally`, and let the
        exception through.
        """
        for after in range(3):
            trial, left, failed = self.trial(), iter(range(after)), list[int]()
            computation: Any = trial.computation
            if not isinstance(computation, Scores):
                return
            before = trial.computation.digest()
            computation.score = partial(_run_out, left, failed, computation.score)  # type: ignore[method-assign]
            verdict: Verdict | None = None
            with suppress(MemoryError):
                verdict = self._component().judge(trial.computation, trial.true)
            del computation.score
            require(trial.computation.digest() == before, "a judgement that raised changed the computation")
            unmeasured = bool(failed) and verdict is not None and verdict.accepted
            require(not unmeasured, "it accepted a state though a pass over held-out data had failed")

    def test_looks_are_bounded(self) -> None:
        """A judgement takes a bounded number of passes over held-out data, which are what judging costs.

        If it fails: score each state once a look, or set `most_looks` to the number that it is meant to take.
        """
        trial = self.trial()
        computation: Any = trial.computation
        if isinstance(computation, Scores):
            for candidate in (trial.true, trial.perturbed):
                looks: list[object] = []
                computation.score = partial(_counting, looks, computation.score)  # type: ignore[method-assign]
                self._judge(self._component(), trial.computation, candidate)
                del computation.score
                problem = f"it looked {len(looks)} times for one judgement; {self.most_looks} are allowed"
                require(len(looks) <= self.most_looks, problem)

    def test_resumed(self) -> None:
        """A judged run that is resumed ends as a run that never stopped: what a validator remembers is in its state.

        If it fails: write state_dict() and load_state_dict(state), of what JSON and numpy arrays hold.
        """
        if isinstance(self.computation(), Executable):  # whose runs are executed, not judged
            return

        def build(computation: Computation) -> Engine:
            scheduler = JudgedScheduler.Config(horizons=(2, 10), overdraft=9.0)
            return assemble(
                computation, {"linear": Linear()}, every=5, validator=self._component(), scheduler=scheduler
            )

        check_resumed(self.computation, build, carried=self.carried)

    def _series(self) -> Sequence[Series]:
        return [Series("the trial", self._occasions, _OCCASIONS, self.judgements)]

    def _occasions(self, count: int) -> Iterator[tuple[Computation, Candidate]]:
        """Candidates of one trial, each at another boundary."""
        trial = self.trial()
        for number, candidate in zip(range(count), cycle((trial.true, trial.perturbed, trial.true)), strict=False):
            yield trial.computation, candidate._replace(start=candidate.start + number)

    def _answer(self, component: Validator, occasion: tuple[Computation, Candidate]) -> Hashable:
        __tracebackhide__ = True
        return contents(self._judge(component, *occasion))

    def _judge(
        self, validator: Validator, computation: Computation, candidate: Candidate, *, checked: bool = True
    ) -> Verdict:
        __tracebackhide__ = True
        try:
            verdict = validator.judge(computation, candidate)
            if checked:
                answers.verdict(verdict)
        except Exception as error:  # noqa: BLE001 -- the sentence says what it raised, and which law shows the place
            wrong = isinstance(error, WrongAnswerError)
            see = "test_verdicts_are_well_formed" if wrong else "test_raises_nothing"
            raise AssertionError(f"{_raised(error)}; see {see}") from None
        return verdict


def _finite(value: object) -> bool:
    number = answers.number(value)
    return number is not None and math.isfinite(number)


def _raised(error: Exception) -> str:
    return f"judge {what_it_did(error)}"


def _run_out(left: Any, failed: list[int], score: Callable[..., Any], state: Any, look: int) -> Any:
    if next(left, None) is None:
        failed.append(look)
        raise MemoryError("a pass that fails on purpose")
    return score(state, look)


def _refusing(asked: list[str], need: str, *_: object) -> Any:
    asked.append(need)
    raise LookupError(f"this computation does not provide {need}")


def _answering(
    asked: list[str], needs: frozenset[str], read: Callable[..., Any], need: str, snapshots: Sequence[Any]
) -> Any:
    return read(need, snapshots) if need in needs else _refusing(asked, need)


def _counting(looks: list[object], score: Callable[..., Any], state: Any, look: int) -> Any:
    looks.append(look)
    return score(state, look)
