"""The laws of validators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice, repeat
from statistics import median
from typing import Any, NamedTuple

from asc.allocator import Allocator
from asc.computation import Computation, Stateful, Validator
from asc.engine import Engine
from asc.predictors.linear import Linear
from asc.raised import raised
from asc.testing.assembly import assemble
from asc.testing.checks import check_resumed, require
from asc.testing.contents import contents
from asc.testing.effort import Held, cost, instructions
from asc.testing.growth import grows
from asc.testing.laws.base import Laws
from asc.testing.laws.copied import check_copied
from asc.testing.problems import Descent
from asc.types import Candidate, Direct, Plan, Verdict

_AHEAD = 15  # steps to the continuation


class Trial(NamedTuple):
    """A computation, where it goes, and where it certainly does not."""

    computation: Computation
    true: Candidate  # the state that plain steps lead to, better by a wide margin
    perturbed: Candidate  # far from it, and worse by a wide margin


class ValidatorLaws(Laws):
    """What every validator promises. Give `validator`, and change whatever else does not fit.

    class TestMine(ValidatorLaws):
        def validator(self):
            return Mine()
    """

    most_looks = 16
    """Passes over held-out data that one judgement may take, the present state's own included."""

    judgements = 400
    """Judgements that a law about growth asks for, each at another boundary."""

    may_hold = 4 * 1024
    """Bytes by which what it holds may grow over the second half of these: less than a number a judgement."""

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

    def test_leaves_global_randomness_alone(self) -> None:
        """Whoever speculates draws from generators of its own: a run with it must draw what one without it draws.

        If it fails: make a generator in the constructor, with a seed from the settings.
        """
        trial, before = self.trial(), self.global_randomness()
        self._judge(self.validator(), trial.computation, trial.true)
        require(self.global_randomness() == before, "it drew from a global generator")

    def test_same_input_same_verdict(self) -> None:
        """Two validators of the same settings that have seen the same give the same verdicts: runs can be repeated.

        If it fails: something beside the states decides, such as a clock, id(), unseeded chance, or what another
        instance has left in the class.
        """
        verdicts = []
        for seed, validator in enumerate((self.validator(), self.validator()), 1):
            with self.shaken(seed):
                verdicts.append([contents(verdict) for verdict in self._verdicts(validator)])
        require(verdicts[0] == verdicts[1], "two fresh validators gave different verdicts")

    def test_instances_are_isolated(self) -> None:
        """Two validators share nothing: what one judges makes no difference to the verdicts of the other.

        If it fails: something is kept in the class or the module; keep it in the instance.
        """
        alone, among, other = self.validator(), self.validator(), self.validator()
        expected, trial = [contents(verdict) for verdict in self._verdicts(alone)], self.trial()
        found = []
        for number, candidate in enumerate((trial.true, trial.perturbed, trial.true), 1):
            for rival in (trial.perturbed, trial.true):
                self._judge(other, trial.computation, rival._replace(start=rival.start + number))
            found.append(contents(self._judge(among, trial.computation, candidate)))
        require(found == expected, "beside another instance it gave other verdicts")

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

    def test_state_goes_through_a_checkpoint(self) -> None:
        """A state is made of what a checkpoint holds, and whoever has loaded it goes on as the one that it is of.

        That is dictionaries with strings for keys, lists, what JSON holds, and arrays. If it fails: turn keys into
        strings and sets into lists, and back in load_state_dict; and save all that the answers depend on.
        """
        one, other, trial = self.validator(), self.validator(), self.trial()
        if not isinstance(one, Stateful) or not isinstance(other, Stateful):
            return
        for number in range(16):
            candidate = (trial.true, trial.perturbed, trial.true)[number % 3]
            candidate = candidate._replace(start=candidate.start + number)
            if number == 8:
                other.load_state_dict(self.saved(one.state_dict()))
            verdict = contents(self._judge(one, trial.computation, candidate))
            if number >= 8:
                same = contents(self._judge(other, trial.computation, candidate)) == verdict
                require(same, "one that had loaded its state gave another verdict")

    def test_state_is_a_copy(self) -> None:
        """A state that was taken stays as it is, whatever its component judges then.

        If it fails: copy lists, dictionaries and arrays in state_dict().
        """
        trial = self.trial()
        boundaries = iter(range(10))

        def live(validator: Any) -> None:
            for number in islice(boundaries, 5):
                self._judge(validator, trial.computation, trial.true._replace(start=trial.true.start + number))

        check_copied(self.validator(), live)

    def test_work_does_not_grow(self) -> None:
        """A judgement late in a run does no more work than one early in it.

        Counted in Python's instructions, not in seconds. If it fails: keep sums that you update, or the last few
        values, rather than going through everything that you have ever judged.
        """
        calls, tenth = list(self._calls()), max(1, self.judgements // 10)
        for call in calls[: 2 * tenth]:
            call()
        early = int(median(instructions(call) for call in calls[2 * tenth : 3 * tenth]))
        for call in calls[3 * tenth : -tenth]:
            call()
        late = int(median(instructions(call) for call in calls[-tenth:]))
        grown = f"a judgement took {early:,} instructions early in the run and {late:,} at its end"
        require(not grows(early, late), grown)

    def test_memory_does_not_grow(self) -> None:
        """What a validator holds is bounded, however many candidates it judges.

        If it fails: forget the oldest, or set `may_hold` where there is a bound farther out.
        """
        grown, count = 0, self.judgements
        with Held() as held:
            for number, call in enumerate(self._calls()):
                call()
                if number in (count // 2, count - 1):
                    grown = held.now() + self.held_elsewhere() - grown
        require(
            grown <= self.may_hold, f"it held {grown:,} bytes more after {count} judgements than after half of them"
        )

    def test_cost_is_reported(self, record_property: Callable[[str, object], None]) -> None:
        """Time and memory of a judgement are reported, and never judged: what they are worth is for a run to say.

        Run pytest with `-p asc.testing.pytest_plugin` to see them. If it fails: it raised; see test_raises_nothing.
        """
        validator, trial = self.validator(), self.trial()
        for name, candidate in (("true", trial.true), ("perturbed", trial.perturbed)):
            taken = cost(repeat(partial(self._judge, validator, trial.computation, candidate), 5))
            record_property(f"judge a {name} one", tuple(taken))

    def _judge(self, validator: Validator, computation: Computation, candidate: Candidate) -> Verdict:
        __tracebackhide__ = True
        try:
            return validator.judge(computation, candidate)
        except Exception as error:  # noqa: BLE001 -- whatever a validator raises is told, and where to look
            raise AssertionError(f"{_raised(error)}; see test_raises_nothing") from None

    def _calls(self) -> Iterator[Callable[[], Verdict]]:
        """Judgements by one validator, each at another boundary."""
        validator, trial = self.validator(), self.trial()
        for number in range(self.judgements):
            candidate = trial.true._replace(start=trial.true.start + number)
            yield partial(self._judge, validator, trial.computation, candidate)

    def _verdicts(self, validator: Validator | None = None) -> list[Verdict]:
        __tracebackhide__ = True
        validator, trial = validator or self.validator(), self.trial()
        return [self._judge(validator, trial.computation, one) for one in (trial.true, trial.perturbed, trial.true)]


def _raised(error: Exception) -> str:
    return f"judge raised {raised(error)}"


def _run_out(left: Any, failed: list[int], score: Callable[..., Any], state: Any, look: int) -> Any:
    if next(left, None) is None:
        failed.append(look)
        raise MemoryError("a pass that fails on purpose")
    return score(state, look)


def _counting(looks: list[object], score: Callable[..., Any], state: Any, look: int) -> Any:
    looks.append(look)
    return score(state, look)
