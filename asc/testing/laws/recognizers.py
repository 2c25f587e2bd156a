"""The laws of recognizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import cycle
from typing import Any

from asc import answers
from asc.computation import Computation, Executable
from asc.engine import Engine
from asc.errors import what_it_did
from asc.predictors.linear import Linear
from asc.recognizer import Recognizer
from asc.reference.runs import ReferenceRun, Visit, reference_runs, unprovided
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import check_executed, check_resumed, require
from asc.testing.contents import contents
from asc.testing.laws.base import form
from asc.testing.laws.components import ComponentLaws, Series
from asc.testing.laws.watched import Reading
from asc.testing.stand_ins import Accept
from asc.types import Decision, Outcome, Plan, Recognition

DECISIONS = tuple(
    Decision(Plan("linear", horizon), outcome, gain, "a reason", change, reached)
    for outcome in Outcome
    for horizon, gain, change, reached in ((0, 0.0, None, None), (10, 7.5, -0.1, None), (40, -3.0, 0.2, 20))
)
"""Every outcome that a decision can have, with and without figures."""


class RecognizerLaws(ComponentLaws):
    """What every recognizer promises. Write `recognizer`, and replace whatever else does not fit.

        class TestMine(RecognizerLaws):
            def recognizer(self):
                return Mine()

    The laws ask it at the boundaries of reference runs that provide what it needs.
    """

    _kind = "recognizer"
    _deed = "recognise"

    def recognizer(self) -> Any:
        """Make the recognizer, a fresh one each time."""
        raise NotImplementedError("give the class a method recognizer() that makes the one to be tested")

    def reference_runs(self) -> Sequence[ReferenceRun]:
        """Return the runs to try it on. Add one of the kind that it is made for, where the kit has none."""
        return reference_runs(self._component().needs)

    @form
    def test_raises_nothing(self) -> None:
        """A recognizer answers at each boundary; one that raises is switched off, and speculation with it.

        If it fails: answer with speculate=False and a label such as "unknown" where the state says nothing.
        """
        for run in self._runs():
            recognizer = self._component()
            for visit in run.visits():
                position, computation = visit.computation.position(), visit.computation
                calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
                    (recognizer.next_boundary, (position, computation)),
                    (recognizer.recognise, (computation,)),
                ]
                for call, arguments in calls:
                    try:
                        call(*arguments)
                    except Exception as error:
                        problem = f"at position {position} of {run.name} {_raised(call, error)}"
                        raise AssertionError(problem) from error

    @form
    def test_boundaries_lie_ahead(self) -> None:
        """The next boundary is a whole number of steps, and after the present position: the run must advance.

        If it fails: return at least position + 1.
        """
        for run in self._runs():
            recognizer = self._component()
            for visit in run.visits():
                position = visit.computation.position()
                following = self._try(recognizer.next_boundary, position, visit.computation)
                ahead = type(following) is int and following > position
                require(ahead, f"at position {position} of {run.name} the next boundary is {following!r}")
                self._try(recognizer.recognise, visit.computation)

    def test_asking_for_the_boundary_changes_nothing(self) -> None:
        """A run may ask for the next boundary several times at one position: the answers are the same.

        If it fails: count and learn in recognise(), which a run calls once a boundary.
        """
        for run in self._runs():
            once, often = self._component(), self._component()
            for visit in run.visits():
                position = visit.computation.position()
                nexts = [
                    self._try(one.next_boundary, position, visit.computation) for one in (once, often, often, often)
                ]
                where = f"at position {position} of {run.name}"
                require(len(set(nexts)) == 1, f"{where}, asked four times, it named the boundaries {nexts}")
                first, again = (self._try(one.recognise, visit.computation) for one in (once, often))
                same = contents(first) == contents(again)
                problem = f"{where} it answers {first!r}, and {again!r} after more questions for the next boundary"
                require(same, problem)

    @form
    def test_answers_are_well_formed(self) -> None:
        """An answer is a Recognition: True or False, a label of one short line, a finite score or None, and a bound.

        The bound, `furthest`, is a whole number of steps, not below zero, or None.

        If it fails: the sentence has the answer. People read the label in the record and the report.
        """
        for run in self._runs():
            for visit, answer in self._recognitions(run, checked=False):
                shown = f"at position {visit.computation.position()} of {run.name} it answers {answer!r}"
                require(isinstance(answer, Recognition), f"{shown}, which is no Recognition")
                require(isinstance(answer.speculate, bool), f"{shown}: speculate is True or False")
                label = answer.label
                line = isinstance(label, str) and 0 < len(label.strip()) <= 40 and "\n" not in label
                require(line, f"{shown}: the label is a line of at most 40 characters")
                score = answers.number(answer.score)
                finite = answer.score is None or (score is not None and math.isfinite(score))
                require(finite, f"{shown}: the score is a finite number or None")
                bound = answer.furthest
                whole = bound is None or (type(bound) is int and bound >= 0)
                require(whole, f"{shown}: furthest is a whole number from 0 on, or None")

    def test_speculates_somewhere(self) -> None:
        """A recognizer finds places to predict from, on at least one of the reference runs.

        If it fails: it finds none. Add a run of the kind that it is made for, in `reference_runs`.
        """
        found = any(answer.speculate for run in self._runs() for _, answer in self._recognitions(run))
        require(found, f"it speculates nowhere on {', '.join(run.name for run in self._runs())}")

    def test_reads_only_what_it_needs(self) -> None:
        """What a recognizer reads is what it declares in `needs`, so that a run can refuse it before it starts.

        If it fails: give the class `needs = frozenset({"fingerprint"})`, with the name of what you read.
        """
        for run in self._runs():
            recognizer = self._component()
            for visit in run.visits():
                others = sorted(self._watched(recognizer, visit).needs - recognizer.needs)
                problem = f"it reads {', '.join(others)}, which is not among its needs: {sorted(recognizer.needs)}"
                require(not others, problem)

    @form
    def test_leaves_the_computation_untouched(self) -> None:
        """A recognizer only looks: the computation is the same before and after, bit for bit.

        So is what it has read, even where this computation returns a copy: another computation does not. If it fails:
        copy before you write, and take a snapshot rather than advancing.
        """
        for run in self._runs():
            recognizer = self._component()
            for visit in run.visits():
                before, place = visit.computation.digest(), f"position {visit.computation.position()} of {run.name}"
                read = self._watched(recognizer, visit)
                require(visit.computation.digest() == before, f"it changed the computation at {place}")
                changed = sorted(read.changed())
                require(not changed, f"it changed what it had read as {', '.join(changed)}, at {place}")

    def test_learns_from_any_decision(self) -> None:
        """A recognizer raises nothing in learn() and follow(), whatever the outcome of a decision.

        If it fails: look at `decision.outcome` first; `change` and `reached` may be None.
        """
        for run in self._runs():
            recognizer = self._component()
            for visit, decision in zip(run.visits(len(DECISIONS)), DECISIONS, strict=True):
                self._try(recognizer.next_boundary, visit.computation.position(), visit.computation)
                self._try(recognizer.recognise, visit.computation)
                for call, lesson in _lessons(recognizer, visit, decision):
                    try:
                        call(lesson)
                    except Exception as error:
                        raise AssertionError(f"given {lesson!r}, {_raised(call, error)}") from error

    def test_runs_end_the_same(self) -> None:
        """An executed run ends, bit for bit, as it does without speculation, and the recognizer is not switched off.

        If it fails: it changes the computation, see test_leaves_the_computation_untouched; or it raises, as the
        sentence says.
        """
        for run in self._runs():
            check_executed(run, partial(assemble, predictors={"linear": Linear()}, recognizer=self._component()))

    def test_resumed(self) -> None:
        """A judged run that is resumed ends as a run that never stopped: what a recognizer remembers is in its state.

        If it fails: write state_dict() and load_state_dict(state), of what JSON and numpy arrays hold.
        """
        for run in self._runs():
            if isinstance(run.make(1), Executable):
                continue

            def build(computation: Computation, run: ReferenceRun = run) -> Engine:
                return assemble(
                    computation,
                    {"linear": Linear()},
                    recognizer=self._component(),
                    validator=Accept(gain_steps=2.0),
                    scheduler=JudgedScheduler.Config(horizons=(run.every,), overdraft=9.0),
                )

            check_resumed(partial(run.make, 20 * run.every), build, carried=self.carried)

    def _series(self) -> Sequence[Series]:
        __tracebackhide__ = True
        return [Series(run.name, partial(_occasions, run), run.boundaries, run.long) for run in self._runs()]

    def _answer(self, component: Recognizer, occasion: tuple[Visit, Decision]) -> Hashable:
        """Do what a run does at a boundary where one decision is made and settled."""
        __tracebackhide__ = True
        visit, decision = occasion
        self._try(component.next_boundary, visit.computation.position(), visit.computation)
        answer = self._try(component.recognise, visit.computation)
        for call, lesson in _lessons(component, visit, decision):
            self._try(call, lesson, see="test_learns_from_any_decision")
        return contents(answer)

    def _runs(self) -> Sequence[ReferenceRun]:
        __tracebackhide__ = True
        runs = self.reference_runs()
        require(bool(runs), unprovided(self._component().needs))
        return runs

    def _try(
        self, call: Callable[..., Any], *arguments: Any, see: str = "test_raises_nothing", checked: bool = True
    ) -> Any:
        __tracebackhide__ = True
        try:
            answer = call(*arguments)
            if checked and getattr(call, "__name__", "") == "recognise":
                see = "test_answers_are_well_formed"
                answers.recognition(answer)
            return answer
        except Exception as error:  # noqa: BLE001 -- the sentence says what it raised, and which law shows the place
            raise AssertionError(f"{_raised(call, error)}; see {see}") from None

    def _watched(self, recognizer: Recognizer, visit: Visit) -> Reading:
        """Ask it what a run asks at a boundary; return what it has read."""
        __tracebackhide__ = True
        computation: Any = visit.computation
        read = computation.read = Reading(computation.read)
        try:
            self._try(recognizer.next_boundary, computation.position(), computation)
            self._try(recognizer.recognise, computation)
        finally:
            del computation.read
        return read

    def _recognitions(self, run: ReferenceRun, *, checked: bool = True) -> Iterator[tuple[Visit, Recognition]]:
        __tracebackhide__ = True
        recognizer = self._component()
        for visit in run.visits():
            self._try(recognizer.next_boundary, visit.computation.position(), visit.computation)
            yield visit, self._try(recognizer.recognise, visit.computation, checked=checked)


def _occasions(run: ReferenceRun, count: int) -> Iterator[tuple[Visit, Decision]]:
    return zip(run.visits(count), cycle(DECISIONS), strict=False)


def _lessons(recognizer: Recognizer, visit: Visit, decision: Decision) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """Yield what a run calls after a boundary, with what it gives."""
    yield recognizer.learn, decision
    yield recognizer.follow, visit.computation


def _raised(call: Callable[..., Any], error: Exception) -> str:
    return f"{getattr(call, '__name__', 'it')} {what_it_did(error)}"
